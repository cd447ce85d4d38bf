"""Passwords are hashed and checked in threads of their own, of which there are few.

A hash takes a processor for 20 ms and more. In a job it would hold a connection meanwhile, and where many sign in at
once, no job thread would be left for others.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from app import crud
from app.api.job import Job
from app.api.threads import Line, Threads
from app.core import processors, security
from app.core.config import settings
from app.core.principal import Principal
from app.core.security import CheckedPassword
from app.db.session import ReadSessions, Session

NUMBER = processors.share(settings.WEB_CONCURRENCY)

LINE = 250
"""How many may wait for each thread: for some six seconds."""


class Hashing:
    """Hashes and checks passwords. Raises `Unavailable` at once when too many wait already."""

    def __init__(self, number: int = NUMBER, line: int = LINE) -> None:
        self._threads = Threads(number, "hash", _give_way)
        self._line = Line(number * line, "Too many are signing in")

    async def hash(self, password: str) -> str:
        """The hash to store."""
        with self._line:
            return await self._threads.run(partial(security.hash_password, password))

    async def check(self, password: str, find: Callable[[Session], str | None]) -> CheckedPassword:
        """Compares the password with the hash that `find` finds, in a job of its own; takes as long without a hash."""
        with self._line:
            hash = await Job(ReadSessions, find).run()
            return CheckedPassword(hash, *await self._threads.run(partial(security.verify_password, password, hash)))

    async def check_own(self, caller: Principal, password: str) -> CheckedPassword:
        """Compares it with the password of who is signed in."""
        return await self.check(password, lambda session: crud.user.hash_of(session, caller.id))


def _give_way() -> None:
    """Lets requests that read go first, on whichever processor, where threads have priorities of their own."""
    processors.roam()
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


hashing = Hashing()
