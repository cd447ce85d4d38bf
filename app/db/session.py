"""The two kinds of session: one that writes in a transaction, one that only reads."""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from app.core.config import settings
from app.db.engine import make_engine, reading
from app.db.kept import kept

__all__ = ["ReadSession", "ReadSessions", "Session", "Sessions", "WriteSessions", "engine", "make_engine", "reading"]


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


engine = make_engine(settings.DATABASE_URL)

Sessions = sessionmaker[Session]

WriteSessions: Sessions = sessionmaker(engine, class_=OwnSession, expire_on_commit=False)
ReadSessions: Sessions = sessionmaker(reading(engine), class_=ReadSession, expire_on_commit=False)
