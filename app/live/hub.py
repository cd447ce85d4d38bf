"""Who watches what in this process, and how each gets his events."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from app.core.errors import TooManyRequests, Unavailable
from app.live.feed import Feed
from app.live.listener import End, Event, Grant, Listener

MOST = 10_000
"""Listeners of one process."""

SHARE = MOST // 10
"""Those of them that may come from one address, or one client would take the places of all."""

AGAIN = 60
"""Seconds after which somebody from such an address may see whether another has left."""


class Source(Protocol):
    """What is known elsewhere. A method that fails is called again later."""

    async def heads(self, recipe_ids: Collection[int]) -> Mapping[int, int]:
        """The numbers of the last events of recipes, without those that are gone."""
        ...

    async def head(self, recipe_id: int) -> int:
        """The same of one; `NotFound` if it is gone."""
        ...

    async def since(self, recipe_id: int, number: int) -> Sequence[Event]:
        """Some of the events after that one, in order; none, or later ones, if they are forgotten."""
        ...

    async def ended(self, grants: Collection[Grant]) -> Collection[Grant]:
        """Those that are good for nothing any more."""
        ...


class Hub:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._feeds: dict[int, Feed] = {}
        self._number = 0
        self._addresses = Counter[str]()
        self._stopping = False
        self.wanted = asyncio.Event()
        """Set while somebody listens: otherwise nothing has to be heard."""

    def __len__(self) -> int:
        return self._number

    async def join(self, listener: Listener, after: int | None = None) -> Sequence[Event] | None:
        """Has him hear what happens from now on. Answers what happened after the last event that he has had; None when
        that is too much or not known any more, so that he has to read all anew.

        Raises `NotFound`, `TooManyRequests` and `Unavailable`.
        """
        if self._stopping or self._number >= MOST:
            raise Unavailable("There is no room here now")
        if self._addresses[listener.address] >= SHARE:
            raise TooManyRequests(f"No more than {SHARE} may listen from where you are", AGAIN)
        self._number += 1
        self._addresses[listener.address] += 1
        feed = self._feeds.get(listener.recipe_id)
        if feed is None:
            feed = self._feeds[listener.recipe_id] = Feed(partial(self._source.since, listener.recipe_id))
        feed.listeners.add(listener)
        self.wanted.set()
        try:
            # What is announced from now on is remembered, and read once his position is known.
            head = await self._source.head(listener.recipe_id)
            missed = () if after is None else await feed.missed(after, head)
        except BaseException:
            self.leave(listener)
            raise
        listener.position = missed[-1].number if missed else head
        feed.announce(head)
        return missed

    def leave(self, listener: Listener) -> None:
        """Once for each who has joined."""
        self._number -= 1
        self._addresses[listener.address] -= 1
        if not self._addresses[listener.address]:
            del self._addresses[listener.address]
        listeners = self._feeds[listener.recipe_id].listeners
        listeners.discard(listener)
        if not listeners:
            del self._feeds[listener.recipe_id]
        if not self._feeds:
            self.wanted.clear()
        listener.finish(End.left)

    def stop(self) -> None:
        """Ends all, so that they go elsewhere; nobody comes in any more."""
        if self._stopping:
            return
        self._stopping = True
        _finish(self._listeners(), End.stopping)

    def announce(self, recipe_id: int, number: int) -> None:
        """There is an event of this number."""
        if feed := self._feeds.get(recipe_id):
            feed.announce(number)

    def signal(self, recipe_id: int, message: str, but: Listener | None = None) -> None:
        """For those who are here now, and want to know."""
        if feed := self._feeds.get(recipe_id):
            for listener in feed.listeners:
                if listener.with_signals and listener is not but:
                    listener.put(message)

    async def look(self, recipe_id: int | None = None) -> None:
        """Looks for events that nobody has announced here, and for recipes that are gone; or at this one alone."""
        if recipe_ids := [one for one in self._feeds if recipe_id in (None, one)]:
            heads = await self._source.heads(recipe_ids)
            for one in recipe_ids:
                if one in heads:
                    self.announce(one, heads[one])
                elif feed := self._feeds.get(one):
                    _finish(feed.listeners, End.removed)

    async def check(self, user_id: int | None = None) -> None:
        """Ends those whose rights have ended; or asks after the rights of this account alone."""
        if grants := {one.grant for one in self._listeners() if one.grant and user_id in (None, one.grant.user_id)}:
            ended = await self._source.ended(grants)
            _finish([one for one in self._listeners() if one.grant in ended], End.rights)

    def _listeners(self) -> Iterator[Listener]:
        return (listener for feed in [*self._feeds.values()] for listener in [*feed.listeners])


def _finish(listeners: Collection[Listener] | Iterator[Listener], end: End) -> None:
    for listener in listeners:
        listener.finish(end)
