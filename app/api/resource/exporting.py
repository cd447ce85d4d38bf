"""GET /recipes/export: any filtered list, whole, as a stream."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, create_model

from app.api.job import Job
from app.api.resource.parameters import list_query, refuse_repeats, selection_schema
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.crud.query import ListQuery
from app.db.session import ReadSessions
from app.models import User
from app.transfer.exporting import export_chunk
from app.transfer.formats import Format
from app.transfer.writing import header, lines

FormatParameter = Annotated[Format, Field(description="`csv` or `jsonl`")]


def add_export(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud, schema = resource.crud, resource.read
    plural = resource.router.prefix.rpartition("/")[2]

    async def export(request: Request, caller: User | None, parameters: Any) -> StreamingResponse:
        """Every row of a list as CSV or JSON Lines. A text that a spreadsheet might run has an apostrophe before it."""
        refuse_repeats(request)
        format: Format = parameters.format
        query = list_query(crud, parameters)

        def chunk(query: ListQuery) -> Job[tuple[list[BaseModel], ListQuery | None]]:
            return Job(ReadSessions, partial(export_chunk, crud=crud, schema=schema, query=query, caller=caller))

        # Before the response begins, so that what is wrong can still be said.
        first, rest = await chunk(query).run()

        async def stream() -> AsyncIterator[bytes]:
            yield header(format, schema) + lines(format, first)
            following = rest
            while following:
                rows, following = await chunk(following).run()
                yield lines(format, rows)

        name = {"Content-Disposition": f'attachment; filename="{plural}.{format}"'}
        return StreamingResponse(stream(), headers=name, media_type=format.media_type)

    schema_with_format = create_model(
        f"{crud.model.__name__}ExportParameters",
        __base__=selection_schema(crud, resource.create),
        format=(FormatParameter, Format.csv),
    )
    parameters: Any = Annotated[schema_with_format, Query()]
    content: dict[str, Any] = {format.media_type: {"schema": {"type": "string"}} for format in Format}
    answers: dict[str, Any] = {"responses": {200: {"content": content}}, "response_class": StreamingResponse}
    resource.route("GET", "/export", export, types={"parameters": parameters}, **answers)
