"""The two kinds of session: one that writes in a transaction, one that only reads."""

import threading
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from app.core.config import settings
from app.db.engine import is_lost, make_engine, reading

__all__ = [
    "ReadSession",
    "ReadSessions",
    "Session",
    "Sessions",
    "WriteSessions",
    "engine",
    "kept",
    "make_engine",
    "reading",
]


class _Kept(threading.local):
    """A thread's connection for reads, kept from one session to the next: to take one from the pool, to begin what is
    no transaction and to end it takes longer than to ask for a row. Only for threads of which there are no more than
    connections; none of them ever has two.
    """

    connection: Connection | None = None
    is_free = False

    def allow(self) -> None:
        """Has this thread keep one from now on."""
        self.is_free = True

    def take(self, engine: Engine) -> Connection:
        if self.connection is None or self.connection.engine is not engine or self._is_lost(self.connection):
            self._close()
            self.connection = engine.connect()
        self.is_free = False
        return self.connection

    def put(self) -> None:
        self.is_free = True

    def make_room(self) -> None:
        """For a connection that is about to be taken from the pool."""
        if self.is_free:
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
        self._own = self._connect(bind) if isinstance(bind, Engine) else None
        if self._own is not None:
            options["join_transaction_mode"] = "control_fully"
        super().__init__(self._own or bind, **options)

    def _connect(self, engine: Engine) -> Connection:
        kept.make_room()
        return engine.connect()

    def _disconnect(self, connection: Connection) -> None:
        connection.close()

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
            self._disconnect(self._own)


class ReadSession(OwnSession):
    """Reads without BEGIN and COMMIT: each statement sees what is committed.

    It refuses to write, because what it wrote would be committed at once.
    """

    def _connect(self, engine: Engine) -> Connection:
        self._keeps = kept.is_free
        return kept.take(engine) if self._keeps else engine.connect()

    def _disconnect(self, connection: Connection) -> None:
        if self._keeps:
            kept.put()
        else:
            connection.close()

    def commit(self) -> None:
        """There is nothing to commit."""

    def flush(self, objects: object = None) -> None:
        if self.new or self.dirty or self.deleted:
            raise RuntimeError("A reading session was asked to write")


@event.listens_for(ReadSession, "do_orm_execute")
def _refuse_to_write(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        raise RuntimeError("A reading session was asked to write")


engine = make_engine(settings.DATABASE_URL)

Sessions = sessionmaker[Session]

WriteSessions: Sessions = sessionmaker(engine, class_=OwnSession, expire_on_commit=False)
ReadSessions: Sessions = sessionmaker(reading(engine), class_=ReadSession, expire_on_commit=False)
