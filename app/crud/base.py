"""What can be done with the rows of any model, written once.

Methods flush and never commit: the request is the transaction. Every one of them goes through `visible` and
`changeable`, so that what a caller may see and change is part of the query and not a check after it.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, Update, and_, bindparam, delete, func, true, update
from sqlalchemy.orm import Session, selectinload

from app.core.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, PreconditionFailed
from app.core.principal import Principal
from app.crud.keyset import beyond, directions, order
from app.crud.precondition import ALWAYS, Precondition
from app.crud.query import LIMIT, OFFSET, ListQuery, Shape, conditions, sort_columns, words_found
from app.crud.returning import UNTRACKED, Entities, Returning, Rows, Values
from app.db.base import Base, table_of, utc_now
from app.db.soft_delete import SoftDelete

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)

ALL = true()

Right = Callable[[Principal], ColumnElement[bool]]
"""Of a caller, the rows that he may do something with."""

SHAPES = 200
"""Of how many kinds of lists the statements are kept; clients can ask for any number of kinds."""

KEY = "key_of_row"
"""The placeholder for a row's key in statements that are made once; no column may have this name."""


class CRUDBase(Generic[ModelT, CreateT, UpdateT]):
    """Create, read, update and delete the rows of `model`; instantiate it, or subclass it to add rules.

    A caller is the signed-in user, or None. Errors: `NotFound` for a row that the caller may not see, `NotAllowed`
    for one that he may see and not change, `PreconditionFailed` for one that has changed since, `Conflict` and
    `Invalid` for a violated constraint.
    """

    filters: ClassVar[Sequence[str]] = ("id", "created_at", "updated_at")
    searches: ClassVar[Sequence[str]] = ()
    sorts: ClassVar[Sequence[str]] = ("id", "created_at", "updated_at")

    def __init__(self, model: type[ModelT]) -> None:
        self.model = model
        self.table = table_of(model)
        self.name = model.__tablename__
        self.soft_deletes = issubclass(model, SoftDelete)
        self._place: Values = {}
        self._return(Entities(model))

    def showing(self, names: Sequence[str]) -> "CRUDBase[Any, CreateT, UpdateT]":
        """The same under the same rules, but what it answers are rows of these columns instead of entities."""
        other = cast("CRUDBase[Any, CreateT, UpdateT]", copy(self))
        other._return(Rows(self.model, names))
        return other

    def within(self, **place: int) -> Self:
        """The same, but only for rows that refer to this one: `crud.comment.within(recipe_id=1)`.

        All others are as if they were not there, and new rows refer to it. Whether it is there itself is not asked.
        """
        if not place:
            return self
        other = copy(self)
        other._place = {**self._place, **place}
        return other

    def _return(self, returning: Returning[ModelT]) -> None:
        """Makes the statements that all requests share: making them anew takes longer than running them."""
        living = [~self._deleted()] if self.soft_deletes else []
        one = self.table.c.id == bindparam(KEY)
        self._returning = returning
        self._living_rows = returning.selected.where(*living)
        self._living_one = self._living_rows.where(one)
        self._updated_one = returning.updated.where(one, *living)
        self._page = lru_cache(SHAPES)(self._make_page)
        self._number = lru_cache(SHAPES)(self._make_number)
        self._counted_page = lru_cache(SHAPES)(self._make_counted_page)

    # Who may

    def visible(self, caller: Principal | None) -> ColumnElement[bool]:
        """The rows that the caller may see."""
        return true()

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        """Those of the visible rows that the caller may change."""
        return true()

    def removable(self, caller: Principal) -> ColumnElement[bool]:
        """Those of the visible rows that he may remove and restore; those he may change, unless a resource differs."""
        return self.changeable(caller)

    def owned(self, caller: Principal | None) -> Values:
        """What a new row gets from who creates it."""
        return {}

    # Read

    def get(
        self, session: Session, id: int, caller: Principal | None = None, expand: Sequence[str] = ()
    ) -> ModelT | None:
        rows = self._expanded(_only(self._living_one, self._seen(caller)), expand)
        return self._returning.first(session, rows, {KEY: id})

    def get_one(self, session: Session, id: int, caller: Principal | None = None, expand: Sequence[str] = ()) -> ModelT:
        return self.get(session, id, caller, expand) or self._not_found()

    def get_multi(self, session: Session, query: ListQuery, caller: Principal | None = None) -> Sequence[ModelT]:
        rows = _only(self._page(query.page_shape), *self._rights(query, caller))
        return self._returning.all(session, self._expanded(rows, query.expand), query.page_values)

    def count(self, session: Session, query: ListQuery, caller: Principal | None = None) -> int:
        """How many rows there are on all pages of the query together."""
        rows = _only(self._number(query.shape), *self._rights(query, caller))
        number: int = session.connection().execute(rows, query.values).scalar_one()
        return number

    def get_multi_and_count(
        self, session: Session, query: ListQuery, caller: Principal | None = None
    ) -> tuple[Sequence[ModelT], int]:
        """Both of the same moment, and in one round trip. Rows, as `showing` has them, end in one more column."""
        rights = _narrowing(self._rights(query, caller))
        page = self._make_counted_page if rights else self._counted_page
        counted = self._expanded(page(query.page_shape, *rights), query.expand)
        rows, number = self._returning.all_counted(session, counted, query.page_values)
        return rows, self.count(session, query, caller) if number is None else number

    # Write

    def create(self, session: Session, data: CreateT, caller: Principal | None = None) -> ModelT:
        return self._insert(session, self.new_row(data, caller))

    def update(
        self, session: Session, id: int, data: UpdateT, caller: Principal, precondition: Precondition = ALWAYS
    ) -> ModelT:
        """Changes the fields that were sent."""
        return self._change(session, id, self.columns(data.model_dump(exclude_unset=True)), caller, precondition)

    def replace(
        self, session: Session, id: int, data: CreateT, caller: Principal, precondition: Precondition = ALWAYS
    ) -> ModelT:
        """Changes every field that a client may write."""
        return self._change(session, id, self.columns(data.model_dump()), caller, precondition)

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        """Removes the row, or marks it as deleted where the model is a `SoftDelete`."""
        if self.soft_deletes:
            self._write(session, id, {"deleted_at": utc_now()}, caller, precondition, may=self.removable)
            return
        self._release(session, id)
        rows = delete(self.model).where(self.table.c.id == id, *self._if(caller, self.removable, precondition))
        if session.scalar(rows.returning(self.table.c.id).execution_options(**UNTRACKED)) is None:
            self._refuse(session, id, caller, self.removable)

    def restore(self, session: Session, id: int, caller: Principal) -> ModelT:
        """Brings a soft-deleted row back; `Conflict` when it is not deleted."""
        where = self._deleted(), self.table.c.id == id, *self._if(caller, self.removable)
        back = self._returning.updated.where(*where)
        if obj := self._returning.write(session, back, {"deleted_at": None}, {}):
            return obj
        self.get_one(session, id, caller)
        raise Conflict(f"The {self.name} is not deleted")

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a client sent, as columns; the same names unless a resource says otherwise."""
        return values

    def new_row(self, data: CreateT, caller: Principal | None) -> Values:
        """The columns of a row that the caller creates."""
        return {**self.columns(data.model_dump()), **self.owned(caller), **self._place}

    # How

    def _deleted(self) -> ColumnElement[bool]:
        return self.table.c.deleted_at.is_not(None)

    def _seen(self, caller: Principal | None) -> ColumnElement[bool]:
        visible = self.visible(caller)
        return (
            and_(visible, *(self.table.c[name] == id for name, id in self._place.items())) if self._place else visible
        )

    def _rights(self, query: ListQuery, caller: Principal | None) -> Sequence[ColumnElement[bool]]:
        """Deleted rows are shown to those who may restore them."""
        if not query.deleted:
            return (self._seen(caller),)
        if caller is None:
            raise NotAuthenticated("Deleted rows are shown to those who may restore them: sign in first")
        return self._if(caller, self.removable)

    def _matching(self, shape: Shape) -> Select[Any]:
        rows = self._returning.selected.where(self._deleted()) if shape.deleted else self._living_rows
        rows = rows.where(*conditions(self.table, shape.filters))
        if shape.words:
            rows = rows.where(words_found([self.table.c[name] for name in self.searches], shape.words))
        return rows

    def _make_page(self, shape: Shape) -> Select[Any]:
        by = directions(self.table, sort_columns(shape.sort))
        rows = self._matching(shape).order_by(*order(by)).limit(LIMIT)
        if shape.after is not None:
            rows = rows.where(beyond(by, shape.after))
        return rows.offset(OFFSET) if shape.offset else rows

    def _make_number(self, shape: Shape) -> Select[Any]:
        return self._matching(shape).with_only_columns(func.count(), maintain_column_froms=True)

    def _make_counted_page(self, shape: Shape, *rights: ColumnElement[bool]) -> Select[Any]:
        page, number = _only(self._page(shape), *rights), _only(self._number(shape), *rights)
        return page.add_columns(number.correlate(None).scalar_subquery().label("number_of_rows"))

    def _expanded(self, rows: Select[Any], names: Sequence[str]) -> Select[Any]:
        return rows.options(*(selectinload(getattr(self.model, name)) for name in names)) if names else rows

    def _if(self, caller: Principal, may: Right, precondition: Precondition = ALWAYS) -> Sequence[ColumnElement[bool]]:
        """What must hold for a row that is to be written: the caller may, and it is as the precondition says."""
        return self._seen(caller), may(caller), *precondition.conditions(self.table.c.version)

    def _release(self, session: Session, id: int) -> None:
        """Does what ON DELETE SET NULL would do, which changes rows and leaves them their version."""
        keys = [key for table in Base.metadata.tables.values() for key in table.foreign_keys]
        for key in keys:
            if key.column is self.model.__table__.c.id and key.ondelete == "SET NULL":
                session.execute(update(key.parent.table).where(key.parent == id).values({key.parent: None}))

    def _insert(self, session: Session, values: Values) -> ModelT:
        obj = self._returning.write(session, self._returning.inserted, values, {})
        assert obj is not None
        return obj

    def _change(
        self, session: Session, id: int, values: Values, caller: Principal, precondition: Precondition = ALWAYS
    ) -> ModelT:
        return self._write(session, id, values, caller, precondition, may=self.changeable)

    def _write(
        self, session: Session, id: int, values: Values, caller: Principal, precondition: Precondition, *, may: Right
    ) -> ModelT:
        conditions = self._if(caller, may, precondition)
        if values:
            obj = self._returning.write(session, _only(self._updated_one, *conditions), values, {KEY: id})
        else:
            obj = self._returning.first(session, _only(self._living_one, *conditions), {KEY: id})
        return obj or self._refuse(session, id, caller, may)

    def _refuse(self, session: Session, id: int, caller: Principal, may: Right) -> NoReturn:
        """Says why a statement met no row: it is not there, not his, or not as he knew it."""
        self.get_one(session, id, caller)
        if self._returning.first(session, _only(self._living_one, *self._if(caller, may)), {KEY: id}) is None:
            raise NotAllowed(f"You may not change this {self.name}")
        raise PreconditionFailed(f"The {self.name} is not as the precondition says; read it again")

    def _not_found(self) -> NoReturn:
        raise NotFound(f"There is no such {self.name}")


StatementT = TypeVar("StatementT", Select[Any], Update)


def _only(statement: StatementT, *conditions: ColumnElement[bool]) -> StatementT:
    """The statement, narrowed; itself when nothing narrows it, because a known statement costs least."""
    narrowing = _narrowing(conditions)
    return statement.where(*narrowing) if narrowing else statement


def _narrowing(conditions: Iterable[ColumnElement[bool]]) -> Sequence[ColumnElement[bool]]:
    return [condition for condition in conditions if condition is not ALL]
