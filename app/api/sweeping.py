"""Each worker wakes at night, and one of them sweeps for all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Thread

from app import sweeps
from app.api.background import background

APART = 60.0
"""Seconds that the clocks of hosts may be apart, and one of them sweeps nevertheless."""


@asynccontextmanager
async def sweeping() -> AsyncGenerator[None]:
    """Sweeps for as long as the context lasts."""
    async with background(_sweep_each_night()):
        yield


async def _sweep_each_night() -> None:
    while True:
        await asyncio.sleep(sweeps.seconds_to_night())
        # No stop waits for it: what a sweep has not come to is there for the next.
        Thread(target=sweeps.sweep_as_elected, args=(APART,), name="sweeps", daemon=True).start()
