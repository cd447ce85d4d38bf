"""The query parameters of a list, made from what its CRUD object can narrow, search and sort by."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import Field, StringConstraints, TypeAdapter, create_model

from app.api.cursor import read_cursor, write_cursor
from app.core.errors import BadRequest, FieldError, Invalid
from app.crud.base import CRUDBase
from app.crud.query import ListQuery, sort_columns
from app.db.base import Base
from app.schemas import types
from app.schemas.page import PageParameters, Selection, Words

FILTER_TYPES: dict[type, Any] = {str: types.Text, int: types.Integer, bool: types.Word, datetime: types.Instant}

COMPARED = ("eq", "ne", "lt", "lte", "gt", "gte", "in")
OPERATIONS_OF: dict[type, Sequence[str]] = {
    str: (*COMPARED, "icontains", "startswith"),
    int: COMPARED,
    datetime: COMPARED,
    bool: ("eq",),
}
MAX_IN = 100
MAX_SORTS = 4

Crud = CRUDBase[Any, Any, Any]


def selection_schema(crud: Crud) -> type[Selection]:
    """Every parameter that says which rows; FastAPI checks requests with it and documents it."""
    return create_model(f"{crud.model.__name__}Selection", __base__=Selection, **_selection(crud))


def page_schema(crud: Crud, expand: Sequence[str]) -> type[PageParameters]:
    """The same, and which page of them."""
    fields = _selection(crud)
    if expand:
        fields["expand"] = (expand_type(expand) | None, None)
    return create_model(f"{crud.model.__name__}PageParameters", __base__=PageParameters, **fields)


def expand_type(names: Sequence[str]) -> Any:
    return Annotated[Literal[tuple(names)], Field(description="Embeds what the row refers to")]


def list_query(crud: Crud, parameters: Selection) -> ListQuery:
    """What was asked for, as the CRUD object takes it. Raises `Invalid`, or `BadRequest` for a foreign cursor."""
    given = parameters.model_dump(exclude_none=True, exclude={"count", "format"})
    sort = given.pop("sort", None)
    limit, offset, cursor = (given.pop(name, None) for name in ("limit", "offset", "cursor"))
    expand = given.pop("expand", None)
    query = ListQuery(
        limit=limit or 0,
        offset=offset or 0,
        q=given.pop("q", None),
        sort=tuple(sort.split(",")) if sort else (),
        deleted=given.pop("deleted", None) == "only",
        expand=(expand,) if expand else (),
        filters=given,
    )
    if cursor is None:
        return query
    if "offset" in parameters.model_fields_set:
        raise BadRequest("A page begins at a cursor or at an offset, not at both")
    return replace(query, after=read_cursor(_context(crud, query), cursor, _cursor_types(crud, query)))


def cursor_after(crud: Crud, query: ListQuery, row: Base) -> str:
    """The cursor of the page that begins after the row."""
    return write_cursor(_context(crud, query), [getattr(row, name) for name in sort_columns(query.sort)])


def refuse_repeats(request: Request) -> None:
    """A parameter that is no list and comes twice is a mistake: it would be a matter of chance which one counts."""
    names = [name for name, _ in request.query_params.multi_items() if not name.endswith("__in")]
    for name in {name for name in names if names.count(name) > 1}:
        raise Invalid("A parameter came twice", FieldError(f"query/{name}", "has to come once", "repeated"))


def _selection(crud: Crud) -> dict[str, Any]:
    fields: dict[str, Any] = {"sort": (Annotated[str | None, _sort_rule(crud.sorts)], None)}
    if crud.searches:
        description = f"Words, each of which has to be found in {' or '.join(crud.searches)}"
        fields["q"] = (Annotated[Words | None, Field(description=description)], None)
    if crud.soft_deletes:
        description = "`only` for deleted rows, those that you may restore"
        fields["deleted"] = (Annotated[Literal["only"] | None, Field(description=description)], None)
    for name in crud.filters:
        fields |= _filters(name, crud.model.__table__.c[name])
    return fields


def _filters(name: str, column: Any) -> dict[str, Any]:
    """`field` and `field__operation`, for each operation that suits the column."""
    kind = column.type.python_type
    rules = {operation: FILTER_TYPES[kind] for operation in OPERATIONS_OF[kind]}
    if "in" in rules:
        rules["in"] = Annotated[list[rules["in"]], Field(max_length=MAX_IN)]
    if column.nullable:
        rules["isnull"] = types.Word
    return {
        name if operation == "eq" else f"{name}__{operation}": (rule | None, None) for operation, rule in rules.items()
    }


def _sort_rule(names: Sequence[str]) -> StringConstraints:
    """Names separated by commas, each with a "-" before it for descending."""
    name = "-?(" + "|".join(map(re.escape, names)) + ")"
    return StringConstraints(pattern=f"^{name}(,{name}){{0,{MAX_SORTS - 1}}}$")


def _context(crud: Crud, query: ListQuery) -> object:
    return [crud.name, sort_columns(query.sort), query.q, query.filters, query.deleted]


def _cursor_types(crud: Crud, query: ListQuery) -> TypeAdapter[tuple[Any, ...]]:
    columns = [crud.model.__table__.c[name] for name in sort_columns(query.sort)]
    return TypeAdapter(tuple[tuple(column.type.python_type | None for column in columns)])  # type: ignore[misc]
