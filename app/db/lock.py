"""One at a time: whoever changes the schema or plants the seeds, and whoever does something for all processes."""

import fcntl
import math
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, text

from app.db.engine import reading

KEY = 0x1A2DE2
"""The number of the advisory lock; any will do, as long as no other program in the database uses it."""


def take_turn(connection: Connection) -> None:
    """Waits, as long as it takes, for all others that took a turn; holds it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": KEY})
    else:
        # The transaction itself is the lock: it began with BEGIN IMMEDIATE.
        connection.execution_options(statement_timeout=math.inf)


@contextmanager
def unless_held(engine: Engine, name: str) -> Generator[bool]:
    """Whether nobody else holds the lock of that name, in whichever process that uses the database.

    Then it is held until the context ends, or the process does. On PostgreSQL that takes a connection beside those of
    the pool, and a proxy that hands connections from one transaction to the next is no good for it.
    """
    if engine.dialect.name == "postgresql":
        with reading(engine).connect() as connection:
            connection.detach()
            key = {"key": KEY, "name": zlib.crc32(name.encode()) - 2**31}
            yield bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key, :name)"), key))
        return
    with open(f"{engine.url.database}.{name}", "w") as file:  # noqa: PTH123 - a string is what the URL has
        held = False
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        yield held
