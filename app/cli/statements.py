"""The statements that the database is asked to run, and how long it takes to."""

import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(slots=True)
class Cost:
    times: int = 0
    seconds: float = 0.0


Statements = dict[str, Cost]


@contextmanager
def statements() -> Generator[Statements]:
    """All that run while the context lasts, by their text, without their values."""
    found: defaultdict[str, Cost] = defaultdict(Cost)
    begun: list[float] = []

    def before(*_: Any) -> None:
        begun.append(time.perf_counter())

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        cost = found[" ".join(statement.split())]
        cost.times += 1
        cost.seconds += time.perf_counter() - begun.pop()

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", before)
        event.remove(Engine, "after_cursor_execute", after)
