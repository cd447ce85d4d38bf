"""A RabbitMQ for the tests: a node of its own, from the machine's program, in a temporary directory."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from tests.support import free_port, wait_until

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Where Debian has it; what it has on the path insists on being root, and on the machine's own directories."""

# Erlang's directory of nodes, then the server, whose number it says; both are ended once whoever holds the standard
# input is gone, killed or not.
GUARD = 'epmd >/dev/null 2>&1 & names=$!; "$@" >/dev/null 2>&1 </dev/null & echo $!; read -r _; kill -s KILL $! $names'


class RabbitMQ:
    """On free ports of 127.0.0.1, for as long as the context lasts. Skips the test where there is none."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def __enter__(self) -> Self:
        if not (PROGRAM.exists() and shutil.which("epmd")):
            pytest.skip("no RabbitMQ: the package rabbitmq-server is not installed")
        self._directory = tempfile.TemporaryDirectory(prefix="larder-rabbitmq-", ignore_cleanup_errors=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._directory.cleanup()

    def start(self) -> None:
        """Returns as soon as it answers, after some eight seconds. What it has taken in it still has."""
        home = Path(self._directory.name)
        (home / "plugins").write_text("[].")
        environment = {
            "HOME": home,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": free_port(),
            "RABBITMQ_CONF_ENV_FILE": home / "none",
            "RABBITMQ_CONFIG_FILE": home / "none",
            "RABBITMQ_DIST_PORT": free_port(),
            "RABBITMQ_ENABLED_PLUGINS_FILE": home / "plugins",
            "RABBITMQ_LOG_BASE": home,
            "RABBITMQ_MNESIA_BASE": home,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_NODENAME": f"larder-{self.port}@localhost",
            "RABBITMQ_PID_FILE": home / "pid",
            "RUNNING_UNDER_SYSTEMD": "true",  # one process, without another around it
        }
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", PROGRAM],
            env=os.environ | {name: f"{value}" for name, value in environment.items()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._guard.stdout
        self._guard.stdout.readline()
        wait_until(self.answers, seconds=60)

    def kill(self) -> None:
        if self._guard.poll() is None:
            self._guard.communicate(b"\n")

    def forget(self) -> None:
        """As if it had lost its disk; only while it does not run."""
        shutil.rmtree(self._directory.name)
        Path(self._directory.name).mkdir()

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"AMQP\0\0\x09\x01")
            return connection.recv(1) == b"\1"
        return False
