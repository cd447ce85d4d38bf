"""What a list can be narrowed by, searched in and sorted by."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, or_

Operation = Callable[[Column[Any], Any], ColumnElement[bool]]

OPERATIONS: Mapping[str, Operation] = {
    "eq": operator.eq,
    # All rows that `eq` leaves out, also those without a value, for which SQL's own != is neither true nor false.
    "ne": lambda column, value: column.is_distinct_from(value),
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda column, values: column.in_(values),
    "icontains": lambda column, text: column.icontains(text, autoescape=True),
    "startswith": lambda column, text: column.startswith(text, autoescape=True),
    "isnull": lambda column, yes: column.is_(None) if yes else column.is_not(None),
}


@dataclass(frozen=True, slots=True)
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


def conditions(table: Table, filters: Mapping[str, Any]) -> Iterable[ColumnElement[bool]]:
    """Each filter as a condition on its column."""
    for name, value in filters.items():
        column, _, operation = name.partition("__")
        yield OPERATIONS[operation or "eq"](table.c[column], value)


def words_found(columns: Iterable[Column[Any]], q: str) -> ColumnElement[bool]:
    """True where each word of `q` stands in some of the columns; `%` and `_` mean themselves."""
    columns = tuple(columns)
    return and_(*(or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in q.split()))


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
