"""The end of a session's work: the commit, what waits for it, and what is done whether it comes to that or not."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

T = TypeVar("T")

IN_ANY_CASE = "in any case"


def committed(session: Session, work: Callable[[Session], T]) -> T:
    """What the work answers, once what it did is committed. When it fails, or the commit does, nothing of it is."""
    try:
        result = work(session)
        for last in _left(session):
            last(session)
        session.commit()
    except Exception:
        if left := _left(session):
            session.rollback()
            for last in left:
                last(session)
            session.commit()
        raise
    return result


def in_any_case(session: Session, work: Callable[[Session], object]) -> None:
    """Has this work done when the session's own ends; if that fails, in another transaction."""
    session.info.setdefault(IN_ANY_CASE, []).append(work)


def _left(session: Session) -> Sequence[Callable[[Session], object]]:
    """What is left to do in any case; each is tried once."""
    works: Sequence[Callable[[Session], object]] = session.info.pop(IN_ANY_CASE, ())
    return works


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Has the call made once what the session wrote is committed; not when it is rolled back."""

    def make(session: Session) -> None:
        if not session.in_nested_transaction():  # the end of a savepoint is no commit
            call()

    event.listen(session, "after_commit", make)
