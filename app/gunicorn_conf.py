"""How gunicorn runs it: `python -m gunicorn --config python:app.gunicorn_conf`. The names are its own."""

import contextlib
import ctypes
import gc
import os
import resource
import socket
import sys
from itertools import count
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from sqlalchemy.orm import configure_mappers

from app.core import processors
from app.core.config import settings
from app.worker import ApiWorker

M_ARENA_MAX = -8
"""From malloc.h."""

wsgi_app = "app.main:app"
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
    _share_heap()
    _prepare(server)
    _take_more_files()
    _check_address(server)


def _share_heap() -> None:
    """Have the threads of a process share one heap: glibc gives each its own, a tenth of the memory for nothing."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _prepare(server: Arbiter) -> None:
    """Make what each worker would make for itself, and spare the garbage collector all that is there by now.

    What is written to is no longer shared with the workers, and the collector writes to all that it looks at.
    """
    app: Any = server.app.wsgi()
    if isinstance(app, FastAPI):
        app.middleware_stack = app.build_middleware_stack()
    configure_mappers()
    gc.collect()
    gc.freeze()


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


def pre_exec(server: Arbiter) -> None:
    """Have SIGUSR2 run what was run: gunicorn would take the path of its own module, beside which there is no `app`."""
    server.START_CTX["args"] = [sys.executable, "-m", "gunicorn", *sys.argv[1:]]


def pre_fork(server: Arbiter, worker: ApiWorker) -> None:
    """Give the worker the first place that none of the others has."""
    taken = {one.place for one in cast("dict[int, ApiWorker]", server.WORKERS).values()}
    worker.place = next(place for place in count() if place not in taken)


def post_fork(_: Arbiter, worker: ApiWorker) -> None:
    # Less often: with 1,000 requests in flight the garbage collector took a quarter of the time.
    gc.set_threshold(10_000, 20, 20)
    if settings.CPU_AFFINITY:
        processors.stay(worker.place)
