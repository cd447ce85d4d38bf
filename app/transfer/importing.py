"""Rows from a file into the database: all of them, or none and what is wrong with which line."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import FieldError, Invalid
from app.core.principal import Principal
from app.crud.base import CreateT, CRUDBase
from app.crud.many import insert_many
from app.transfer.reading import Rows

CHUNK = 500
MAX_ROWS = 1_000_000
MAX_ERRORS = 100
"""How many errors are told; what comes after is left unread."""

Progress = Callable[[int], object]
"""Told how many rows have been written, each time that there are more."""


@contextmanager
def attempt(session: Session, *, keep: bool) -> Generator[None]:
    """What is written inside is part of the transaction if it is to be kept; if not, it was only tried."""
    with session.begin_nested() as savepoint:
        yield
        if not keep:
            savepoint.rollback()


def import_rows(
    session: Session,
    crud: CRUDBase[Any, CreateT, Any],
    rows: Rows[CreateT],
    caller: Principal | None,
    progress: Progress = lambda _: None,
) -> int:
    """Writes the rows and says how many they are. Raises `Invalid` with an error for each bad line, at /3/label."""
    errors: list[FieldError] = []
    chunk: dict[int, CreateT] = {}
    count = 0
    for line, row in rows:
        if isinstance(row, list):
            errors += row
            if len(errors) >= MAX_ERRORS:
                break
        elif not errors:  # once there are some, nothing will stay anyway
            chunk[line] = row
            count += 1
        if count > MAX_ROWS:
            raise Invalid(f"There are more than {MAX_ROWS} rows")
        if len(chunk) == CHUNK:
            insert_many(crud, session, chunk, caller)
            progress(count)
            chunk = {}
    if errors:
        raise Invalid("Some lines are not valid, and none was imported", *errors[:MAX_ERRORS])
    if not count:
        raise Invalid("There is nothing to import")
    if chunk:
        insert_many(crud, session, chunk, caller)
        progress(count)
    return count
