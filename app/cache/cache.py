"""Answers that are made by one for all."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from app.cache.entry import Entry
from app.cache.memory import Memory
from app.clients.redis import Redis, redis
from app.core.config import settings
from app.core.errors import DomainError, GatewayTimeout

if TYPE_CHECKING:
    from app.cache.shared import Shared

log = structlog.get_logger()

LOCK = 10.0
"""Seconds for which other workers wait for the one that makes an answer; then the next one makes it."""

POLL = 0.05
"""Seconds between two looks at whether it has come."""

Make = Callable[[], Awaitable[bytes]]


class Cache:
    """Who asks for an answer that is kept gets it. While a newer one is made, the stale one; without one he waits.

    It is made by one task for all who ask this worker, which goes on when they stop waiting, for `timeout` seconds at
    most; among workers that share a Redis by one of them. An error is for those who wait: it is not kept, and what is
    stale stays.
    """

    def __init__(self, size: int, redis: Redis, timeout: float) -> None:
        self.memory = Memory(size)
        self.shared = _shared(redis)
        self.timeout = timeout
        self._making: dict[bytes, asyncio.Task[Entry]] = {}

    async def answer(self, key: bytes, ttl: float, stale: float, make: Make) -> Entry:
        """`ttl` seconds after it was made an answer is stale, and `stale` seconds later it is gone."""
        entry = self.memory.get(key, time.time())
        if entry and not _is_stale(entry):
            return entry
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._renew(key, ttl, stale, make))
            task.add_done_callback(lambda task: self._made(key, task))
        return await asyncio.shield(task) if entry is None else entry

    async def aclose(self) -> None:
        """Gives up what is being made."""
        tasks = [*self._making.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self, key: bytes, ttl: float, stale: float, make: Make) -> Entry:
        try:
            async with asyncio.timeout(self.timeout):
                if self.shared is None:
                    return await self._make(key, ttl, stale, make)
                return await self._make_for_all(self.shared, key, ttl, stale, make)
        except TimeoutError:
            raise GatewayTimeout("The answer took too long to make") from None

    async def _make(self, key: bytes, ttl: float, stale: float, make: Make) -> Entry:
        now = time.time()  # an answer is as old as what was asked for it
        entry = Entry(await make(), now, now + ttl, now + ttl + stale)
        self.memory.put(key, entry)
        return entry

    async def _make_for_all(self, shared: "Shared", key: bytes, ttl: float, stale: float, make: Make) -> Entry:
        while True:
            entry = await self._found(shared, key)
            if entry and not _is_stale(entry):
                return entry
            if token := await shared.lock(key):
                try:
                    found = await self._found(shared, key)  # it may have come just before the lock
                    if found and not _is_stale(found):
                        return found
                    made = await self._make(key, ttl, stale, make)
                    await shared.put(key, made)
                    return made
                finally:
                    await shared.unlock(key, token)
            if entry:
                return entry  # another worker makes a newer one
            await asyncio.sleep(POLL)

    async def _found(self, shared: "Shared", key: bytes) -> Entry | None:
        if entry := await shared.get(key):
            self.memory.put(key, entry)
        return entry

    def _made(self, key: bytes, task: asyncio.Task[Entry]) -> None:
        del self._making[key]
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, DomainError):
            log.error("An answer could not be made", exc_info=error)


def _is_stale(entry: Entry) -> bool:
    return time.time() >= entry.stale


def _shared(redis: Redis) -> "Shared | None":
    if redis.pool is None:
        return None
    from app.cache.shared import Shared  # noqa: PLC0415 - only who uses Redis needs its package

    return Shared(redis, LOCK)


cache = Cache(settings.CACHE_SIZE, redis, settings.REQUEST_TIMEOUT)
