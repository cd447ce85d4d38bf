"""What can be done with the rows of any model, written once.

Methods flush and never commit: the request is the transaction. Every one of them goes through `visible` and
`changeable`, so that what a caller may see and change is part of the query and not a check after it.
"""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, PreconditionFailed
from app.core.principal import Principal
from app.crud.precondition import ALWAYS, Precondition
from app.crud.query import ListQuery
from app.crud.returning import Entities, Returning, Rows, Values
from app.crud.statements import ALL, KEY, Statements
from app.db.base import Base, table_of, utc_now
from app.db.soft_delete import SoftDelete

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)

Right = Callable[[Principal], ColumnElement[bool]]
"""Of a caller, the rows that he may do something with."""


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
        self._returning = returning
        self._statements = Statements(self.model, returning, self.searches)

    # Who may

    def visible(self, caller: Principal | None) -> ColumnElement[bool]:
        """The rows that the caller may see."""
        return ALL

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        """Those of the visible rows that the caller may change."""
        return ALL

    def removable(self, caller: Principal) -> ColumnElement[bool]:
        """Those of the visible rows that he may remove and restore; those he may change, unless a resource differs."""
        return self.changeable(caller)

    def owned(self, caller: Principal | None) -> Values:
        """What a new row gets from who creates it."""
        return {}

    def _seen(self, caller: Principal | None) -> ColumnElement[bool]:
        visible = self.visible(caller)
        if not self._place:
            return visible
        return and_(visible, *(self.table.c[name] == id for name, id in self._place.items()))

    def _rights(self, query: ListQuery, caller: Principal | None) -> Sequence[ColumnElement[bool]]:
        """Deleted rows are shown to those who may restore them."""
        if not query.deleted:
            return (self._seen(caller),)
        if caller is None:
            raise NotAuthenticated("Deleted rows are shown to those who may restore them: sign in first")
        return self._if(caller, self.removable)

    def _if(self, caller: Principal, may: Right, precondition: Precondition = ALWAYS) -> Sequence[ColumnElement[bool]]:
        """What must hold for a row that is to be written: the caller may, and it is as the precondition says."""
        return self._seen(caller), may(caller), *precondition.conditions(self.table.c.version)

    # Read

    def get(
        self, session: Session, id: int, caller: Principal | None = None, expand: Sequence[str] = ()
    ) -> ModelT | None:
        row = self._statements.one(self._seen(caller))
        return self._returning.first(session, self._statements.expanded(row, expand), {KEY: id})

    def get_one(self, session: Session, id: int, caller: Principal | None = None, expand: Sequence[str] = ()) -> ModelT:
        if obj := self.get(session, id, caller, expand):
            return obj
        raise NotFound(f"There is no such {self.name}")

    def get_multi(self, session: Session, query: ListQuery, caller: Principal | None = None) -> Sequence[ModelT]:
        rows = self._statements.page(query.page_shape, *self._rights(query, caller))
        return self._returning.all(session, self._statements.expanded(rows, query.expand), query.page_values)

    def count(self, session: Session, query: ListQuery, caller: Principal | None = None) -> int:
        """How many rows there are on all pages of the query together."""
        rows = self._statements.number(query.shape, *self._rights(query, caller))
        number: int = session.connection().execute(rows, query.values).scalar_one()
        return number

    def get_multi_and_count(
        self, session: Session, query: ListQuery, caller: Principal | None = None
    ) -> tuple[Sequence[ModelT], int]:
        """Both of the same moment, and in one round trip. Rows, as `showing` has them, end in one more column."""
        page = self._statements.counted_page(query.page_shape, *self._rights(query, caller))
        counted = self._statements.expanded(page, query.expand)
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
        for release in self._statements.released:
            session.execute(release, {KEY: id})
        row = self._statements.removed(*self._if(caller, self.removable, precondition))
        if session.scalar(row, {KEY: id}) is None:
            self._refuse(session, id, caller, self.removable)

    def restore(self, session: Session, id: int, caller: Principal) -> ModelT:
        """Brings a soft-deleted row back; `Conflict` when it is not deleted."""
        row = self._statements.restored(*self._if(caller, self.removable))
        if obj := self._returning.write(session, row, {"deleted_at": None}, {KEY: id}):
            return obj
        self.get_one(session, id, caller)
        raise Conflict(f"The {self.name} is not deleted")

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a client sent, as columns; the same names unless a resource says otherwise."""
        return values

    def new_row(self, data: CreateT, caller: Principal | None) -> Values:
        """The columns of a row that the caller creates."""
        return {**self.columns(data.model_dump()), **self.owned(caller), **self._place}

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
            obj = self._returning.write(session, self._statements.updated(*conditions), values, {KEY: id})
        else:
            obj = self._returning.first(session, self._statements.one(*conditions), {KEY: id})
        return obj or self._refuse(session, id, caller, may)

    def _refuse(self, session: Session, id: int, caller: Principal, may: Right) -> NoReturn:
        """Says why a statement met no row: it is not there, not his, or not as he knew it."""
        self.get_one(session, id, caller)
        if self._returning.first(session, self._statements.one(*self._if(caller, may)), {KEY: id}) is None:
            raise NotAllowed(f"You may not change this {self.name}")
        raise PreconditionFailed(f"The {self.name} is not as the precondition says; read it again")
