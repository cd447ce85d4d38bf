"""The threads that see to jobs, beside the requests of the same process: they run them, or hand them to a broker."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from app.core.config import settings
from app.crud import outbox
from app.db.session import ReadSessions, WriteSessions
from app.jobs.attempts import attempt, reason_of, unforeseen
from app.jobs.job import awake

log = structlog.get_logger()

POLL = 10.0
"""Seconds after which jobs are looked for without anybody's saying so: what another process left, or a dead one."""

STOP = 5.0
"""Seconds that a stop waits for the job that is running. One that takes longer runs again elsewhere."""


@asynccontextmanager
async def running(threads: int) -> AsyncGenerator[None]:
    """Sees to jobs for as long as the context lasts, in this many threads."""
    runner = Runner(threads)
    try:
        yield
    finally:
        await asyncio.to_thread(runner.stop)


class Runner:
    def __init__(self, threads: int) -> None:
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"jobs-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping = True
        awake.set()
        end = time.monotonic() + STOP
        for thread in self._threads:
            thread.join(max(0, end - time.monotonic()))

    def _work(self) -> None:
        see_to_next = _way()
        failing = False
        while not self._stopping:
            awake.clear()  # before the look: what comes after it wakes again
            try:
                wait = see_to_next()
            except Exception as error:
                # The database or the broker, most likely, which others complain about too: once is enough.
                if not failing:
                    log.warning("jobs cannot be run", error=reason_of(error), exc_info=unforeseen(error))
                failing, wait = True, POLL
            else:
                if failing:
                    log.info("jobs are run again")
                failing = False
            if not self._stopping:
                awake.wait(wait)


def _way() -> Callable[[], float]:
    """What is done with a job that is due; it answers after how many seconds to look again."""
    if not settings.CELERY_BROKER_URL:
        return run_next
    from app.jobs.broker import hand_over_next  # noqa: PLC0415 - only who uses it needs its packages

    return hand_over_next


def run_next() -> float:
    """Runs a job that is due, if there is one; answers after how many seconds to look again."""
    if wait := seconds_to_next():
        return wait
    with WriteSessions.begin() as session:
        claim = outbox.claim(session)
    if claim is None:
        return 1  # somebody else was quicker
    attempt(claim)
    return 0


def seconds_to_next() -> float:
    """Until a job falls due, but no more than `POLL`."""
    with ReadSessions() as session:
        seconds = outbox.seconds_to_next(session)
    return POLL if seconds is None else min(max(seconds, 0), POLL)


def run_due() -> None:
    """Runs jobs until none is due."""
    while run_next() == 0:
        pass
