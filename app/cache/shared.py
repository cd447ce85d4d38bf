"""Where all workers of all hosts keep answers for each other, and agree who makes one."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis as Client
from redis.exceptions import ResponseError

from app.cache.entry import Entry
from app.clients.redis import Redis

T = TypeVar("T")

MAX_SIZE = 1024 * 1024
"""Bytes of an answer that is sent to Redis."""

UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


class Shared:
    """Redis, as far as it is there: without it nothing is found, and everybody may make an answer.

    A lock is gone after so many seconds, should its holder be as well. A Redis that refuses (it is full, or has
    something else in the place) is not lost, but as good as empty.
    """

    def __init__(self, redis: Redis, seconds: float) -> None:
        self._redis = redis
        self._client: Any = Client(connection_pool=redis.pool)
        self._seconds = seconds

    async def get(self, key: bytes) -> Entry | None:
        found = await self._ask(lambda: self._client.get(_name(key)), None)
        entry = Entry.unpacked(key, found)
        return entry if entry and entry.gone > time.time() else None

    async def put(self, key: bytes, entry: Entry) -> None:
        milliseconds = int((entry.gone - time.time()) * 1000)
        if milliseconds > 0 and len(entry.body) <= MAX_SIZE:
            await self._ask(lambda: self._client.set(_name(key), entry.packed(key), px=milliseconds), None)

    async def lock(self, key: bytes) -> str | None:
        """What it takes to unlock it; None when somebody else has locked it."""
        token = secrets.token_hex(8)
        milliseconds = int(self._seconds * 1000)
        locked = await self._ask(lambda: self._client.set(_lock(key), token, nx=True, px=milliseconds), True)
        return token if locked else None

    async def unlock(self, key: bytes, token: str) -> None:
        await self._ask(lambda: self._client.eval(UNLOCK, 1, _lock(key), token), None)

    async def _ask(self, question: Callable[[], Awaitable[T]], without: T) -> T:
        async def ask() -> T:
            try:
                return await question()
            except ResponseError:
                return without

        async def otherwise() -> T:
            return without

        return await self._redis.ask(ask, otherwise)


def _name(key: bytes) -> str:
    return f"larder/cache/{key.hex()}"


def _lock(key: bytes) -> str:
    return f"larder/cache/{key.hex()}/lock"
