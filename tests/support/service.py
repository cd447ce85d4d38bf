"""The service as production runs it: prestart.sh, then gunicorn and its workers, on a real port."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx2

from tests.support import ROOT, free_port

CONFIG = "tests.support.measured" if "COVERAGE_PROCESS_CONFIG" in os.environ else "app.gunicorn_conf"


class NotStarted(Exception):
    """The service ended, or did not answer in time; the message is what it wrote."""


def environment(**settings: object) -> dict[str, str]:
    """The environment of a process with these settings; the others are the tests' own."""
    # prestart.sh takes the python of the PATH: let that be the one that runs the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **{name: str(value) for name, value in settings.items()}}


def prestart(**settings: object) -> subprocess.CompletedProcess[str]:
    """Run prestart.sh to its end."""
    return run([str(ROOT / "prestart.sh")], **settings)


def run(command: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


class Service:
    """gunicorn with the given settings on a free port of 127.0.0.1, for as long as the context lasts.

    `with Service(DATABASE_URL=url, THREADS=2) as service: service.client.get("/health/ready")`

    It has one worker unless told otherwise. Raises `NotStarted`.
    """

    def __init__(self, app: str = "app.main:app", **settings: object) -> None:
        self.app = app
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {"WEB_CONCURRENCY": 1, **settings, "HOST": "127.0.0.1", "PORT": self.port}

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self.client = httpx2.Client(base_url=self.url, timeout=60, trust_env=False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", f"python:{CONFIG}", self.app],
            cwd=ROOT,
            env=environment(**self.settings),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a process group of its own, which can be ended whole
        )
        try:
            self._wait_until_alive()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()  # or a stop would wait for what else it may ask
        try:
            if self.is_running:
                self.terminate()
        finally:
            self._close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def worker_pids(self) -> set[int]:
        return {int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()}

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """All that it has written so far, to both streams."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def terminate(self) -> int:
        """Stop it as an operator does, and answer its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(timeout=60)

    def _wait_until_alive(self) -> None:
        deadline = time.monotonic() + 30
        while not self._is_alive():
            if not self.is_running or time.monotonic() > deadline:
                raise NotStarted(self.output)
            time.sleep(0.05)

    def _is_alive(self) -> bool:
        with contextlib.suppress(httpx2.TransportError):
            return self.client.get("/health/live").status_code == 200
        return False

    def _close(self) -> None:
        self.client.close()
        # Also when the master has ended: a worker may have outlived it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
