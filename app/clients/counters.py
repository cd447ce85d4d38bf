"""Where hits are counted: in Redis when there is one, and otherwise in memory, for this host alone."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.clients.redis import Redis, redis
from app.core.shared_counters import SharedCounters

T = TypeVar("T")

MONTH = 30 * 24 * 3600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a key that was hit stands: how many hits are left, and in how many seconds there are more."""

    allowed: bool
    left: int
    seconds: float


class Counters:
    """Counts hits within sliding windows. While Redis does not answer, memory takes its place, and counts from zero."""

    def __init__(self, redis: Redis) -> None:
        self._memory = SlidingWindowCounterRateLimiter(SharedCounters())
        self._redis = redis
        self._shared = SlidingWindowCounterRateLimiter(_storage(redis.pool)) if redis.pool else None

    async def hit(self, limit: RateLimitItem, key: str) -> Standing:
        async def hit(limiter: SlidingWindowCounterRateLimiter) -> Standing:
            allowed = await limiter.hit(limit, key)
            reset, left = await limiter.get_window_stats(limit, key)
            seconds = reset - time.time()
            # Of a window that has just begun, the library says that it ends now.
            return Standing(allowed, left, seconds if seconds > 0 else limit.get_expiry())

        return await self._ask(hit)

    async def take_back(self, limit: RateLimitItem, key: str) -> None:
        """As if it had not been hit."""
        await self._ask(lambda limiter: limiter.hit(limit, key, cost=-1))

    async def remember(self, key: str) -> None:
        """Knows the key for a month from now, or in memory until it is needed for other keys."""

        async def remember(limiter: SlidingWindowCounterRateLimiter) -> None:
            await limiter.storage.clear(key)
            await limiter.storage.incr(key, MONTH)

        await self._ask(remember)

    async def knows(self, key: str) -> bool:
        return await self._ask(lambda limiter: limiter.storage.get(key)) > 0

    async def _ask(self, question: Callable[[SlidingWindowCounterRateLimiter], Awaitable[T]]) -> T:
        if self._shared is None:
            return await question(self._memory)
        return await self._redis.ask(partial(question, self._shared), partial(question, self._memory))


def _storage(pool: Any) -> RedisStorage:
    options: Any = {"connection_pool": pool, "implementation": "redispy", "key_prefix": "larder"}
    return RedisStorage("redis://", **options)


counters = Counters(redis)
