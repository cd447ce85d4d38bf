"""An answer is made once for all who want it, and Redis is never a reason to wait or to fail."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis import Redis as Client

from app.cache import cache as module
from app.cache.cache import Cache
from app.cache.entry import digest
from app.clients import redis as connection
from app.clients.redis import Redis
from app.core.errors import BadGateway, GatewayTimeout
from tests.support import redis as support
from tests.support.clock import Clock

pytestmark = pytest.mark.anyio

KEY = digest("a path")


class Source:
    """Answers with the number of times that it was asked, as slowly as a test wants it to."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.asked = 0
        self.fails = False

    async def __call__(self) -> bytes:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise BadGateway("It is broken")
        return b"%d" % number


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> Iterator[support.Redis]:
    with support.Redis() as server:
        yield server


@asynccontextmanager
async def caches(number: int = 1, url: str = "", seconds: float = 5) -> AsyncGenerator[list[Cache]]:
    """As many workers have them."""
    links = [Redis(url) for _ in range(number)]
    made = [Cache(10**6, link, seconds) for link in links]
    yield made
    for cache, link in zip(made, links, strict=True):
        await cache.aclose()
        await link.aclose()


async def get(cache: Cache, source: Source, ttl: float = 60, stale: float = 600, key: bytes = KEY) -> bytes:
    return (await cache.answer(key, ttl, stale, source)).body


async def test_all_who_come_while_it_is_made_get_the_same() -> None:
    source = Source(0.05)
    async with caches() as [cache]:
        assert {*await asyncio.gather(*(get(cache, source) for _ in range(100)))} == {b"1"}
        assert await get(cache, source) == b"1"
        assert await get(cache, source, key=digest("another")) == b"2"


async def test_stale_answer_is_given_while_one_caller_has_a_newer_one_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source = Clock(monkeypatch), Source(0.05)
    async with caches() as [cache]:
        await get(cache, source)
        clock.now += 61
        assert {*await asyncio.gather(*(get(cache, source) for _ in range(100)))} == {b"1"}
        await asyncio.sleep(0.1)
        assert await get(cache, source) == b"2"
        assert source.asked == 2
        clock.now += 661
        assert await get(cache, source) == b"3", "it was gone, and had to be waited for"


async def test_error_is_for_those_who_wait_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source = Clock(monkeypatch), Source(0.01)
    source.fails = True
    async with caches() as [cache]:
        failed = await asyncio.gather(*(get(cache, source) for _ in range(10)), return_exceptions=True)
        assert {type(one) for one in failed} == {BadGateway}
        assert source.asked == 1
        source.fails = False
        assert await get(cache, source) == b"2"
        source.fails = True
        clock.now += 61
        assert await get(cache, source) == b"2"
        await asyncio.sleep(0.05)
        assert (await get(cache, source), source.asked) == (b"2", 3), "what is stale outlives a source that fails"


async def test_who_stops_waiting_takes_it_from_nobody() -> None:
    source = Source(0.1)
    async with caches() as [cache]:
        first = asyncio.create_task(get(cache, source))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(get(cache, source))
        await asyncio.sleep(0.01)
        first.cancel()
        assert await second == b"1"
        assert first.cancelled()


async def test_nobody_waits_for_ever_and_the_next_one_tries_again() -> None:
    source = Source(60)
    async with caches(seconds=0.05) as [cache]:
        with pytest.raises(GatewayTimeout):
            await get(cache, source)
        source.seconds = 0
        assert await get(cache, source) == b"2"


async def test_workers_that_share_a_redis_ask_once(server: support.Redis) -> None:
    Client.from_url(server.url).flushall()
    source = Source(0.2)
    async with caches(4, server.url) as workers:
        answers = await asyncio.gather(*(get(cache, source) for cache in workers for _ in range(25)))
        assert ({*answers}, source.asked) == ({b"1"}, 1)
        client = Client.from_url(server.url)
        [name] = client.keys("*")
        assert name == f"larder/cache/{KEY.hex()}".encode(), "the lock is gone"
        assert 650_000 < client.pttl(name) <= 660_000


async def test_worker_without_an_answer_gets_the_stale_one_of_others(server: support.Redis) -> None:
    source = Source()
    key = digest("stale for others")
    async with caches(3, server.url) as [first, second, third]:
        assert await get(first, source, ttl=0.1, key=key) == b"1"
        await asyncio.sleep(0.15)
        source.seconds = 0.3
        waits = asyncio.create_task(get(second, source, ttl=0.1, key=key))
        await asyncio.sleep(0.1)
        assert await get(third, source, ttl=0.1, key=key) == b"1", "the second one makes a newer one"
        assert await waits == b"2"


async def test_worker_that_dies_with_the_lock_is_waited_for_but_not_for_ever(
    server: support.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK", 0.3)
    async with caches(2, server.url) as [dead, alive]:
        assert dead.shared
        key = digest("dead")
        assert await dead.shared.lock(key)
        begin = time.monotonic()
        assert await get(alive, Source(), key=key) == b"1"
        assert 0.1 < time.monotonic() - begin < 8


async def test_only_its_holder_takes_a_lock_away(server: support.Redis) -> None:
    async with caches(1, server.url) as [cache]:
        assert cache.shared
        assert await cache.shared.lock(KEY)
        await cache.shared.unlock(KEY, "another")
        assert await cache.shared.lock(KEY) is None


@pytest.mark.parametrize("value", [b"", b"\x80\x04.", bytes(1000), "list"], ids=["empty", "pickle", "zeros", "list"])
async def test_what_is_no_entry_in_redis_is_a_miss(server: support.Redis, value: bytes | str) -> None:
    client, source = Client.from_url(server.url), Source()
    key = digest("corrupt", value)
    name = f"larder/cache/{key.hex()}"
    client.rpush(name, "x") if value == "list" else client.set(name, value)
    async with caches(2, server.url) as [one, other]:
        assert await get(one, source, key=key) == b"1"
        assert await get(one, source, key=key) == b"1"
        assert await get(other, source, key=key) == b"1", "it is overwritten"


async def test_redis_that_is_full_is_as_good_as_empty(server: support.Redis) -> None:
    client, source = Client.from_url(server.url), Source()
    client.config_set("maxmemory", "1")
    try:
        async with caches(1, server.url) as [cache]:
            assert await get(cache, source, key=digest("full")) == b"1"
            assert await get(cache, source, key=digest("full")) == b"1"
    finally:
        client.config_set("maxmemory", "0")


async def test_redis_that_goes_or_hangs_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PAUSE", 0.3)
    source = Source(0.1)
    with support.Redis() as server:
        async with caches(1, server.url) as [cache]:
            assert await get(cache, source) == b"1"
            making = asyncio.create_task(get(cache, source, key=digest("in the middle")))
            await asyncio.sleep(0.05)
            server.kill()
            assert await making == b"2", "it went while the answer was made"
            assert await get(cache, source) == b"1", "memory has it"
            assert await get(cache, source, key=digest("away")) == b"3"

            server.start()
            await asyncio.sleep(0.4)
            assert await get(cache, source, key=digest("back")) == b"4"
            assert Client.from_url(server.url).keys("*"), "and the others may have it again"

            server.pause()
            begin = time.monotonic()
            assert await get(cache, source, key=digest("hangs")) == b"5"
            assert time.monotonic() - begin < 10 * connection.PATIENCE
            server.resume()


async def test_redis_that_was_never_there_is_no_error() -> None:
    async with caches(1, "redis://127.0.0.1:9/0") as [cache]:
        assert await get(cache, Source()) == b"1"
