"""Threads for work that blocks, and the way there and back."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from app.core.errors import Unavailable

T = TypeVar("T")

Task = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Threads:
    """A fixed number of threads, started when the first call comes: a process that is yet to fork must have none.

    `ThreadPoolExecutor` does the same with a future of its own beside the loop's, a condition and a lock for each
    call; under load that takes as long as half a query.
    """

    def __init__(self, number: int, name: str, begin: Callable[[], None]) -> None:
        self.number = number
        self.name = name
        self.begin = begin
        """What each thread does first."""
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._started = False

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns or raises. It is not made at all when nobody waits any more once its turn comes."""
        if not self._started:
            self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._tasks.put((call, loop, future))
        return await future

    def _start(self) -> None:
        self._started = True
        for number in range(self.number):
            threading.Thread(target=self._work, name=f"{self.name}-{number}", daemon=True).start()

    def _work(self) -> None:
        self.begin()
        while True:
            _make(*self._tasks.get())


class Line:
    """A bounded number of places for those who wait for threads, or use them."""

    def __init__(self, places: int, refusal: str) -> None:
        self._free = places
        self._refusal = refusal

    def __enter__(self) -> None:
        """Takes a place; raises `Unavailable` at once when there is none."""
        if self._free == 0:
            raise Unavailable(self._refusal)
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


def _make(call: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
    if future.cancelled():
        return
    try:
        settle, outcome = future.set_result, call()
    except StopIteration as error:  # no future takes one: who awaits it would wait for ever
        settle, outcome = future.set_exception, RuntimeError("A job raised StopIteration")
        outcome.__cause__ = error
    except BaseException as error:
        settle, outcome = future.set_exception, error
    if not loop.is_closed():
        loop.call_soon_threadsafe(_tell, future, settle, outcome)


def _tell(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():
        settle(outcome)
