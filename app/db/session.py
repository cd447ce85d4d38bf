"""The engine and the two kinds of session: one that writes in a transaction, one that only reads."""

import math
import select
import time
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import settings
from app.db.errors import translate_driver_error

__all__ = ["ReadSessions", "Session", "Sessions", "WriteSessions", "engine", "make_engine", "reading"]

CONNECT_TIMEOUT = 2
"""Seconds; libpq advises against less."""

CONNECT_PAUSE = 0.5
"""Seconds."""

IDLE = 0.005
"""Seconds after which a connection may have been closed unnoticed."""

LAST_USED = "last used"
"""Where a connection to PostgreSQL has the time at which it was last taken from the pool."""

STEPS = 100_000
"""Instructions of SQLite's virtual machine from one look at the clock to the next: about a millisecond."""

DEADLINE = "deadline"
"""Where a connection to SQLite has the time at which its statement has to end."""


def make_engine(url: str) -> Engine:
    """An engine with one connection per job thread: a job never waits for a connection, threads are the gate."""
    sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        pool_size=settings.THREADS + 1,  # one more for the readiness probe
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        pool_use_lifo=True,
        skip_autocommit_rollback=not sqlite,
        connect_args=_sqlite_arguments() if sqlite else _postgresql_arguments(),
    )
    event.listen(engine, "handle_error", translate_driver_error, retval=True)
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_on_sqlite)
        event.listen(engine, "before_cursor_execute", _start_clock)
    else:
        event.listen(engine, "do_connect", _Connect())
        event.listen(engine, "connect", _wait_with_begin)
        event.listen(engine, "begin", _begin_on_postgresql)
        event.listen(engine, "checkout", _make_ready)
    return engine


def reading(engine: Engine) -> Engine:
    """An engine for a `ReadSession`, on the same connections.

    Not by an option of the same engine: its listeners would be asked, and one after the other, for each statement.
    """
    sqlite = engine.dialect.name == "sqlite"
    reader = create_engine(engine.url, pool=engine.pool, skip_autocommit_rollback=not sqlite)
    event.listen(reader, "handle_error", translate_driver_error, retval=True)
    if sqlite:
        event.listen(reader, "before_cursor_execute", _start_clock)
    return reader


def _postgresql_arguments() -> dict[str, Any]:
    milliseconds = round(settings.STATEMENT_TIMEOUT * 1000)
    return {
        "application_name": "larder",
        "connect_timeout": CONNECT_TIMEOUT,
        "options": f"-c timezone=utc -c statement_timeout={milliseconds}",
        # A peer that vanished without a word is noticed after this many milliseconds, not after hours.
        "tcp_user_timeout": milliseconds,
    }


def _make_ready(connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
    if not connection.autocommit:  # a write had it
        connection.autocommit = True
    now = time.monotonic()
    if now - entry.info.get(LAST_USED, 0) > IDLE:
        _replace_closed(connection)
    entry.info[LAST_USED] = now


def _replace_closed(connection: Any) -> None:
    """Has the pool connect anew when the server closed an idle connection, so that its restart costs no request.

    The goodbye has arrived by then, and to look for it takes no round trip, unlike `pool_pre_ping`.
    """
    unread = select.poll()  # select.select() knows no descriptor above 1023
    unread.register(connection, select.POLLIN)
    if unread.poll(0):
        raise DisconnectionError


def _wait_with_begin(connection: Any, _: object) -> None:
    """Reads need no transaction. The driver's own switch, because SQLAlchemy's takes a round trip on its way back.

    The driver lets other threads run each time that the switch is turned, or a transaction ended, even if it is none:
    with all of them busy, that costs more than the statement. So it is turned for writes, and not for reads.
    """
    connection.autocommit = True


def _begin_on_postgresql(connection: Connection) -> None:
    if "isolation_level" not in connection.get_execution_options():
        connection.connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]


class _Connect:
    """Connects. For a moment after a failure it fails at once, so that requests do not queue for hopeless attempts."""

    def __init__(self) -> None:
        self.pause_until = 0.0
        self.reason = ""

    def __call__(self, dialect: Dialect, _: object, arguments: Any, options: Any) -> DBAPIConnection:
        failure = dialect.loaded_dbapi.OperationalError
        if time.monotonic() < self.pause_until:
            raise failure(self.reason)
        try:
            return dialect.connect(*arguments, **options)
        except failure as error:
            self.pause_until, self.reason = time.monotonic() + CONNECT_PAUSE, str(error)
            raise


def _sqlite_arguments() -> dict[str, Any]:
    # A pooled connection passes from thread to thread, one at a time. The timeout is that of a writer for another.
    return {"check_same_thread": False, "timeout": settings.STATEMENT_TIMEOUT}


def _prepare_sqlite(connection: SQLiteConnection, entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; see _begin_on_sqlite
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "case_sensitive_like = ON"):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite's own lower() knows ASCII only, and searching "FRANÇAISE" must find "Française".
    connection.create_function("lower", 1, _lower, deterministic=True)
    # SQLite has no statement_timeout, but it asks whether to go on.
    connection.set_progress_handler(lambda: time.monotonic() > entry.info.get(DEADLINE, math.inf), STEPS)


def _start_clock(connection: Connection, *_: object) -> None:
    seconds = connection.get_execution_options().get("statement_timeout", settings.STATEMENT_TIMEOUT)
    connection.info[DEADLINE] = time.monotonic() + seconds


def _lower(value: str | None) -> str | None:
    if value is None or value.isascii():
        return value and value.lower()
    # Letter by letter, as PostgreSQL does it: in a whole word, Python writes the last sigma in another way.
    return "".join(map(str.lower, value))


def _begin_on_sqlite(connection: Connection) -> None:
    """A plain BEGIN fails when it turns from reading to writing while another writes; IMMEDIATE waits instead."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class WriteSession(Session):
    """Writes in one transaction. Its connection is there from the beginning.

    What runs on `connection()` and not through the ORM needs none of the session's bookkeeping, which takes longer
    than to ask for a row; the two share the connection's transaction.
    """

    def __init__(self, bind: Engine | Connection, **options: Any) -> None:
        self._own = None
        if isinstance(bind, Engine):
            bind = self._own = bind.connect()
            options["join_transaction_mode"] = "control_fully"
        super().__init__(bind, **options)

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
            self._own.close()


class ReadSession(WriteSession):
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

WriteSessions: Sessions = sessionmaker(engine, class_=WriteSession, expire_on_commit=False)
ReadSessions: Sessions = sessionmaker(reading(engine), class_=ReadSession, expire_on_commit=False)
