"""GET /recipes/export: any filtered list, whole, as a stream."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.datastructures import QueryParams
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, create_model

from app.api.job import Job
from app.api.query_string import QueryOf
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.parameters import list_query, selection_schema
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.principal import Principal
from app.crud.query import ListQuery
from app.db.session import ReadSessions
from app.transfer.exporting import export_chunk
from app.transfer.formats import Format
from app.transfer.writing import header, lines

Asked = tuple[ListQuery, Format]

FormatParameter: Any = Annotated[Literal[tuple(Format)], Field(description="`csv` or `jsonl`")]


def add_export(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud, schema = resource.crud, resource.read
    plural = resource.router.prefix.rpartition("/")[2]

    async def export(caller: Principal | None, asked: Asked, *, place: Place = NOWHERE) -> StreamingResponse:
        """Every row of a list as CSV or JSON Lines. A text that a spreadsheet might run has an apostrophe before it."""
        query, format = asked
        rows_here = crud.within(**place)

        def chunk(query: ListQuery) -> Job[tuple[list[BaseModel], ListQuery | None]]:
            return Job(ReadSessions, partial(export_chunk, crud=rows_here, schema=schema, query=query, caller=caller))

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

    def asked(parameters: Any, _: QueryParams) -> Asked:
        return list_query(crud, parameters), parameters.format

    query_of = QueryOf(schema_with_format, asked)
    types = {"asked": Annotated[Asked, Depends(query_of)]}
    content: dict[str, Any] = {format.media_type: {"schema": {"type": "string"}} for format in Format}
    answers: dict[str, Any] = {"responses": {200: {"content": content}}, "response_class": StreamingResponse}
    extra = {"openapi_extra": {"parameters": query_of.documentation()}}
    resource.route("GET", "/export", export, types=types, **answers, **extra)
