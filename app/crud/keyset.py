"""Order, and where in it a page begins: by the values of the row before, not by counting rows (keyset paging)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, tuple_

from app.crud.query import Column

Direction = tuple[Column, bool]
"""A column, and whether it descends."""


def directions(model: type[Any], columns: Mapping[str, bool]) -> list[Direction]:
    return [(getattr(model, name), descends) for name, descends in columns.items()]


def order(by: Iterable[Direction]) -> Iterable[ColumnElement[Any]]:
    """The sort as SQL. NULLs come last in both directions; left alone, each database has its own idea."""
    for column, descends in by:
        ordered = column.desc() if descends else column.asc()
        yield ordered.nulls_last() if _nullable(column) else ordered


def beyond(by: Sequence[Direction], values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows that come after the one with these values."""
    columns = [column for column, _ in by]
    descends = {descends for _, descends in by}
    if len(descends) == 1 and not any(map(_nullable, columns)):
        # A row comparison, which an index on the same columns answers by one descent into its tree.
        row, bound = tuple_(*columns), tuple_(*values)
        return row < bound if descends.pop() else row > bound
    return _beyond_one_by_one(by, values)


def _beyond_one_by_one(by: Sequence[Direction], values: Sequence[Any]) -> ColumnElement[bool]:
    (column, descends), value = by[0], values[0]
    if value is None:
        further, same = false(), column.is_(None)
    else:
        further, same = column < value if descends else column > value, column == value
        if _nullable(column):
            further = or_(further, column.is_(None))
    if len(by) == 1:
        return further
    return or_(further, and_(same, _beyond_one_by_one(by[1:], values[1:])))


def _nullable(column: Column) -> bool:
    return bool(column.property.columns[0].nullable)
