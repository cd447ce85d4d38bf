"""What passes and is written nowhere: how many are here, who is typing. A signal that is lost is soon out of date."""

import asyncio
import json
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import NoReturn

from app.live.hub import Hub
from app.live.listener import Listener

PAUSE = 0.5
"""Seconds for which changes are gathered: of a hundred who come at once, each hears but one number."""

BEAT = 20.0
"""Seconds after which each process says again how many it has."""

LIFETIME = 3 * BEAT
"""Seconds after which a process that says nothing has nobody any more."""

WAITING = 1000
"""Signals that wait until others can be told; with more, who is typing is told here alone."""

SIGNALS = {"here", "typing"}


class Signals:
    """Tells those who are here by `hub`, and other processes by `send`, which must not fail."""

    def __init__(self, hub: Hub, send: Callable[[str], Awaitable[None]]) -> None:
        self._hub = hub
        self._send = send
        self._process = secrets.token_hex(4)
        self._here: Counter[int] = Counter()
        self._elsewhere: defaultdict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        """Of a recipe, how many each process has, and until when that counts."""
        self._changed: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def enter(self, recipe_id: int) -> None:
        self._here[recipe_id] += 1
        self._change(recipe_id)

    def leave(self, recipe_id: int) -> None:
        self._here[recipe_id] -= 1
        self._change(recipe_id)

    def typing(self, listener: Listener, user_id: int) -> None:
        self._tell_typing(listener.recipe_id, user_id, but=listener)
        if len(self._tasks) < WAITING:
            self._begin(self._send(f"typing {listener.recipe_id} {self._process} {user_id}"))

    def receive(self, kind: str, recipe_id: int, process: str, number: int) -> None:
        """A notice of another process, or of this one."""
        if process == self._process or not self._here[recipe_id]:
            return
        if kind == "typing":
            self._tell_typing(recipe_id, number)
        elif kind == "here":
            known = self._elsewhere[recipe_id]
            before, _ = known.get(process, (0, 0.0))
            known[process] = number, time.monotonic() + LIFETIME
            if number != before:
                self._tell_presence(recipe_id)
            if not before:
                self._change(recipe_id)  # it does not know of us

    async def beat(self) -> NoReturn:
        while True:
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            for recipe_id, known in list(self._elsewhere.items()):
                living = {process: one for process, one in known.items() if one[1] > now}
                if not self._here[recipe_id]:
                    del self._elsewhere[recipe_id], self._here[recipe_id]
                elif len(living) < len(known):
                    self._elsewhere[recipe_id] = living
                    self._tell_presence(recipe_id)
            for recipe_id, count in list(self._here.items()):
                if count:
                    await self._say_how_many(recipe_id)

    def _change(self, recipe_id: int) -> None:
        if recipe_id not in self._changed:
            self._changed.add(recipe_id)
            self._begin(self._after_pause(recipe_id))

    async def _after_pause(self, recipe_id: int) -> None:
        await asyncio.sleep(PAUSE)
        self._changed.discard(recipe_id)
        self._tell_presence(recipe_id)
        await self._say_how_many(recipe_id)
        if not self._here[recipe_id]:
            del self._here[recipe_id]
            self._elsewhere.pop(recipe_id, None)

    async def _say_how_many(self, recipe_id: int) -> None:
        await self._send(f"here {recipe_id} {self._process} {self._here[recipe_id]}")

    def _tell_presence(self, recipe_id: int) -> None:
        count = self._here[recipe_id] + sum(number for number, _ in self._elsewhere[recipe_id].values())
        self._hub.signal(recipe_id, json.dumps({"type": "presence", "count": count}))

    def _tell_typing(self, recipe_id: int, user_id: int, but: Listener | None = None) -> None:
        self._hub.signal(recipe_id, json.dumps({"type": "typing", "author_id": user_id}), but)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
