"""Notices from one process of the service to all of them.

PostgreSQL carries them between hosts (NOTIFY), as part of the transaction: nobody hears of what was rolled back. With
SQLite all processes are on one host, and share a board.
"""

from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import Engine, func, select

from app.core.board import board
from app.db import session as database
from app.db.ending import after_commit
from app.db.session import Session

CHANNEL = "larder"


def tell(session: Session, notice: str) -> None:
    """Tells all processes, once what the session wrote is committed. At most 254 bytes."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_notify(CHANNEL, notice)))
    else:
        after_commit(session, partial(board.put, notice))


def are_carried() -> bool:
    """Whether the database carries notices."""
    return database.engine.dialect.name == "postgresql"


def tell_at_once(session: Session, notice: str) -> None:
    """The same, whatever becomes of the session, which needs to be good for no more than reading."""
    if are_carried():
        session.connection().execute(select(func.pg_notify(CHANNEL, notice)))
    else:
        board.put(notice)


class Connection:
    """A connection that only listens, beyond those of the pool. Its methods may raise the driver's errors."""

    def __init__(self, engine: Engine | None = None) -> None:
        taken = (engine or database.engine).raw_connection()
        taken.detach()  # the pool may make another one in its place
        self._connection: Any = taken.dbapi_connection
        self._ask(f"LISTEN {CHANNEL}")

    def fileno(self) -> int:
        number: int = self._connection.fileno()
        return number

    def received(self) -> list[str]:
        """What has come in, without waiting."""
        self._connection.poll()
        return self._taken()

    def check(self) -> list[str]:
        """Asks whether the server is there, since a host that is gone says nothing; answers what has come meanwhile."""
        self._ask("SELECT 1 -- listening")
        return self._taken()

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def _ask(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def _taken(self) -> list[str]:
        notices = [one.payload for one in self._connection.notifies]
        self._connection.notifies.clear()
        return notices
