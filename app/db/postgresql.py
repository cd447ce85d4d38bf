"""PostgreSQL, asked with one round trip less for each transaction."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE  # type: ignore[import-untyped]
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine.interfaces import ExecutionContext, PoolProxiedConnection

DRIVER = "postgresql+larder"

BEGINS = "begins"
"""The option of an engine or a connection that says whether it begins transactions; it does unless it is False."""


class BeginsWithFirstStatement(PGDialect_psycopg2):
    """BEGIN travels with the first statement; psycopg2 sends it by itself and waits for the answer.

    psycopg2 stays in its autocommit mode, in which it begins and ends nothing. It also lets other threads run each
    time that the mode is switched, or a transaction ended, even if there is none: with all of them busy, that costs
    more than a statement. Whoever sets an isolation level has the driver do all that, as usual.
    """

    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: ExecutionContext | None = None) -> None:
        if _is_to_begin(cursor, context):
            statement = f"BEGIN; {statement}"
        cursor.execute(statement, parameters)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: ExecutionContext | None = None
    ) -> None:
        if _is_to_begin(cursor, context):
            cursor.execute("BEGIN")
        cursor.executemany(statement, parameters)

    def do_commit(self, dbapi_connection: PoolProxiedConnection) -> None:
        if not _end(dbapi_connection, "COMMIT"):
            dbapi_connection.commit()

    def do_rollback(self, dbapi_connection: PoolProxiedConnection) -> None:
        if not _end(dbapi_connection, "ROLLBACK"):
            dbapi_connection.rollback()


def _is_to_begin(cursor: Any, context: ExecutionContext | None) -> bool:
    options: Mapping[str, Any] = context.execution_options if context else {}
    if not options.get(BEGINS, True) or "isolation_level" in options:
        return False
    connection = cursor.connection
    is_idle: bool = connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
    return is_idle and connection.autocommit is True


def _end(connection: Any, statement: str) -> bool:
    """Whether this is ours to do."""
    if not connection.autocommit:
        return False
    if connection.get_transaction_status() != TRANSACTION_STATUS_IDLE:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    return True


registry.register(DRIVER.replace("+", "."), __name__, BeginsWithFirstStatement.__name__)
