"""Driver errors become domain errors here, once, the moment they leave the driver."""

import re
from typing import Any

from sqlalchemy import Constraint, Index, Table
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError, OperationalError

from app.core.errors import Conflict, DomainError, FieldError, Invalid, Unavailable
from app.db.base import Base

TAKE_TURNS = {"40001", "40P01", "55P03"}
"""SQLSTATE: serialization failure, deadlock, lock not available."""

CANCELED = "57014"
"""SQLSTATE of a statement that ran into `statement_timeout`."""

INTERRUPTED = "SQLITE_INTERRUPT"
"""What SQLite calls the same."""

CANNOT_WRITE = {"25006", "53100"}
"""SQLSTATE: read-only transaction (the server is a standby now), disk full."""


def translate_driver_error(context: ExceptionContext) -> DomainError | None:
    """Answers what SQLAlchemy's `handle_error` event raises instead; None leaves the error as it is."""
    error = context.sqlalchemy_exception
    if isinstance(error, IntegrityError):
        return _violation(error.orig)
    reason = _why_unavailable(context)
    return Unavailable(reason) if reason else None


def _why_unavailable(context: ExceptionContext) -> str | None:
    error = context.original_exception
    state: str | None = getattr(error, "pgcode", None)
    if state == CANCELED or getattr(error, "sqlite_errorname", "") == INTERRUPTED:
        return "The database took too long to answer"
    if "no such savepoint" in str(error):
        # An interrupted write takes the whole transaction with it, and the savepoint that is rolled back to next.
        return "The database gave the transaction up"
    if state in TAKE_TURNS or "database is locked" in str(error):
        return "The database is busy with other writers"
    if state in CANNOT_WRITE:
        return "The database can only be read"
    without_connection = context.connection is None and isinstance(context.sqlalchemy_exception, OperationalError)
    return "The database cannot be reached" if context.is_disconnect or without_connection else None


def in_one_line(error: Exception) -> str:
    """What the driver had to say, for whoever starts the service."""
    lines = str(error.__cause__ or error).split("\n")
    return lines[0].strip() or type(error).__name__


def _violation(driver_error: Any) -> DomainError:
    """The fields come from the constraint that was violated, never from asking the database again.

    Of a foreign key SQLite does not say which one it was: then there are no fields.
    """
    kind, fields = _postgresql_violation(driver_error) or _sqlite_violation(driver_error)
    if kind == "unique":
        return Conflict("The value is already taken", *_errors(fields, "is already taken", kind))
    if kind == "foreign key":
        return Conflict("The rows refer to each other", *_errors(fields, "refers to nothing", kind))
    return Invalid("The value is not allowed", *_errors(fields, "is not allowed", kind))


def _errors(fields: tuple[str, ...], detail: str, kind: str) -> list[FieldError]:
    return [FieldError(f"/{field}", detail, kind.replace(" ", "_")) for field in fields]


KINDS = {"23502": "not null", "23503": "foreign key", "23505": "unique", "23514": "check"}
"""SQLSTATE, class 23: integrity constraint violation."""


def _postgresql_violation(driver_error: Any) -> tuple[str, tuple[str, ...]] | None:
    if not hasattr(driver_error, "diag"):
        return None
    diagnosis = driver_error.diag
    fields = (diagnosis.column_name,) if diagnosis.column_name else _fields_of(diagnosis.constraint_name)
    return KINDS.get(driver_error.pgcode, "check"), fields


def _sqlite_violation(driver_error: Any) -> tuple[str, tuple[str, ...]]:
    kind, _, subject = str(driver_error).partition(" constraint failed")
    columns = re.findall(r"\w+\.(\w+)", subject)
    return kind.lower(), tuple(columns) or _fields_of(re.sub(r"^: (index ')?|'$", "", subject))


def _fields_of(name: str | None) -> tuple[str, ...]:
    for table in Base.metadata.tables.values():
        rules: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for rule in rules:
            if name and rule.name == name:
                # A check has no columns of its own, nor has an index on an expression: their text names them.
                return tuple(column.name for column in getattr(rule, "columns", ())) or _mentioned(table, rule)
    return ()


def _mentioned(table: Table, rule: Constraint | Index) -> tuple[str, ...]:
    expressions = rule.expressions if isinstance(rule, Index) else [getattr(rule, "sqltext", "")]
    text = " ".join(map(str, expressions))
    return tuple(column.name for column in table.columns if re.search(rf"\b{column.name}\b", text))
