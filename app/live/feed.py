"""A recipe that somebody watches in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from app.live.listener import ROOM, End, Event, Listener

log = structlog.get_logger()

RECENT = 500
"""Events that are kept at hand, once for all who watch; and that one may be behind when he comes."""

PIECE = ROOM // 2
"""Events that are handed to a listener at once."""

Read = Callable[[int], Awaitable[Sequence[Event]]]
"""Some of the events after that number, in order; none, or later ones, if they are forgotten."""


class Feed:
    def __init__(self, read: Read) -> None:
        self.listeners: set[Listener] = set()
        self._read = read
        self._announced = 0
        """The number of the last event that somebody spoke of."""
        self._recent: list[Event] = []
        self._turn = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    def announce(self, number: int) -> None:
        self._announced = max(self._announced, number)
        if self._reading is None and self._behind():
            self._reading = asyncio.create_task(self._catch_up())

    async def missed(self, after: int, head: int) -> Sequence[Event] | None:
        """What happened since, as far as it can be said at once; None when it is too much, or forgotten."""
        if after == head:
            return ()
        if not head - RECENT <= after < head:
            return None
        self._announced = max(self._announced, head)
        events = await self._since(after)
        return events if events and events[0].number == after + 1 else None

    def _behind(self) -> list[Listener]:
        return [
            one
            for one in self.listeners
            if one.end is None and one.position is not None and one.position < self._announced
        ]

    async def _catch_up(self) -> None:
        try:
            while behind := self._behind():
                first = min(one.position or 0 for one in behind)
                events = await self._since(first)
                if not events:
                    break
                for start in range(0, len(events), PIECE):
                    self._hand_out(events[start : start + PIECE], behind)
                    await asyncio.sleep(0)  # who is not slow takes them now
        except Exception as error:
            log.warning("events could not be read, and will be later", error=type(error).__name__)
        finally:
            self._reading = None

    def _hand_out(self, events: Sequence[Event], behind: Sequence[Listener]) -> None:
        for listener in behind:
            if events[0].number <= (listener.position or 0) + 1:
                listener.take(events)
            else:
                listener.finish(End.forgotten)

    async def _since(self, number: int) -> Sequence[Event]:
        async with self._turn:  # of many who ask for the same, one reads it
            recent = self._recent
            if recent and recent[0].number <= number + 1 and number < self._announced <= recent[-1].number:
                return recent[number + 1 - recent[0].number :]
            events = await self._read(number)
            # What was told of a comment before it was changed or removed is not told once more.
            follows = recent and events and recent[-1].number + 1 == events[0].number
            is_all_new = all(one.is_new for one in events)
            self._recent = [*(recent if follows and is_all_new else ()), *events][-RECENT:]
            return events
