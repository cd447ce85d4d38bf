"""The query parameters of a list, made from what its CRUD object can narrow, search and sort by."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, create_model

from app.api.cursor import Cursors
from app.api.resource.filters import filters_of
from app.core.errors import BadRequest
from app.crud.base import CRUDBase
from app.crud.query import ListQuery, sort_columns
from app.schemas.page import PageParameters, Selection, Words
from app.schemas.types import UNSENT

MAX_SORTS = 4

Crud = CRUDBase[Any, Any, Any]


def selection_schema(crud: Crud, schema: type[BaseModel] = BaseModel) -> type[Selection]:
    """Every parameter that says which rows; FastAPI checks requests with it and documents it.

    The examples of the schema's fields are those of their filters.
    """
    return create_model(f"{crud.model.__name__}Selection", __base__=Selection, **_selection(crud, schema))


def page_schema(crud: Crud, schema: type[BaseModel], expand: Sequence[str]) -> type[PageParameters]:
    """The same, and which page of them."""
    fields = _selection(crud, schema)
    if expand:
        fields["expand"] = (expand_type(expand), UNSENT)
    return create_model(f"{crud.model.__name__}PageParameters", __base__=PageParameters, **fields)


def expand_type(names: Sequence[str]) -> Any:
    return Annotated[Literal[tuple(names)], Field(description="Embeds what the row refers to")]


def list_query(crud: Crud, parameters: Selection, *place: str) -> ListQuery:
    """What was asked for, as the CRUD object takes it. Raises `BadRequest` for a foreign cursor."""
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
    return replace(query, after=cursors(crud, query, *place).read(cursor))


def cursors(crud: Crud, query: ListQuery, *place: str) -> Cursors:
    """The cursors of the query's pages, in this place."""
    sort = sort_columns(query.sort)
    types: list[type] = [crud.table.c[name].type.python_type for name in sort]
    return Cursors([*sort], _tuple_of(*types), [crud.name, sort, query.q, query.filters, query.deleted, *place])


def _selection(crud: Crud, schema: type[BaseModel]) -> dict[str, Any]:
    examples = {name: field.examples[0] for name, field in schema.model_fields.items() if field.examples}
    fields: dict[str, Any] = {"sort": (_sort_type(crud.sorts), UNSENT)}
    if crud.searches:
        found = [examples[name] for name in crud.searches if name in examples]
        description = f"Words, each of which has to be found in {' or '.join(crud.searches)}"
        fields["q"] = (Annotated[Words, Field(description=description, examples=found[:1])], UNSENT)
    if crud.soft_deletes:
        description = "`only` for deleted rows, those that you may restore"
        fields["deleted"] = (Annotated[Literal["only"], Field(description=description)], UNSENT)
    for name in crud.filters:
        if name in fields or name in PageParameters.model_fields:
            raise ValueError(f"{crud.name}.{name} cannot be a filter: every list has a parameter of this name")
        fields |= {
            parameter: (rule, UNSENT)
            for parameter, rule in filters_of(crud.model.__table__.c[name], examples.get(name))
        }
    return fields


def _sort_type(names: Sequence[str]) -> Any:
    """Names separated by commas, each with a "-" before it for descending."""
    name = "-?(" + "|".join(map(re.escape, names)) + ")"
    description = (
        f"Up to {MAX_SORTS} of {', '.join(f'`{name}`' for name in names)}, separated by commas, with `-` before one "
        "for descending. Rows without a value come last."
    )
    return Annotated[
        str,
        StringConstraints(pattern=f"^{name}(,{name}){{0,{MAX_SORTS - 1}}}$"),
        Field(description=description, examples=[f"-{names[-1]},{names[0]}"]),
    ]


@cache  # making one takes longer than the rest of the request
def _tuple_of(*types: type) -> TypeAdapter[Any]:
    row: Any = GenericAlias(tuple, tuple(type | None for type in types))
    return TypeAdapter(row)
