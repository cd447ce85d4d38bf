"""Order, and where in it a page begins: by the values of the row before, not by counting rows (keyset paging)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, false, or_, tuple_

Direction = tuple[Column[Any], bool]
"""A column, and whether it descends."""


def directions(table: Table, columns: Mapping[str, bool]) -> list[Direction]:
    return [(table.c[name], descends) for name, descends in columns.items()]


def order(by: Iterable[Direction]) -> Iterable[ColumnElement[Any]]:
    """The sort as SQL. NULLs come last in both directions; left alone, each database has its own idea."""
    for column, descends in by:
        ordered = column.desc() if descends else column.asc()
        yield ordered.nulls_last() if column.nullable else ordered


def beyond(by: Sequence[Direction], nulls: Sequence[bool]) -> ColumnElement[bool]:
    """The rows that come after one, whose values are to take the places `after_0`, `after_1`, ..., where not NULL."""
    columns = [column for column, _ in by]
    descends = {descends for _, descends in by}
    bounds = [
        None if is_null else bindparam(f"after_{place}", type_=column.type)
        for place, (column, is_null) in enumerate(zip(columns, nulls, strict=True))
    ]
    if len(descends) == 1 and not any(column.nullable for column in columns):
        # A row comparison, which an index on the same columns answers by one descent into its tree.
        row, bound = tuple_(*columns), tuple_(*bounds)
        return row < bound if descends.pop() else row > bound
    return _beyond_one_by_one(by, bounds)


def _beyond_one_by_one(by: Sequence[Direction], bounds: Sequence[Any]) -> ColumnElement[bool]:
    (column, descends), bound = by[0], bounds[0]
    rest = _beyond_one_by_one(by[1:], bounds[1:]) if len(by) > 1 else false()
    if bound is None:
        return and_(column.is_(None), rest)
    further = column < bound if descends else column > bound
    if column.nullable:
        return or_(further, column.is_(None), and_(column == bound, rest))
    # Says nothing new, but an index on the column can begin there.
    not_before = column <= bound if descends else column >= bound
    return and_(not_before, or_(further, and_(column == bound, rest)))
