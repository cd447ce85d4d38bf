"""Somebody who watches a recipe."""

import asyncio
import time
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

ROOM = 100
"""Messages that wait for one who is slow; with one more he is left behind."""


class Grant(NamedTuple):
    """By what right somebody is here who has signed in: his session, or his key, and until when at most."""

    user_id: int
    session_id: int | None = None
    key_hash: bytes | None = None
    expires: float | None = None
    """Seconds since the epoch."""


class Event(NamedTuple):
    number: int
    what: str
    text: str
    """All there is to say, as a JSON object in one line."""

    @property
    def is_new(self) -> bool:
        """Whether nothing can have been said before of what it is about."""
        return self.what.endswith(".created")


class End(Enum):
    """Why there is nothing more to hear."""

    left = "You have left"
    slow = "Too much has waited for you: come again, and go on where you were"
    forgotten = "You are too far behind: read the comments anew"
    rights = "Your session or key has ended"
    removed = "There is no such recipe any more"
    stopping = "This process stops: come again"


class Listener:
    """Hears each event after `position` once and in order, or that it is over."""

    def __init__(self, recipe_id: int, address: str, grant: Grant | None = None, with_signals: bool = False) -> None:
        self.recipe_id = recipe_id
        self.address = address
        """Where he is, or which network he is in."""
        self.with_signals = with_signals
        """Whether he also hears what is written nowhere, such as who is typing."""
        self.position: int | None = None
        """None until it is known."""
        self.end: End | None = None
        self._messages: asyncio.Queue[Event | str | None] = asyncio.Queue()
        self._expiry: asyncio.TimerHandle | None = None
        self.hold(grant)

    def hold(self, grant: Grant | None) -> None:
        """He is here by this right from now on."""
        self.grant = grant
        if self._expiry:
            self._expiry.cancel()
        if grant and grant.expires is not None:
            left = grant.expires - time.time()
            self._expiry = asyncio.get_running_loop().call_later(left, self.finish, End.rights)

    def take(self, events: Sequence[Event]) -> None:
        """Those that he has had are passed over."""
        for event in events:
            if self.position is not None and event.number > self.position:
                self.position = event.number
                self.put(event)

    def put(self, message: Event | str) -> None:
        if self._messages.qsize() >= ROOM:
            self.finish(End.slow)
        elif self.end is None:
            self._messages.put_nowait(message)

    def finish(self, end: End) -> None:
        """What waits for him is let go; of events he can ask for it again."""
        if self.end is not None:
            return
        self.end = end
        if self._expiry:
            self._expiry.cancel()
        while not self._messages.empty():
            self._messages.get_nowait()
        self._messages.put_nowait(None)

    async def next(self) -> Event | str | None:
        """None when it is over."""
        return None if self.end else await self._messages.get()
