"""A thread's connection, kept from one session to the next: to take one from the pool and to give it back takes longer
than to ask for a row. Only for threads of which there are no more than connections.
"""

import threading

from sqlalchemy import Connection, Engine

from app.core.errors import Unavailable
from app.db.engine import begins, is_lost
from app.db.postgresql import BEGINS


class Kept(threading.local):
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
        # One whose commit failed is no transaction any more, and has to be left nevertheless.
        if self.engine and begins(self.engine) and connection.get_transaction():
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


kept = Kept()
