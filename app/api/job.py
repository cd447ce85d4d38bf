"""One request is one job: in one thread, with one session, in one transaction, on one connection.

FastAPI runs a `def` endpoint, each of its `def` dependencies and the serialisation of its answer as thread jobs of
their own, and a session that lives across them keeps its connection while it waits for the next thread. Here the
dependencies are `async` and touch nothing; what needs the database is a `Deferred`, which the endpoint's own job
makes before it calls the endpoint. The job serialises the answer and commits before the first byte is sent.

There are as many job threads as connections, so a job never waits for a connection, and requests that wait for
their turn hold neither.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from fastapi import Request

from app.api.threads import Threads
from app.core.config import settings
from app.core.errors import Unavailable
from app.core.principal import SignedIn
from app.db.ending import committed
from app.db.kept import kept
from app.db.session import Session, Sessions

T = TypeVar("T")
U = TypeVar("U")


threads = Threads(settings.THREADS, "job", kept.allow)


@dataclass(slots=True)
class Pending:
    """What is known of a request before its job begins."""

    request: Request
    key: str | None
    deferred: list["Deferred[Any]"] = field(default_factory=list["Deferred[Any]"])
    caller: "Deferred[SignedIn | None] | None" = None
    is_anonymous: bool = False


pending: ContextVar[Pending] = ContextVar("pending")


class Deferred(Generic[T]):
    """The value of a dependency that takes the database: the job makes it, in its own thread.

    Each one is made, also one that no parameter takes: what `dependencies=[...]` demands is demanded.
    """

    def __init__(self, make: Callable[[Session], T]) -> None:
        self._make = make
        self._made: tuple[Session, T] | None = None
        pending.get().deferred.append(self)

    def value(self, session: Session) -> T:
        """Made once in each job. A request that asks the cache may take two, and a row belongs to its session."""
        if self._made is None or self._made[0] is not session:
            self._made = session, self._make(session)
        return self._made[1]

    def then(self, change: Callable[[T], U]) -> "Deferred[U]":
        return Deferred(lambda session: change(self.value(session)))


class Job(Generic[T]):
    """One call of `work` with a session of its own, whose end is that of `app.db.ending`."""

    def __init__(self, sessions: Sessions, work: Callable[[Session], T]) -> None:
        self.sessions = sessions
        self.work = work
        self.abandoned = False

    async def run(self) -> T:
        """Raises what `work` or the commit raises. When the caller stops waiting, nothing is committed."""
        try:
            return await threads.run(partial(copy_context().run, self._run))
        except asyncio.CancelledError:
            self.abandoned = True
            raise

    def _run(self) -> T:
        with self.sessions() as session:
            return committed(session, self._work)

    def _work(self, session: Session) -> T:
        result = self.work(session)
        if self.abandoned:
            raise Unavailable("The request was given up")
        return result
