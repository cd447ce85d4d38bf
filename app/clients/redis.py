"""Redis, which every worker may use and none depends on."""

import time
from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from app.core.config import settings

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE = 0.5
"""Seconds that Redis may take to answer."""

PAUSE = 2.0
"""Seconds for which it is left alone when it did not."""

CONNECTIONS = 16
"""Of each worker."""


class Redis:
    """One pool of connections of a worker, and whether there is somebody at their other end. None without a URL."""

    def __init__(self, url: str = "") -> None:
        self.pool = _pool(url) if url else None
        # Who waits for a connection must not take Redis for lost, and must learn when others do.
        self._turns = Semaphore(CONNECTIONS)
        self._lost = False
        self._next_try = 0.0

    async def ask(self, question: Callable[[], Awaitable[T]], otherwise: Callable[[], Awaitable[T]]) -> T:
        """The answer of Redis to the question; while it does not answer, what there is otherwise."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - only who uses Redis needs its package

        async with self._turns:
            was_lost = self._lost
            if was_lost and time.monotonic() < self._next_try:
                return await otherwise()
            self._next_try = time.monotonic() + PAUSE  # while one tries whether it is back, the others do not wait
            try:
                answer = await question()
            except (RedisError, OSError) as error:
                if not self._lost:
                    log.error("Redis is lost; each host counts and caches for itself", error=type(error).__name__)
                self._lost, self._next_try = True, time.monotonic() + PAUSE
                return await otherwise()
            if was_lost:
                self._lost = False
                log.warning("Redis is back")
            return answer

    async def aclose(self) -> None:
        if self.pool:
            await self.pool.aclose()


def _pool(url: str) -> Any:
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - as above

    pool: Any = ConnectionPool
    return pool.from_url(url, max_connections=CONNECTIONS, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


redis = Redis(settings.REDIS_URL)
