"""Counting in Redis, and without it: right for all who share it, and never a reason to fail or to wait."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from limits import parse
from structlog.testing import capture_logs

from app.clients import counters as module
from app.clients import redis as connection
from app.clients.counters import Counters
from app.clients.redis import Redis as Connection
from tests.conftest import ROOT
from tests.support.redis import Redis

FIVE = parse("5/15 minutes")


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


async def allowed(counters: Counters, key: str, number: int) -> int:
    return sum([(await counters.hit(FIVE, key)).allowed for _ in range(number)])


HITS = """
import asyncio, sys
from limits import parse
import app.clients.redis
from app.clients.counters import Counters
from app.clients.redis import Redis
async def hit():
    app.clients.redis.PATIENCE = 30  # a busy machine is not to count in memory
    redis = Redis(sys.argv[1])
    counters = Counters(redis)
    standings = await asyncio.gather(*(counters.hit(parse("100/hour"), "shared") for _ in range(300)))
    print(sum(one.allowed for one in standings))
    await redis.aclose()
asyncio.run(hit())
"""


def test_processes_that_share_a_redis_count_together(server: Redis) -> None:
    command = [sys.executable, "-c", HITS, server.url]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(child.communicate()[0]) for child in children) == 100


def test_redis_and_memory_agree(server: Redis) -> None:
    async def ask(url: str) -> list[object]:
        redis = Connection(url)
        counters = Counters(redis)
        first = await counters.hit(FIVE, "agree")
        assert 0 < first.seconds <= 900
        answers: list[object] = [first.left, await allowed(counters, "agree", 6)]
        await counters.take_back(FIVE, "agree")
        answers += [await allowed(counters, "agree", 2), await counters.knows("me")]
        await counters.remember("me")
        answers += [await counters.knows("me"), (await counters.hit(FIVE, "agree")).left]
        await redis.aclose()
        return answers

    assert asyncio.run(ask(server.url)) == asyncio.run(ask("")) == [4, 4, 1, False, True, 0]


def test_key_in_redis_ends_by_itself(server: Redis) -> None:
    async def ask() -> None:
        redis = Connection(server.url)
        counters = Counters(redis)
        await counters.hit(parse("5/second"), "short")
        await counters.remember("month")
        from redis.asyncio import Redis as Client  # noqa: PLC0415

        client = Client(connection_pool=redis.pool)
        for key in await client.keys("*"):
            assert 0 < await client.ttl(key) <= module.MONTH, key
        await redis.aclose()

    asyncio.run(ask())


def test_without_redis_limits_hold_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PAUSE", 0.5)

    async def ask(server: Redis) -> None:
        redis = Connection(server.url)
        counters = Counters(redis)
        assert await allowed(counters, "a", 5) == 5
        with capture_logs() as logs:
            server.kill()
            start = time.monotonic()
            assert await allowed(counters, "a", 100) == 5, "memory counts from zero"
            assert time.monotonic() - start < 10 * connection.PATIENCE, "not a hundred times"
        assert [line["event"] for line in logs] == ["Redis is lost; each host counts and caches for itself"]

        await asyncio.sleep(0.6)
        with capture_logs() as logs:
            assert await allowed(counters, "a", 5) == 0
        assert logs == [], "it is known to be lost"

        server.start()
        await asyncio.sleep(0.6)
        with capture_logs() as logs:
            assert await allowed(counters, "a", 6) == 5, "the new one knows nothing"
        assert [line["event"] for line in logs] == ["Redis is back"]

        with capture_logs() as logs:
            server.pause()
            start = time.monotonic()
            assert await allowed(counters, "a", 100) == 0
            assert time.monotonic() - start < 10 * connection.PATIENCE, "not a hundred times"
            server.resume()
        assert len(logs) == 1
        await redis.aclose()

    with Redis() as server:
        asyncio.run(ask(server))


def test_redis_that_was_never_there_is_no_error() -> None:
    async def ask() -> None:
        redis = Connection("redis://127.0.0.1:9/0")
        counters = Counters(redis)
        assert await allowed(counters, "a", 6) == 5
        await redis.aclose()

    asyncio.run(ask())
