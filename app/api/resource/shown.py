"""What clients see of rows: which columns it takes, and how they become JSON."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from types import GenericAlias
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict

from app.api.resource.parameters import Crud
from app.schemas.page import Page

ReadT = TypeVar("ReadT", bound=BaseModel)

Write = Callable[[Any], bytes]


class Shown(Generic[ReadT]):
    """A schema and where its rows come from: `crud` hands them over as `json` and `page` take them."""

    def __init__(self, crud: Crud, schema: type[ReadT], page: type[Page[ReadT]]) -> None:
        self.names = _columns(crud, schema)
        # What shows more than columns needs entities, whose attributes it reads.
        self.crud = crud.showing(self.names) if self.names else crud
        if self.names and _is_as_stored(crud, schema):
            row = _dictionary_of(schema)
            items: Any = GenericAlias(list, row)
            self.json_of, self.page_of = _write_as_it_is(row), _write_as_it_is(_dictionary_of(page, items=items))
        else:
            self.json_of, self.page_of = _write_checked(schema), _write_checked(page)

    def json(self, row: Any) -> bytes:
        (readable,) = self._readable([row])
        return self.json_of(readable)

    def page(self, rows: Sequence[Any], next_cursor: str | None, total: int | None) -> bytes:
        return self.page_of({"items": self._readable(rows), "next_cursor": next_cursor, "total": total})

    def _readable(self, rows: Sequence[Any]) -> Sequence[Any]:
        names = self.names
        # pydantic reads a dictionary three times as fast as attributes
        return [dict(zip(names, row, strict=False)) for row in rows] if names else rows


def _columns(crud: Crud, schema: type[BaseModel]) -> Sequence[str]:
    """The columns that the schema shows, and those that tags and cursors are made of; none if it shows other things."""
    if any(name not in crud.table.c for name in schema.model_fields):
        return []
    return [*dict.fromkeys((*schema.model_fields, "version", *crud.sorts))]


def _is_as_stored(crud: Crud, schema: type[BaseModel]) -> bool:
    """Whether the schema says of each column what the column says of itself: to check rows would tell nothing new."""
    kinds = {name: column.type.python_type for name, column in crud.table.c.items()}
    return not any(astuple(schema.__pydantic_decorators__)) and all(
        field.annotation == (kinds[name] | None if crud.table.c[name].nullable else kinds[name])
        and not field.metadata
        and not PARTICULAR & {key for key, value in field.asdict()["attributes"].items() if value is not None}
        for name, field in schema.model_fields.items()
    )


PARTICULAR = {"alias", "validation_alias", "serialization_alias", "exclude", "exclude_if"}
"""What makes of a field something else than its column."""


def _dictionary_of(schema: type[BaseModel], **others: Any) -> Any:
    kinds = {name: field.annotation for name, field in schema.model_fields.items()} | others
    return TypedDict(schema.__name__, kinds)  # type: ignore[operator] # pyright: ignore


def _write_as_it_is(kind: Any) -> Write:
    return TypeAdapter(kind).dump_json


def _write_checked(schema: type[BaseModel]) -> Write:
    adapter = TypeAdapter(schema)
    return lambda value: adapter.dump_json(adapter.validate_python(value, from_attributes=True), by_alias=True)
