"""What a list may be filtered by, searched in and sorted by."""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

Column = InstrumentedAttribute[Any]
Operation = Callable[[Column, Any], ColumnElement[bool]]

OPERATIONS: Mapping[str, Operation] = {
    "eq": operator.eq,
    "icontains": lambda column, value: column.icontains(value, autoescape=True),
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One request for a page of rows.

    `filters` maps a field, or `field__operation`, to its value; `sort` names fields, with "-" for descending;
    `q` is words, each of which some text column must contain. All names were checked against the resource before.
    """

    limit: int = 20
    offset: int = 0
    q: str | None = None
    sort: tuple[str, ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def one_more(self) -> "ListQuery":
        """The same page and one row of the next, which tells whether there is a next."""
        return replace(self, limit=self.limit + 1)


def conditions(model: type[Any], filters: Mapping[str, Any]) -> Iterable[ColumnElement[bool]]:
    """Each filter as a condition on its column."""
    for name, value in filters.items():
        column, _, operation = name.partition("__")
        yield OPERATIONS[operation or "eq"](getattr(model, column), value)


def words_found(columns: Iterable[Column], q: str) -> ColumnElement[bool]:
    """True where each word of `q` stands in some of the columns; `%` and `_` mean themselves."""
    columns = tuple(columns)
    return and_(*(or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in q.split()))


def order(model: type[Any], sort: Iterable[str]) -> Iterable[ColumnElement[Any]]:
    """The sort as columns. It always ends with the primary key, so that no two rows compare equal."""
    for name in (*sort, "id"):
        column = getattr(model, name.removeprefix("-"))
        yield column.desc() if name.startswith("-") else column.asc()
