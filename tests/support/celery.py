"""Celery as production runs it, in processes of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from typing import Self

from tests.support import ROOT, wait_until
from tests.support.service import environment


class Celery:
    """`celery -A app.celery COMMAND...` with the given settings, for as long as the context lasts."""

    def __init__(self, *command: str, **settings: object) -> None:
        self.command = command
        self.settings = settings

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "app.celery", *self.command],
            cwd=ROOT,
            env=environment(**self.settings),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a process group of its own, which can be ended whole
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._log.close()

    def wait_until_ready(self) -> None:
        wait_until(lambda: " ready." in self.output or not self.is_running, seconds=30)
        assert self.is_running, self.output

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode()

    def terminate(self) -> int:
        """Stop it as an operator does, and answer its exit status."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(timeout=60)

    def kill(self) -> None:
        """All of its processes, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def worker(*options: str, **settings: object) -> Celery:
    return Celery("worker", "--concurrency", "1", *options, **settings)
