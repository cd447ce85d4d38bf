"""`larder import` and `larder export`: rows from and to files, without HTTP."""

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import click
import typer
from pydantic import ValidationError

from app.api.api_v1.api import routers
from app.api.resource.parameters import list_query, selection_schema
from app.api.resource.resource import Resource
from app.cli.caller import As, caller
from app.cli.console import bar, errors, refusals
from app.core.errors import FieldError, Invalid
from app.crud.query import ListQuery
from app.db.session import ReadSessions, WriteSessions
from app.transfer.exporting import export_chunk
from app.transfer.formats import Format
from app.transfer.importing import attempt, import_rows
from app.transfer.reading import read_rows
from app.transfer.writing import header, lines

app = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as recipes")]
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
        refusals(f"{path}"),
        click.open_file(f"{path}", "rb") as file,
        WriteSessions.begin() as session,
        attempt(session, keep=not dry_run),
        bar() as progress,
    ):
        task = progress.add_task(f"Reading {path}", total=size, rows=0)

        def tell(count: int) -> None:
            progress.update(task, completed=file.tell() if size else None, rows=count)

        rows = read_rows(format, file, resource.create)
        count = import_rows(session, resource.crud, rows, caller(session, email), tell)
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
    with refusals(""), _written(output) as file, bar(beside=file) as progress:
        query = _query(resource, parameters or [])
        with ReadSessions.begin() as session:
            reader = caller(session, email)
            total = resource.crud.count(session, query, reader)
        task = progress.add_task(f"Writing {name}", total=total, rows=0)
        count = 0
        rest: ListQuery | None = query
        file.write(header(format, resource.read))
        while rest:
            with ReadSessions.begin() as session:
                rows, rest = export_chunk(session, resource.crud, resource.read, rest, reader)
            file.write(lines(format, rows))
            count += len(rows)
            progress.update(task, completed=count, rows=count)
    errors.print(f"{count} rows exported")


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
