"""What an operator sees of a command besides its answer, all of it on standard error."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from app.core.errors import DomainError

errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def refusals(source: str) -> Generator[None]:
    """Turns what went wrong into one line, and one more for each error: its place, its field, what is wrong."""
    try:
        yield
    except DomainError as error:
        for one in error.errors:
            line, _, field = one.pointer.strip("/").partition("/")
            place = f"{source}:{line}" if source else line
            errors.print(": ".join(part for part in (place, field, one.detail) if part), markup=False)
        fail(error.detail)
    except BrokenPipeError:
        raise  # whoever read has had enough
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    except DBAPIError:
        fail("The database is not as this version needs it; ./prestart.sh prepares it")


def fail(reason: str) -> None:
    errors.print(f"larder: {reason}", markup=False)
    raise typer.Exit(1)


def bar(beside: IO[bytes] | None = None) -> Progress:
    """Drawn on standard error where a person may be looking, unless the rows themselves are shown there."""
    shown = errors.is_terminal and not (beside and beside.isatty())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
    )
    return Progress(*columns, TimeRemainingColumn(), console=errors, transient=True, disable=not shown)
