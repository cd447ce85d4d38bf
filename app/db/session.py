"""The two kinds of session: one that writes in a transaction, one that only reads."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from app.core.config import settings
from app.core.errors import Unavailable
from app.db.engine import begins, is_lost, make_engine, reading
from app.db.postgresql import BEGINS

__all__ = [
    "ReadSession",
    "ReadSessions",
    "Session",
    "Sessions",
    "WriteSessions",
    "after_commit",
    "engine",
    "finish",
    "in_any_case",
    "kept",
    "make_engine",
    "reading",
]


class _Kept(threading.local):
    """A thread's connection, kept from one session to the next: to take one from the pool and to give it back takes
    longer than to ask for a row. Only for threads of which there are no more than connections.
    """

    connection: Connection | None = None
    engine: Engine | None = None
    is_free = False

    def allow(self) -> None:
        """Has this thread keep one from now on."""
        self.is_free = True

    def take(self, engine: Engine) -> Connection:
        """The kept connection, or one from the pool if the thread keeps none or the session before still has it."""
        if not self.is_free:
            return engine.connect()
        if self.connection is None or self.connection.engine.pool is not engine.pool or self._is_lost(self.connection):
            self._close()
            self.connection = engine.connect()
        elif engine is not self.engine:
            self.connection.rollback()  # what reads, as SQLAlchemy sees it, has begun as well
            self.connection.execution_options(**{BEGINS: begins(engine)})
        self.engine = engine
        self.is_free = False
        return self.connection

    def put(self, connection: Connection) -> None:
        if connection is not self.connection:
            connection.close()
            return
        self.is_free = True
        if self.engine and begins(self.engine) and connection.in_transaction():
            self._undo(connection)

    def _undo(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except Unavailable:
            self._close()

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _is_lost(self, connection: Connection) -> bool:
        if connection.closed or connection.invalidated:
            return True
        if connection.dialect.name == "postgresql" and is_lost(connection.connection, connection.info):
            connection.invalidate()
            return True
        return False


kept = _Kept()


class OwnSession(Session):
    """A session whose connection is there from the beginning.

    What runs on `connection()` and not through the ORM needs none of the session's bookkeeping; the two share the
    connection's transaction.
    """

    def __init__(self, bind: Engine | Connection, **options: Any) -> None:
        self._own = kept.take(bind) if isinstance(bind, Engine) else None
        if self._own is not None:
            options["join_transaction_mode"] = "control_fully"
        super().__init__(self._own or bind, **options)

    def connection(self, *arguments: Any, **options: Any) -> Connection:
        if self._own is None or self.in_transaction():
            return super().connection(*arguments, **options)
        return self._own

    def commit(self) -> None:
        if self._own is None or self.in_transaction():
            super().commit()
        else:
            self._own.commit()

    def rollback(self) -> None:
        super().rollback()
        if self._own is not None:
            self._own.rollback()

    def close(self) -> None:
        if self._own is None or self.in_transaction():  # then the ORM has entities to let go
            super().close()
        if self._own is not None:
            kept.put(self._own)


class ReadSession(OwnSession):
    """Reads without BEGIN and COMMIT: each statement sees what is committed.

    It refuses to write, because what it wrote would be committed at once.
    """

    def commit(self) -> None:
        """There is nothing to commit."""

    def flush(self, objects: object = None) -> None:
        if self.new or self.dirty or self.deleted:
            raise RuntimeError("A reading session was asked to write")


@event.listens_for(ReadSession, "do_orm_execute")
def _refuse_to_write(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        raise RuntimeError("A reading session was asked to write")


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Has the call made once what the session wrote is committed; not when it is rolled back."""

    def make(session: Session) -> None:
        if not session.in_nested_transaction():  # the end of a savepoint is no commit
            call()

    event.listen(session, "after_commit", make)


IN_ANY_CASE = "in any case"


def in_any_case(session: Session, work: Callable[[Session], object]) -> None:
    """Has the work done when the session's job ends; if it fails, after all else was rolled back."""
    session.info.setdefault(IN_ANY_CASE, []).append(work)


def finish(session: Session, after_failure: bool = False) -> None:
    """Does what is to be done in any case; after a failure, in a transaction of its own."""
    works: list[Callable[[Session], object]] = session.info.pop(IN_ANY_CASE, [])
    if works and after_failure:
        session.rollback()
    for work in works:
        work(session)
    if works and after_failure:
        session.commit()


engine = make_engine(settings.DATABASE_URL)

Sessions = sessionmaker[Session]

WriteSessions: Sessions = sessionmaker(engine, class_=OwnSession, expire_on_commit=False)
ReadSessions: Sessions = sessionmaker(reading(engine), class_=ReadSession, expire_on_commit=False)
