"""GET /recipes: a page of rows."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from app.api.query_string import QueryOf
from app.api.resource.parameters import cursor_after, list_query, page_schema
from app.api.resource.resource import JSON, CreateT, ModelT, ReadT, Resource, UpdateT
from app.db.session import Session
from app.models import User
from app.schemas.page import PageParameters

LINK: dict[str, Any] = {
    "Link": {"description": "Where the first, previous and next page are (RFC 8288)", "schema": {"type": "string"}}
}


def add_list(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud = resource.crud

    def list_(request: Request, session: Session, caller: User | None, parameters: PageParameters) -> Response:
        """A page of rows. Filters narrow it, `q` searches it, `sort` orders it."""
        query = list_query(crud, parameters)
        shown = resource.shown_expanded if query.expand else resource.shown
        rows = shown.crud.get_multi(session, query.one_more(), caller)
        more = cursor_after(crud, query, rows[query.limit - 1]) if len(rows) > query.limit else None
        total = crud.count(session, query, caller) if "count" in parameters.model_fields_set else None
        body = shown.page(rows[: query.limit], more, total)
        return Response(body, headers={"Link": _links(request, parameters, more)}, media_type=JSON)

    query_of = QueryOf(page_schema(crud, resource.create, tuple(resource.expand)))
    types = {"parameters": Annotated[PageParameters, Depends(query_of)]}
    extra = {"openapi_extra": {"parameters": query_of.documentation()}, "responses": {200: {"headers": LINK}}}
    resource.route("GET", "", list_, types=types, response_model=resource.page, **extra)


def _links(request: Request, parameters: PageParameters, next_cursor: str | None) -> str:
    """The Link header (RFC 8288): first, prev and next. Who counts rows is led on by offsets, others by cursors."""
    counts = "offset" in parameters.model_fields_set
    ends = {"first": ""}
    if counts and parameters.offset:
        ends["prev"] = f"offset={max(0, parameters.offset - parameters.limit)}"
    if next_cursor:
        ends["next"] = f"offset={parameters.offset + parameters.limit}" if counts else f"cursor={next_cursor}"
    given = request.query_params.multi_items()
    rest = urlencode([(name, value) for name, value in given if name not in ("offset", "cursor")])
    path: str = request.scope["path"]
    return ", ".join(f'<{path}{_query(rest, end)}>; rel="{relation}"' for relation, end in ends.items())


def _query(*parts: str) -> str:
    query = "&".join(filter(None, parts))
    return f"?{query}" if query else ""
