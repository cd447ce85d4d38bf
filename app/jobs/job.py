"""How a function becomes a job, and how it is left for later."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec

from app.core.errors import DomainError
from app.crud import outbox
from app.db.ending import after_commit
from app.db.session import Session

P = ParamSpec("P")

JOBS: dict[str, "Job[...]"] = {}

awake = threading.Event()
"""Set when there may be something to do."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a job knows of itself: it may have run before, in part or whole.

    `key` is the same for each attempt at one job, and another one for each job there ever was: what was done under it
    need not be done again.
    """

    key: str
    number: int


class Hopeless(DomainError):
    """Raised by a job that no further attempt will get done. As with any domain error, `detail` holds no secret."""

    status = 500


class Job(Generic[P]):
    """A function that can be left for later. Its arguments are kept as JSON, for days maybe: no secrets among them."""

    def __init__(self, function: Callable[Concatenate[Attempt, P], None]) -> None:
        self.name = f"{function.__module__.removeprefix('app.')}.{function.__name__}"
        self._function: Callable[..., None] = function
        self._signature = inspect.signature(function)
        JOBS[self.name] = self

    def enqueue(self, session: Session, *args: P.args, **kwargs: P.kwargs) -> None:
        """Has it run after the session's commit, and not at all if that does not come."""
        bound = self._signature.bind(None, *args, **kwargs).arguments
        attempt, *_ = bound
        outbox.add(session, self.name, {name: value for name, value in bound.items() if name != attempt})
        after_commit(session, awake.set)

    def run(self, attempt: Attempt, arguments: dict[str, Any]) -> None:
        self._function(attempt, **arguments)


def job(function: Callable[Concatenate[Attempt, P], None]) -> Job[P]:
    """Makes a job of a function that takes the attempt and what it is about.

    It runs in no transaction and opens sessions of its own, one at a time and only for as long as it needs them. It
    may run more than once: what must not happen twice it does under `attempt.key`.
    """
    return Job(function)
