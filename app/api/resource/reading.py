"""GET /recipes/1: one row."""

from typing import Annotated, Any

from fastapi import Path, Query, Response

from app.api.conditional import ReadPrecondition, etag, is_known
from app.api.resource.parameters import expand_type
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.db.session import Session
from app.models import User
from app.schemas.types import Id

ONE = "/{id:id}"
RowId = Annotated[Id, Path()]


def add_get(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud = resource.crud

    def get(session: Session, caller: User | None, id: RowId, precondition: ReadPrecondition) -> Response:
        """One row. Its ETag, sent back in If-None-Match, is answered with 304 while the row is the same."""
        obj = crud.get_one(session, id, caller)
        if is_known(precondition, obj.version):
            return Response(status_code=304, headers={"ETag": etag(obj.version)})
        return resource.answer(obj)

    def get_expanded(
        session: Session, caller: User | None, id: RowId, precondition: ReadPrecondition, expand: str | None = None
    ) -> Response:
        if expand is None:
            return get(session, caller, id, precondition)
        return resource.answer_expanded(crud.get_one(session, id, caller, (expand,)))

    get_expanded.__name__, get_expanded.__doc__ = get.__name__, get.__doc__
    types: dict[str, Any] = {}
    if resource.expand:
        types["expand"] = Annotated[expand_type(tuple(resource.expand)) | None, Query()]
    endpoint = get_expanded if resource.expand else get
    not_modified: dict[str, Any] = {"responses": {304: {"description": "Not Modified"}}}
    resource.route("GET", ONE, endpoint, 404, 412, types=types, response_model=resource.expanded, **not_modified)
