"""One at a time: whoever changes the schema or plants the seeds."""

import math

from sqlalchemy import Connection, text

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
