"""What nobody can ask for any more is thrown away, by each worker, once an hour."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from app.api.job import Job
from app.crud.idempotency import sweep
from app.db.session import WriteSessions

log = structlog.get_logger()

PERIOD = 3600.0
"""Seconds."""


@asynccontextmanager
async def sweeping() -> AsyncGenerator[None]:
    """Sweeps for as long as the context lasts."""
    task = asyncio.create_task(_sweep_for_ever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _sweep_for_ever() -> None:
    # Workers that start together should not sweep together, and those that never live for an hour should sweep too.
    await asyncio.sleep(random.uniform(0, PERIOD))  # noqa: S311 - no secret
    while True:
        await sweep_all()
        await asyncio.sleep(PERIOD)


async def sweep_all() -> None:
    """Sweeps until nothing is left, bit by bit. A failure is logged: the next time may go well."""
    try:
        while await Job(WriteSessions, sweep).run():
            pass
    except Exception:
        log.exception("sweeping failed")
