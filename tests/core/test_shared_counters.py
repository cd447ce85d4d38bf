"""Counters that processes share: right, however they come and go, and of a size that no stranger decides."""

import asyncio
import fcntl
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.core.shared_counters import WAYS, SharedCounters
from tests.support.clock import Clock

FIVE = parse("5/15 minutes")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def limiter() -> SlidingWindowCounterRateLimiter:
    return SlidingWindowCounterRateLimiter(SharedCounters())


def hits(limiter: SlidingWindowCounterRateLimiter, key: str, number: int) -> int:
    """How many of them were allowed."""

    async def hit() -> int:
        return sum([await limiter.hit(FIVE, key) for _ in range(number)])

    return asyncio.run(hit())


def test_windows_slide_as_those_of_the_library(limiter: SlidingWindowCounterRateLimiter, clock: Clock) -> None:
    async def compare() -> None:
        theirs = SlidingWindowCounterRateLimiter(MemoryStorage())
        chance = random.Random(7)
        for _ in range(3000):
            clock.now += chance.choice([0, 1, 60, 400, 2000]) * chance.random()
            key, limit = chance.choice("abc"), chance.choice([FIVE, parse("2/minute"), parse("30/hour")])
            assert await limiter.hit(limit, key) == await theirs.hit(limit, key)
            ours = await limiter.get_window_stats(limit, key)
            assert ours == pytest.approx(await theirs.get_window_stats(limit, key))

    asyncio.run(compare())


def test_never_more_than_twice_as_many_within_a_window(limiter: SlidingWindowCounterRateLimiter, clock: Clock) -> None:
    allowed: list[float] = []
    for _ in range(4 * 900):
        clock.now += 1
        allowed += [clock.now] * hits(limiter, "a", 1)
    for start in allowed:
        assert sum(start <= one < start + 900 for one in allowed) < 10
    assert len(allowed) >= 4 * 5 - 1


def test_who_waits_as_long_as_he_is_told_gets_in(limiter: SlidingWindowCounterRateLimiter, clock: Clock) -> None:
    chance = random.Random(7)
    for _ in range(50):
        clock.now += chance.random() * 2000
        hits(limiter, "a", chance.randrange(8))
        while hits(limiter, "a", 1):
            pass
        reset, left = asyncio.run(limiter.get_window_stats(FIVE, "a"))
        assert left == 0
        assert clock.now < reset <= clock.now + 900
        clock.now = reset + 0.001
        assert hits(limiter, "a", 1) == 1


def test_hit_can_be_taken_back(limiter: SlidingWindowCounterRateLimiter) -> None:
    assert hits(limiter, "a", 7) == 5
    assert asyncio.run(limiter.hit(FIVE, "a", cost=-1))
    assert hits(limiter, "a", 7) == 1


def test_key_is_known_until_its_time_is_over(clock: Clock) -> None:
    counters = SharedCounters()
    assert asyncio.run(counters.get("a")) == 0
    assert asyncio.run(counters.incr("a", 60)) == 1
    assert asyncio.run(counters.get_expiry("a")) == clock.now + 60
    clock.now += 59
    assert asyncio.run(counters.incr("a", 60)) == 2
    clock.now += 1
    assert asyncio.run(counters.get("a")) == 0
    asyncio.run(counters.incr("a", 60))
    asyncio.run(counters.clear("a"))
    assert asyncio.run(counters.get("a")) == 0


def test_flood_of_new_keys_hides_no_attack() -> None:
    limiter = SlidingWindowCounterRateLimiter(SharedCounters(rows=8 * WAYS))
    assert hits(limiter, "victim", 5) == 5
    for number in range(10_000):
        hits(limiter, f"junk {number}", 1)
    assert hits(limiter, "victim", 5) == 0


def test_asking_makes_no_room() -> None:
    counters = SharedCounters(rows=WAYS)
    for number in range(WAYS):
        asyncio.run(counters.incr(f"{number}", 60))
    asyncio.run(counters.get("another"))
    asyncio.run(counters.get_sliding_window("another", 60))
    assert [asyncio.run(counters.get(f"{number}")) for number in range(WAYS)] == [1] * WAYS


Fork = Callable[[Callable[[], int]], int]


@pytest.fixture
def fork() -> Iterator[Fork]:
    """Runs a call in a process of its own, whose number it answers; the exit status is what the call returned."""
    children: list[int] = []

    def fork(call: Callable[[], int]) -> int:
        if pid := os.fork():
            children.append(pid)
            return pid
        os._exit(call())

    yield fork
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass


def status(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_processes_count_together(limiter: SlidingWindowCounterRateLimiter, fork: Fork) -> None:
    limit = parse("200/hour")

    async def hit() -> int:
        return sum([await limiter.hit(limit, "a") for _ in range(1000)])

    pids = [fork(lambda: asyncio.run(hit())) for _ in range(3)]
    assert sum(status(pid) for pid in pids) == 200
    assert asyncio.run(limiter.get_window_stats(limit, "a")).remaining == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_lock_of_a_process_that_is_killed_is_nobodys(fork: Fork) -> None:
    counters = SharedCounters()
    held, says = os.pipe()

    def hold() -> int:
        fcntl.lockf(counters._lock, fcntl.LOCK_EX)
        os.write(says, b"!")
        time.sleep(60)
        return 0

    pid = fork(hold)
    os.read(held, 1)
    with pytest.raises(BlockingIOError):
        fcntl.lockf(counters._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(pid, signal.SIGKILL)
    assert asyncio.run(counters.incr("a", 60)) == 1
