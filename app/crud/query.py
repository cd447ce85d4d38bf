"""What a list can be narrowed by, searched in and sorted by.

A query has a shape and values: the shape decides on the statement, and the values take their places in it. To make a
statement takes as long as to run it, so statements are made once for a shape.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Integer, String, Table, and_, bindparam, func, or_

Operation = Callable[[Column[Any], BindParameter[Any]], ColumnElement[bool]]


def _has_in_it(column: Column[Any], text: BindParameter[Any]) -> ColumnElement[bool]:
    """Whatever the case of either. PostgreSQL's own ILIKE would lower the text once for each row."""
    return func.lower(column).contains(func.lower(text), escape=ESCAPE)


OPERATIONS: Mapping[str, Operation] = {
    "eq": operator.eq,
    # All rows that `eq` leaves out, also those without a value, for which SQL's own != is neither true nor false.
    "ne": lambda column, value: column.is_distinct_from(value),
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda column, values: column.in_(values),
    "icontains": _has_in_it,
    "startswith": lambda column, text: column.startswith(text, escape=ESCAPE),
}
IS_NULL = "isnull"
"""The one operation whose value is part of the shape."""

TEXTS = ("icontains", "startswith")
ESCAPE = "/"

LIMIT = bindparam("limit", type_=Integer)
OFFSET = bindparam("offset", type_=Integer)


@dataclass(frozen=True, slots=True)
class Shape:
    """What two queries share that differ in their values alone.

    `filters` are names with, for `isnull`, the value; `after` says which values are NULL in the row before the page.
    """

    filters: tuple[tuple[str, bool | None], ...]
    words: int
    deleted: bool
    sort: tuple[str, ...] = ()
    after: tuple[bool, ...] | None = None
    offset: bool = False


@dataclass(frozen=True)
class ListQuery:
    """One request for a page of rows.

    `filters` maps a field, or `field__operation`, to its value; `sort` names fields, with "-" for descending; `q` is
    words, each of which some text column must contain; `after` are the sort columns' values in the row that the page
    follows; `deleted` asks for soft-deleted rows instead of the others; `expand` names relations to load along.
    All names were checked against the resource before.
    """

    limit: int = 20
    offset: int = 0
    q: str | None = None
    sort: tuple[str, ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: tuple[Any, ...] | None = None
    deleted: bool = False
    expand: tuple[str, ...] = ()

    def one_more(self) -> "ListQuery":
        """The same page and one row of the next, which tells whether there is a next."""
        return replace(self, limit=self.limit + 1)

    @cached_property
    def page_shape(self) -> Shape:
        after = None if self.after is None else tuple(value is None for value in self.after)
        return Shape(*self._selection(), self.sort, after, self.offset > 0)

    @cached_property
    def page_values(self) -> Mapping[str, Any]:
        values = {**self.values, "limit": self.limit}
        if self.offset:
            values["offset"] = self.offset
        if self.after is not None:
            values |= {f"after_{place}": value for place, value in enumerate(self.after) if value is not None}
        return values

    @cached_property
    def shape(self) -> Shape:
        """Of all pages together."""
        return Shape(*self._selection())

    @cached_property
    def values(self) -> Mapping[str, Any]:
        values = {f"by_{name}": _placed(name, value) for name, value in self.filters.items() if not _is_null(name)}
        return values | {f"word_{place}": _escaped(word) for place, word in enumerate(self._words())}

    def _selection(self) -> tuple[tuple[tuple[str, bool | None], ...], int, bool]:
        filters = tuple((name, value if _is_null(name) else None) for name, value in self.filters.items())
        return filters, len(self._words()), self.deleted

    def _words(self) -> list[str]:
        return self.q.split() if self.q else []


def conditions(table: Table, filters: Iterable[tuple[str, bool | None]]) -> Iterator[ColumnElement[bool]]:
    """Each filter as a condition on its column."""
    for name, is_null in filters:
        field, _, operation = name.partition("__")
        column = table.c[field]
        if is_null is not None:
            yield column.is_(None) if is_null else column.is_not(None)
        else:
            value = bindparam(f"by_{name}", type_=column.type, expanding=operation == "in")
            yield OPERATIONS[operation or "eq"](column, value)


def words_found(columns: Sequence[Column[Any]], number: int) -> ColumnElement[bool]:
    """True where each of that many words stands in some of the columns; `%` and `_` mean themselves."""
    words = [bindparam(f"word_{place}", type_=String) for place in range(number)]
    return and_(*(or_(*(_has_in_it(column, word) for column in columns)) for word in words))


def _is_null(name: str) -> bool:
    return name.endswith("__" + IS_NULL)


def _placed(name: str, value: Any) -> Any:
    return _escaped(value) if name.endswith(TEXTS) and "__" in name else value


def _escaped(text: str) -> str:
    return text.replace(ESCAPE, ESCAPE * 2).replace("%", ESCAPE + "%").replace("_", ESCAPE + "_")


def sort_columns(sort: Sequence[str]) -> dict[str, bool]:
    """The names that a sort goes by, each with whether it descends.

    The primary key always ends it, in the direction of what stands before it: no two rows compare equal, and an index
    on both serves either direction. A name that comes again adds nothing.
    """
    columns: dict[str, bool] = {}
    for name in sort:
        columns.setdefault(name.removeprefix("-"), name.startswith("-"))
    columns.setdefault("id", [*columns.values()][-1] if columns else False)
    return columns
