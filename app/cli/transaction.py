"""Work that a command does in one transaction."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from app.db.session import WriteSessions

T = TypeVar("T")


def in_transaction(work: Callable[[Session], T]) -> T:
    with WriteSessions.begin() as session:
        return work(session)
