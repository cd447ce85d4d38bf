"""The statements that all requests for the rows of a model share: to make one takes longer than to run it."""

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Update, bindparam, delete, false, func, true, update
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.dml import ReturningDelete

from app.crud.keyset import beyond, directions, order
from app.crud.query import LIMIT, OFFSET, Shape, conditions, sort_columns, words_found
from app.crud.returning import UNTRACKED, Returning
from app.db.base import Base, table_of
from app.db.soft_delete import SoftDelete

Condition = ColumnElement[bool]
StatementT = TypeVar("StatementT", Select[Any], Update, ReturningDelete[Any])

ALL = true()

KEY = "key_of_row"
"""The placeholder for a row's key in these statements; no column may have this name."""

SHAPES = 200
"""Of how many kinds of lists the statements are kept; clients can ask for any number of kinds."""


class Statements:
    """For the rows of `model`, which come back as `returning` has them.

    Each is narrowed by the conditions that it is asked for with; where these are `ALL` it is the very one that is kept.
    """

    def __init__(self, model: type[Base], returning: Returning[Any], searches: Sequence[str]) -> None:
        self._model = model
        self._table = table = table_of(model)
        self._searches = [table.c[name] for name in searches]
        one = table.c.id == bindparam(KEY)
        is_soft = issubclass(model, SoftDelete)
        living: Condition = table.c.deleted_at.is_(None) if is_soft else ALL
        deleted: Condition = table.c.deleted_at.is_not(None) if is_soft else false()
        self._living = _only(returning.selected, [living])
        self._deleted = _only(returning.selected, [deleted])
        self._one = self._living.where(one)
        self._updated = _only(returning.updated, [one, living])
        self._restored = _only(returning.updated, [one, deleted])
        self._removed = delete(model).where(one).returning(table.c.id).execution_options(**UNTRACKED)
        self._page = lru_cache(SHAPES)(self._make_page)
        self._number = lru_cache(SHAPES)(self._make_number)
        self._counted_page = lru_cache(SHAPES)(self._make_counted_page)

    # Of one row, which `KEY` says

    def one(self, *where: Condition) -> Select[Any]:
        return _only(self._one, where)

    def updated(self, *where: Condition) -> Update:
        return _only(self._updated, where)

    def restored(self, *where: Condition) -> Update:
        return _only(self._restored, where)

    def removed(self, *where: Condition) -> ReturningDelete[Any]:
        """For good."""
        return _only(self._removed, where)

    @cached_property
    def released(self) -> Sequence[Update]:
        """What ON DELETE SET NULL would do, which changes the rows that refer to this one and leaves their version."""
        keys = (key for table in Base.metadata.tables.values() for key in table.foreign_keys)
        mine = [key.parent for key in keys if key.column is self._table.c.id and key.ondelete == "SET NULL"]
        return [update(key.table).where(key == bindparam(KEY)).values({key: None}) for key in mine]

    # Of many

    def page(self, shape: Shape, *where: Condition) -> Select[Any]:
        return _only(self._page(shape), where)

    def number(self, shape: Shape, *where: Condition) -> Select[Any]:
        """Of the rows on all pages together."""
        return _only(self._number(shape), where)

    def counted_page(self, shape: Shape, *where: Condition) -> Select[Any]:
        """Its rows end in one more column, the number."""
        narrowing = _narrowing(where)
        return self._make_counted_page(shape, *narrowing) if narrowing else self._counted_page(shape)

    def expanded(self, rows: Select[Any], names: Sequence[str]) -> Select[Any]:
        """Loads relations along."""
        return rows.options(*(selectinload(getattr(self._model, name)) for name in names)) if names else rows

    def _matching(self, shape: Shape) -> Select[Any]:
        rows = self._deleted if shape.deleted else self._living
        rows = rows.where(*conditions(self._table, shape.filters))
        return rows.where(words_found(self._searches, shape.words)) if shape.words else rows

    def _make_page(self, shape: Shape) -> Select[Any]:
        by = directions(self._table, sort_columns(shape.sort))
        rows = self._matching(shape).order_by(*order(by)).limit(LIMIT)
        if shape.after is not None:
            rows = rows.where(beyond(by, shape.after))
        return rows.offset(OFFSET) if shape.offset else rows

    def _make_number(self, shape: Shape) -> Select[Any]:
        return self._matching(shape).with_only_columns(func.count(), maintain_column_froms=True)

    def _make_counted_page(self, shape: Shape, *where: Condition) -> Select[Any]:
        page, number = self.page(shape, *where), self.number(shape, *where)
        return page.add_columns(number.correlate(None).scalar_subquery().label("number_of_rows"))


def _only(statement: StatementT, where: Iterable[Condition]) -> StatementT:
    narrowing = _narrowing(where)
    return statement.where(*narrowing) if narrowing else statement


def _narrowing(where: Iterable[Condition]) -> Sequence[Condition]:
    return [condition for condition in where if condition is not ALL]
