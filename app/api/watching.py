"""Those who watch recipes in this process, and what they hear."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from fastapi.requests import HTTPConnection

from app.api.background import background
from app.api.job import Job
from app.core import stopping
from app.db import notices
from app.db.session import ReadSessions, Session
from app.live.hub import Hub
from app.live.signals import Signals
from app.live.source import Tables
from app.live.wire import hear, quietly

T = TypeVar("T")

CHECK = 5.0
"""Seconds from one look at everybody's rights to the next."""


class Watching(NamedTuple):
    hub: Hub
    signals: Signals


@asynccontextmanager
async def watching() -> AsyncGenerator[Watching]:
    """Hears what others have to tell for as long as the context lasts, once somebody listens."""
    hub = Hub(Tables(_read))
    signals = Signals(hub, _tell)
    stopping.calls.append(hub.stop)
    try:
        async with (
            background(hear(hub, signals)),
            background(signals.beat()),
            background(_check_for_ever(hub)),
        ):
            yield Watching(hub, signals)
    finally:
        stopping.calls.remove(hub.stop)


def watching_of(connection: HTTPConnection) -> Watching:
    found: Watching = connection.app.state.watching
    return found


async def _read(work: Callable[[Session], T], /) -> T:
    return await Job(ReadSessions, work).run()


async def _tell(notice: str) -> None:
    await quietly(Job(ReadSessions, partial(notices.tell_at_once, notice=notice)).run)


async def _check_for_ever(hub: Hub) -> None:
    while True:
        await hub.wanted.wait()
        await quietly(hub.check)
        await asyncio.sleep(CHECK)
