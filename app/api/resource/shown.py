"""What clients see of rows: which columns it takes, and how they become JSON."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from app.crud.base import CRUDBase
from app.schemas.page import Page

ReadT = TypeVar("ReadT", bound=BaseModel)

Crud = CRUDBase[Any, Any, Any]


class Shown(Generic[ReadT]):
    """A schema and where its rows come from: `crud` hands them over as `json` and `page` take them."""

    def __init__(self, crud: Crud, schema: type[ReadT], page: type[Page[ReadT]]) -> None:
        self.names = _columns(crud, schema)
        # What shows more than columns needs entities, whose attributes it reads.
        self.crud = crud.showing(self.names) if self.names else crud
        self._one = TypeAdapter(schema)
        self._page = TypeAdapter(page)

    def json(self, row: Any) -> bytes:
        (readable,) = self._readable([row])
        return self._one.dump_json(self._one.validate_python(readable, from_attributes=True))

    def page(self, rows: Sequence[Any], next_cursor: str | None, total: int | None) -> bytes:
        page = {"items": self._readable(rows), "next_cursor": next_cursor, "total": total}
        return self._page.dump_json(self._page.validate_python(page, from_attributes=True))

    def _readable(self, rows: Sequence[Any]) -> Sequence[Any]:
        names = self.names
        # pydantic reads a dictionary three times as fast as attributes
        return [dict(zip(names, row, strict=True)) for row in rows] if names else rows


def _columns(crud: Crud, schema: type[BaseModel]) -> Sequence[str]:
    """The columns that the schema shows, and those that tags and cursors are made of; none if it shows other things."""
    if any(name not in crud.table.c for name in schema.model_fields):
        return []
    return [*dict.fromkeys((*schema.model_fields, "version", *crud.sorts))]
