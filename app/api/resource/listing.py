"""GET /recipes: a page of rows."""

from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from app.api.query_string import QueryOf
from app.api.resource.asked import Asked, asked
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.parameters import page_schema
from app.api.resource.resource import JSON, CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.principal import Principal
from app.db.session import Session

LINK: dict[str, Any] = {
    "Link": {"description": "Where the first, previous and next page are (RFC 8288)", "schema": {"type": "string"}}
}


def add_list(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud = resource.crud

    def list_(
        request: Request, session: Session, caller: Principal | None, asked: Asked, *, place: Place = NOWHERE
    ) -> Response:
        """A page of rows. Filters narrow it, `q` searches it, `sort` orders it."""
        shown = resource.shown_expanded if asked.query.expand else resource.shown
        rows_here, total = shown.crud.within(**place), None
        if asked.total:
            rows, total = rows_here.get_multi_and_count(session, asked.one_more, caller)
        else:
            rows = rows_here.get_multi(session, asked.one_more, caller)
        more = asked.cursor_after(rows)
        body = shown.page(rows[: asked.query.limit], more, total)
        return Response(body, headers={"Link": asked.links(request.scope["path"], more)}, media_type=JSON)

    query_of = QueryOf(
        page_schema(crud, resource.create, tuple(resource.expand)), partial(asked, crud), *resource.places
    )
    types = {"asked": Annotated[Asked, Depends(query_of)]}
    extra = {"openapi_extra": {"parameters": query_of.documentation()}, "responses": {200: {"headers": LINK}}}
    resource.route("GET", "", list_, types=types, response_model=resource.page, **extra)
