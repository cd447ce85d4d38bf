"""The command line, for operators: `larder import recipes FILE`, `larder export recipes`, `larder sweep`, ...

It works on the database of the settings, and may do whatever the one who runs it could do there by hand. Exit status:
0 when it is done, 1 when it was refused and nothing was done, 2 when the command itself is wrong.
"""

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import click
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import crud
from app.api.api_v1.api import routers
from app.api.resource.parameters import list_query, selection_schema
from app.api.resource.resource import Resource
from app.contract.changes import breaking_changes
from app.core.errors import DomainError, FieldError, Invalid, NotFound
from app.crud import idempotency
from app.crud.query import ListQuery
from app.db.session import ReadSessions, WriteSessions
from app.main import app as service
from app.models import User
from app.transfer.exporting import export_chunk
from app.transfer.formats import Format
from app.transfer.importing import attempt, import_rows
from app.transfer.reading import read_rows
from app.transfer.writing import header, lines

CONTRACT = Path(__file__).parent.parent / "openapi" / "v1.json"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Name = Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as recipes")]
As = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="On whose behalf; on nobody's by default")]
AnyResource = Resource[Any, Any, Any, Any]


@app.command("import")
def import_(
    name: Name,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, allow_dash=True, help="CSV or JSON Lines; - is standard input"
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try everything and keep nothing")] = False,
    email: As = None,
    format: Annotated[Format | None, typer.Option(help="What FILE ends in, unless told otherwise")] = None,
) -> None:
    """Adds the rows of a file, all or none, as POST /import does."""
    resource = _resource(name, "import")
    format = format or _format_of(path)
    size = path.stat().st_size if path.is_file() else None
    with (
        _refusals(f"{path}"),
        click.open_file(f"{path}", "rb") as file,
        WriteSessions.begin() as session,
        attempt(session, keep=not dry_run),
        _bar() as bar,
    ):
        task = bar.add_task(f"Reading {path}", total=size, rows=0)

        def tell(count: int) -> None:
            bar.update(task, completed=file.tell() if size else None, rows=count)

        rows = read_rows(format, file, resource.create)
        count = import_rows(session, resource.crud, rows, _caller(session, email), tell)
    errors.print(f"{count} rows could be imported" if dry_run else f"{count} rows imported")


@app.command()
def export(
    name: Name,
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Those of GET /export, such as q=soup")
    ] = None,
    format: Annotated[Format, typer.Option()] = Format.csv,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="Standard output unless told otherwise")] = None,
    email: As = None,
) -> None:
    """Writes the rows of a list to a file, as GET /export does."""
    resource = _resource(name, "export")
    with _refusals(""), _written(output) as file, _bar(beside=file) as bar:
        query = _query(resource, parameters or [])
        with ReadSessions.begin() as session:
            caller = _caller(session, email)
            total = resource.crud.count(session, query, caller)
        task = bar.add_task(f"Writing {name}", total=total, rows=0)
        count = 0
        rest: ListQuery | None = query
        file.write(header(format, resource.read))
        while rest:
            with ReadSessions.begin() as session:
                rows, rest = export_chunk(session, resource.crud, resource.read, rest, caller)
            file.write(lines(format, rows))
            count += len(rows)
            bar.update(task, completed=count, rows=count)
    errors.print(f"{count} rows exported")


@app.command()
def sweep() -> None:
    """Forgets what nobody can ask for any more: the answers under old idempotency keys."""
    with _refusals(""):
        count = 0
        while swept := _sweep_some():
            count += swept
    errors.print(f"{count} answers forgotten")


@app.command()
def openapi(file: Annotated[Path, typer.Argument(help="Where the contract is kept")] = CONTRACT) -> None:
    """Writes down what the API promises; refuses where that breaks what it has promised before."""
    document = service.openapi()
    if file.exists():
        changes = breaking_changes(json.loads(file.read_text()), document)
        if changes:
            for change in changes:
                errors.print(change, markup=False)
            errors.print("This would break clients, so the contract was left as it is")
            raise typer.Exit(1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _resource(name: str, capability: str) -> AnyResource:
    resources: dict[str, AnyResource] = {
        resource.router.prefix.rpartition("/")[2]: resource
        for router in routers
        for resource in router.resources
        if capability in resource.capabilities
    }
    if name not in resources:
        raise typer.BadParameter(f"Of resources to {capability} there are: {', '.join(resources)}")
    return resources[name]


def _format_of(path: Path) -> Format:
    suffixes: Mapping[str, Format] = {".csv": Format.csv, ".jsonl": Format.jsonl, ".ndjson": Format.jsonl}
    try:
        return suffixes[path.suffix.lower()]
    except KeyError:
        raise typer.BadParameter(f"{path} ends in none of {', '.join(suffixes)}: say --format") from None


def _caller(session: Session, email: str | None) -> User | None:
    if email is None:
        return None
    for user in crud.user.get_multi(session, ListQuery(filters={"email": email.lower(), "is_active": True})):
        return user
    raise NotFound(f"There is no active account of {email}")


def _query(resource: AnyResource, parameters: list[str]) -> ListQuery:
    given: dict[str, Any] = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.endswith("__in"):
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return list_query(resource.crud, selection_schema(resource.crud).model_validate(given))
    except ValidationError as error:
        found = [FieldError("/".join(map(str, one["loc"])), one["msg"], one["type"]) for one in error.errors()]
        raise Invalid("The parameters are not valid", *found) from None


def _sweep_some() -> int:
    with WriteSessions.begin() as session:
        return idempotency.sweep(session)


@contextmanager
def _written(path: Path | None) -> Generator[IO[bytes]]:
    """Standard output, or a file that is not there before it is whole."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _bar(beside: IO[bytes] | None = None) -> Progress:
    """Drawn on standard error where a person may be looking, unless the rows themselves are shown there."""
    shown = errors.is_terminal and not (beside and beside.isatty())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
    )
    return Progress(*columns, TimeRemainingColumn(), console=errors, transient=True, disable=not shown)


@contextmanager
def _refusals(source: str) -> Generator[None]:
    """Turns what went wrong into one line, and one more for each error: its place, its field, what is wrong."""
    try:
        yield
    except DomainError as error:
        for one in error.errors:
            line, _, field = one.pointer.strip("/").partition("/")
            place = f"{source}:{line}" if source else line
            errors.print(": ".join(part for part in (place, field, one.detail) if part), markup=False)
        _fail(error.detail)
    except BrokenPipeError:
        raise  # whoever read has had enough
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    except DBAPIError:
        _fail("The database is not as this version needs it; ./prestart.sh prepares it")


def _fail(reason: str) -> None:
    errors.print(f"larder: {reason}", markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
