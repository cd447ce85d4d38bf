"""When keys were last used is written down, by each worker, once a minute."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from app.api.background import background
from app.api.job import Job
from app.crud import key_uses
from app.db.session import WriteSessions

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds."""


@asynccontextmanager
async def noting() -> AsyncGenerator[None]:
    """Writes down for as long as the context lasts, and a last time when it ends."""
    async with background(_write_down_for_ever()):
        yield
    await write_down()


async def _write_down_for_ever() -> None:
    while True:
        await asyncio.sleep(PERIOD)
        await write_down()


async def write_down() -> None:
    """A failure is logged: the next use of a key tells as much."""
    try:
        if key_uses.noted:
            await Job(WriteSessions, key_uses.write_down).run()
    except Exception:
        log.exception("uses of keys could not be written down")
