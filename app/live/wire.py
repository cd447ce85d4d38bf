"""How this process hears what others have to tell, for as long as it lasts.

Notices may be lost: while the connection is, or when too many came at once. So now and then, and after each loss, it is
looked for what was missed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

import structlog

from app.core.board import board
from app.db import notices
from app.db.notices import Connection
from app.live.hub import Hub
from app.live.signals import SIGNALS, Signals

log = structlog.get_logger()

PERIOD = 5.0
"""Seconds from one look to the next, where the database carries notices."""

BOARD_PERIOD = 1.0
"""The same where they are on a board, which other programs than the workers do not know of."""

BOARD_PAUSE = 0.1
"""Seconds from one glance at the board to the next."""

RETRY = 1.0
"""Seconds."""

Receive = Callable[[str], Awaitable[None]]


async def hear(hub: Hub, signals: Signals) -> None:
    """Begins once somebody listens."""

    async def receive(notice: str) -> None:
        kind, subject, *words = notice.split(" ")
        if kind == "event":
            hub.announce(int(subject), int(words[0]))
        elif kind == "removed":
            await quietly(partial(hub.look, int(subject)))
        elif kind == "rights":
            await quietly(partial(hub.check, int(subject)))
        elif kind in SIGNALS:
            signals.receive(kind, int(subject), words[0], int(words[1]))

    await hub.wanted.wait()
    await (_from_database if notices.are_carried() else _from_board)(hub, receive)


async def _from_database(hub: Hub, receive: Receive) -> None:
    deaf = False
    while True:
        try:
            connection = await asyncio.to_thread(Connection)
            try:
                await hub.look()
                if deaf:
                    log.info("notices are heard again")
                deaf = False
                await _attend(connection, hub, receive)
            finally:
                await asyncio.to_thread(connection.close)
        except Exception as error:
            if not deaf:
                log.warning("notices are not heard", error=type(error).__name__)
            deaf = True
            await asyncio.sleep(RETRY)


async def _attend(connection: Connection, hub: Hub, receive: Receive) -> NoReturn:
    next_look = time.monotonic() + PERIOD
    while True:
        if await _is_readable(connection.fileno(), next_look - time.monotonic()):
            heard = connection.received()
        else:
            heard = await asyncio.to_thread(connection.check)
        for notice in dict.fromkeys(heard):
            await receive(notice)
        if time.monotonic() >= next_look:
            await hub.look()
            next_look = time.monotonic() + PERIOD


async def _is_readable(descriptor: int, seconds: float) -> bool:
    """Whether something comes in within so many seconds."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(descriptor, came.set)
    try:
        async with asyncio.timeout(seconds):
            return await came.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)


async def _from_board(hub: Hub, receive: Receive) -> NoReturn:
    count, next_look = board.count, 0.0
    while True:
        await hub.wanted.wait()
        if board.count != count:
            count, heard = board.since(count)
            for notice in dict.fromkeys(heard):
                await receive(notice)
        if time.monotonic() >= next_look:
            await quietly(hub.look)
            next_look = time.monotonic() + BOARD_PERIOD
        await asyncio.sleep(BOARD_PAUSE)


async def quietly(call: Callable[[], Awaitable[None]]) -> None:
    """A failure is logged: the next time may go well."""
    try:
        await call()
    except Exception as error:
        log.warning("those who watch could not be served", error=type(error).__name__)
