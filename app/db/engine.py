"""Engines: how this service connects, and what it asks of each database."""

import math
import select
import time
from functools import lru_cache
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import settings
from app.db.errors import translate_driver_error
from app.db.postgresql import BEGINS, DRIVER

CONNECT_TIMEOUT = 2
"""Seconds; libpq advises against less."""

CONNECT_PAUSE = 0.5
"""Seconds."""

IDLE = 0.01
"""Seconds after which a connection may have been closed unnoticed."""

LAST_USED = "last used"
"""Where a connection to PostgreSQL has the time at which it was last taken from the pool."""

STEPS = 100_000
"""Instructions of SQLite's virtual machine from one look at the clock to the next: about a millisecond."""

DEADLINE = "deadline"
"""Where a connection to SQLite has the time at which its statement has to end."""


def make_engine(url: str) -> Engine:
    """An engine with one connection for each thread: none ever waits for a connection, threads are the gate."""
    address = make_url(url)
    sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address if sqlite else address.set(drivername=DRIVER),
        pool_size=settings.THREADS + settings.JOB_THREADS + 1,  # one more for the readiness probe
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        pool_use_lifo=True,
        connect_args=_sqlite_arguments() if sqlite else _postgresql_arguments(),
    )
    event.listen(engine, "handle_error", translate_driver_error, retval=True)
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_on_sqlite)
        event.listen(engine, "before_cursor_execute", _start_clock)
    else:
        event.listen(engine, "do_connect", _Connect())
        event.listen(engine, "connect", _begin_nothing)
        event.listen(engine, "checkout", _make_ready)
    return engine


@lru_cache(maxsize=8)
def reading(engine: Engine) -> Engine:
    """The engine for a `ReadSession`, on the same connections."""
    return engine.execution_options(**{BEGINS: False})


def begins(engine: Engine) -> bool:
    """Whether it begins transactions."""
    is_begun: bool = engine.get_execution_options().get(BEGINS, True)
    return is_begun


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
    if not connection.autocommit:  # somebody had set an isolation level
        connection.autocommit = True
    if is_lost(connection, entry.info):
        raise DisconnectionError  # has the pool connect anew


def is_lost(connection: Any, info: dict[Any, Any]) -> bool:
    """Whether the server closed the idle connection; asked before each use, so that its restart costs no request.

    The goodbye has arrived by then, and to look for it takes no round trip, unlike `pool_pre_ping`.
    """
    now = time.monotonic()
    idle, info[LAST_USED] = now - info.get(LAST_USED, 0), now
    if idle < IDLE:
        return False
    unread = select.poll()  # select.select() knows no descriptor above 1023
    unread.register(connection, select.POLLIN)
    return bool(unread.poll(0))


def _begin_nothing(connection: Any, _: object) -> None:
    """Reads need no transaction, and writes begin theirs themselves: see `app.db.postgresql`."""
    connection.autocommit = True


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
    if connection.get_execution_options().get(BEGINS, True):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
