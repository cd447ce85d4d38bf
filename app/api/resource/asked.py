"""What a client asks of a list, made from its query once and for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi.datastructures import QueryParams

from app.api.cursor import Cursors
from app.api.resource.parameters import Crud, cursors, list_query
from app.crud.query import ListQuery
from app.schemas.page import PageParameters


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list, and how the client gets on from there."""

    query: ListQuery
    one_more: ListQuery
    """The same page and one row of the next, which tells whether there is a next."""
    total: bool
    cursors: Cursors
    rest: str
    """The query without its place in the list."""
    counts: bool
    """Whether the place was given as an offset. Who counts rows is led on by offsets, others by cursors."""

    def cursor_after(self, rows: Sequence[Any]) -> str | None:
        """The cursor of the next page, if there is one."""
        limit = self.query.limit
        return self.cursors.write(rows[limit - 1]) if len(rows) > limit else None

    def links(self, path: str, next_cursor: str | None) -> str:
        """The Link header (RFC 8288): first, prev and next."""
        limit, offset = self.query.limit, self.query.offset
        ends = {"first": ""}
        if offset:
            ends["prev"] = f"offset={max(0, offset - limit)}"
        if next_cursor:
            ends["next"] = f"offset={offset + limit}" if self.counts else f"cursor={next_cursor}"
        return ", ".join([f'<{path}{_query(self.rest, end)}>; rel="{relation}"' for relation, end in ends.items()])


def asked(crud: Crud, parameters: PageParameters, given: QueryParams, *place: str) -> Asked:
    """Raises `BadRequest` for a foreign cursor. `place` is what the path has for its places."""
    query = list_query(crud, parameters, *place)
    rest = urlencode([(name, value) for name, value in given.multi_items() if name not in ("offset", "cursor")])
    sent = parameters.model_fields_set
    return Asked(query, query.one_more(), "count" in sent, cursors(crud, query, *place), rest, "offset" in sent)


def _query(rest: str, end: str) -> str:
    if rest and end:
        return f"?{rest}&{end}"
    return f"?{rest or end}" if rest or end else ""
