"""What is committed, what waits for that, and what is done either way."""

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from app.db.ending import after_commit, committed, in_any_case


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (text TEXT UNIQUE)"))
    with Session(engine) as session:
        yield session
    engine.dispose()


def note(session: Session, what: str) -> None:
    session.execute(text("INSERT INTO note VALUES (:what)"), {"what": what})


def notes(session: Session) -> list[str]:
    """Those that are committed."""
    session.rollback()
    return [*session.scalars(text("SELECT text FROM note ORDER BY text"))]


def ask(session: Session, fails: bool = False) -> str:
    in_any_case(session, partial(note, what="asked"))
    note(session, "answer")
    if fails:
        raise LookupError
    return "answered"


def test_work_and_what_is_done_in_any_case_are_committed(session: Session) -> None:
    assert committed(session, ask) == "answered"
    assert notes(session) == ["answer", "asked"]


def test_failed_work_is_rolled_back_but_for_what_is_done_in_any_case(session: Session) -> None:
    with pytest.raises(LookupError):
        committed(session, partial(ask, fails=True))
    assert notes(session) == ["asked"]


def test_what_is_done_in_any_case_is_done_once(session: Session) -> None:
    committed(session, ask)
    committed(session, partial(note, what="another"))
    assert notes(session) == ["another", "answer", "asked"]


def test_what_waits_for_the_commit_is_done_after_it(session: Session) -> None:
    done: list[str] = []

    def work(session: Session) -> None:
        with session.begin_nested():
            after_commit(session, partial(done.append, "told"))
        assert not done, "the end of a savepoint is no commit"

    committed(session, work)
    assert done == ["told"]


def test_what_waits_for_the_commit_is_not_done_when_there_is_none(session: Session) -> None:
    done: list[str] = []

    def work(session: Session) -> None:
        after_commit(session, partial(done.append, "told"))
        raise LookupError

    with pytest.raises(LookupError):
        committed(session, work)
    assert done == []
