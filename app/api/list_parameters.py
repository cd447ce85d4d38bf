"""The query parameters of a list, made from what its CRUD object allows to filter, search and sort by."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, create_model

from app.crud.base import CRUDBase
from app.crud.query import ListQuery
from app.schemas import types
from app.schemas.page import PageQuery, Words

FILTER_TYPES: dict[type, Any] = {
    str: types.Text,
    int: types.Integer,
    bool: types.Word,
    datetime: types.Instant,
}
OPERATIONS_OF: dict[type, tuple[str, ...]] = {str: ("eq", "icontains")}
MAX_SORTS = 4


def list_parameters(crud: CRUDBase[Any, Any, Any]) -> type[PageQuery]:
    """A schema of every parameter that the list understands; FastAPI checks requests with it and documents it."""
    fields: dict[str, Any] = {"sort": (Annotated[str | None, sort_rule(crud.sorts)], None)}
    if crud.searches:
        fields["q"] = (
            Annotated[Words | None, Field(description=f"Words to find in {', '.join(crud.searches)}")],
            None,
        )
    for name in crud.filters:
        kind = crud.model.__table__.c[name].type.python_type
        for operation in OPERATIONS_OF.get(kind, ("eq",)):
            parameter = name if operation == "eq" else f"{name}__{operation}"
            fields[parameter] = (FILTER_TYPES[kind] | None, None)
    return create_model(f"{crud.model.__name__}ListQuery", __base__=PageQuery, **fields)


def list_query(parameters: PageQuery) -> ListQuery:
    """What was asked for, as the CRUD object takes it."""
    given = parameters.model_dump(exclude_none=True, exclude={"count"})
    sort = given.pop("sort", None)
    return ListQuery(
        limit=given.pop("limit"),
        offset=given.pop("offset"),
        q=given.pop("q", None),
        sort=tuple(sort.split(",")) if sort else (),
        filters=given,
    )


def sort_rule(names: Sequence[str]) -> StringConstraints:
    """Names separated by commas, each with a "-" before it for descending."""
    name = "-?(" + "|".join(map(re.escape, names)) + ")"
    return StringConstraints(pattern=f"^{name}(,{name}){{0,{MAX_SORTS - 1}}}$")
