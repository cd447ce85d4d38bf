"""GET /recipes/1: one row."""

from typing import Annotated, Any

from fastapi import Path, Query, Response

from app.api.conditional import ETAG, ReadPrecondition, etag, is_known
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.parameters import expand_type
from app.api.resource.resource import JSON, CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.principal import Principal
from app.db.session import Session
from app.schemas.types import Id

ONE = "/{id:id}"
RowId = Annotated[Id, Path()]


def add_get(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    expanded = resource.shown_expanded

    def get(
        session: Session,
        caller: Principal | None,
        id: RowId,
        precondition: ReadPrecondition,
        expand: str | None = None,
        *,
        place: Place = NOWHERE,
    ) -> Response:
        """One row. Its ETag, sent back in If-None-Match, is answered with 304 while the row is the same."""
        if expand:
            obj = expanded.crud.within(**place).get_one(session, id, caller, (expand,))
            # It has no entity tag: the version speaks of the row alone, and not of what it refers to.
            known = is_known(precondition, None)
            return Response(status_code=304) if known else Response(expanded.json(obj), media_type=JSON)
        row = resource.shown.crud.within(**place).get_one(session, id, caller)
        if is_known(precondition, row.version):
            return Response(status_code=304, headers={"ETag": etag(row.version)})
        return resource.answer(row)

    relations = Annotated[expand_type(tuple(resource.expand)) | None, Query()] if resource.expand else None
    responses: dict[int, Any] = {200: {"headers": ETAG}, 304: {"description": "Not Modified"}}
    types: dict[str, Any] = {"expand": relations}
    resource.route("GET", ONE, get, 404, 412, types=types, response_model=resource.expanded, responses=responses)
