"""How gunicorn runs it: `gunicorn -c python:app.gunicorn_conf app.main:app`. The names are its own."""

import contextlib
import gc
import os
import resource
import socket
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from app.core.config import settings

bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
backlog = 2048
workers = settings.WEB_CONCURRENCY
worker_class = "app.worker.ApiWorker"
# Load the application once, before listening: what is wrong with it then fails the start. Hence importing it
# may neither connect nor start a thread: they would not survive the fork.
preload_app = True

# A request has ended by itself after REQUEST_TIMEOUT, so each of these is longer:
timeout = int(settings.REQUEST_TIMEOUT) + 10  # a worker whose event loop stands still is killed
graceful_timeout = int(settings.REQUEST_TIMEOUT) + 5  # at a stop, requests in flight finish
keepalive = 75  # longer than a proxy keeps its idle connections, or the proxy loses a race

# Recycle workers, against slow leaks; the jitter keeps them from going at once.
max_requests = 100_000
max_requests_jitter = 10_000

forwarded_allow_ips = ",".join(settings.FORWARDED_ALLOW_IPS)
memory = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(memory) if memory.is_dir() else None  # where a heartbeat need not wait for a disk
control_socket_disable = True


class RootLogger(Logger):
    """Leaves gunicorn's own lines to the root logger, where the application gives all lines one form."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = RootLogger
loglevel = settings.LOG_LEVEL.lower()


def on_starting(server: Arbiter) -> None:
    _take_more_files()
    _check_address(server)


def _take_more_files() -> None:
    """A connection is an open file, and the usual limit of 1,024 is only the one that may be lifted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems call it unlimited, and refuse to set that
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_address(server: Arbiter) -> None:
    """Say at once and in one line that the address is not to be had; gunicorn would try for five seconds."""
    if server.master_pid or "LISTEN_FDS" in os.environ:
        return  # the socket is inherited: from the gunicorn that this one replaces, or from systemd
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    try:
        socket.create_server((settings.HOST, settings.PORT), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise SystemExit(f"Larder cannot start: HOST and PORT, {bind}: {reason}.") from None


def post_fork(_: Arbiter, __: Worker) -> None:
    """Spare the garbage collector what was loaded before, and have it look at the rest less often.

    With 1,000 requests in flight it took a quarter of the processor time.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
