"""What can be done with the rows of any model, written once.

Methods flush and never commit: the request is the transaction. Every one of them goes through `visible` and
`changeable`, so that what a caller may see and change is part of the query and not a check after it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, delete, func, insert, select, true, update
from sqlalchemy.orm import Session

from app.core.errors import NotAllowed, NotFound
from app.crud.query import ListQuery, conditions, order, words_found
from app.db.base import Base
from app.models import User

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)

Values = Mapping[str, Any]

UNTRACKED: Values = {"synchronize_session": False, "populate_existing": True}
"""A statement's own RETURNING says how its rows are now; objects loaded before need no bookkeeping."""


class CRUDBase(Generic[ModelT, CreateT, UpdateT]):
    """Create, read, update and delete the rows of `model`; instantiate it, or subclass it to add rules.

    A caller is the signed-in user, or None. Errors: `NotFound` for a row that the caller may not see,
    `NotAllowed` for one that he may see and not change, `Conflict` and `Invalid` for a violated constraint.
    """

    filters: ClassVar[Sequence[str]] = ("id", "created_at", "updated_at")
    searches: ClassVar[Sequence[str]] = ()
    sorts: ClassVar[Sequence[str]] = ("id", "created_at", "updated_at")

    def __init__(self, model: type[ModelT]) -> None:
        self.model = model
        self.name = model.__tablename__

    # Who may

    def visible(self, caller: User | None) -> ColumnElement[bool]:
        """The rows that the caller may see."""
        return true()

    def changeable(self, caller: User) -> ColumnElement[bool]:
        """Those of the visible rows that the caller may change and remove."""
        return true()

    def owned(self, caller: User | None) -> Values:
        """What a new row gets from who creates it."""
        return {}

    # Read

    def get(self, session: Session, id: int, caller: User | None = None) -> ModelT | None:
        return session.scalar(self._visible_rows(caller).where(self.model.id == id))

    def get_one(self, session: Session, id: int, caller: User | None = None) -> ModelT:
        if obj := self.get(session, id, caller):
            return obj
        raise NotFound(f"There is no such {self.name}")

    def get_multi(self, session: Session, query: ListQuery, caller: User | None = None) -> Sequence[ModelT]:
        rows = self._matching_rows(query, caller).order_by(*order(self.model, query.sort))
        return session.scalars(rows.limit(query.limit).offset(query.offset)).all()

    def count(self, session: Session, query: ListQuery, caller: User | None = None) -> int:
        """How many rows there are on all pages of the query together."""
        rows = self._matching_rows(query, caller).with_only_columns(func.count(), maintain_column_froms=True)
        return session.execute(rows).scalar_one()

    # Write

    def create(self, session: Session, data: CreateT, caller: User | None = None) -> ModelT:
        values = self.columns(data.model_dump())
        row = insert(self.model).values({**values, **self.owned(caller)}).returning(self.model)
        return session.execute(row).scalar_one()

    def update(self, session: Session, id: int, data: UpdateT, caller: User) -> ModelT:
        """Changes the fields that were sent."""
        return self._change(session, id, self.columns(data.model_dump(exclude_unset=True)), caller)

    def replace(self, session: Session, id: int, data: CreateT, caller: User) -> ModelT:
        """Changes every field that a client may write."""
        return self._change(session, id, self.columns(data.model_dump()), caller)

    def remove(self, session: Session, id: int, caller: User) -> None:
        rows = delete(self.model).where(self.model.id == id, *self._rights(caller))
        if session.scalar(rows.returning(self.model.id).execution_options(**UNTRACKED)) is None:
            self._refuse(session, id, caller)

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a client sent, as columns; the same names unless a resource says otherwise."""
        return values

    # How

    def _visible_rows(self, caller: User | None) -> Select[ModelT]:
        return select(self.model).where(self.visible(caller))

    def _matching_rows(self, query: ListQuery, caller: User | None) -> Select[ModelT]:
        rows = self._visible_rows(caller).where(*conditions(self.model, query.filters))
        if query.q is None:
            return rows
        return rows.where(words_found([getattr(self.model, name) for name in self.searches], query.q))

    def _rights(self, caller: User) -> Sequence[ColumnElement[bool]]:
        return self.visible(caller), self.changeable(caller)

    def _change(self, session: Session, id: int, values: Values, caller: User) -> ModelT:
        where = self.model.id == id, *self._rights(caller)
        if values:
            changed = update(self.model).where(*where).values(values).returning(self.model)
            obj = session.scalar(changed.execution_options(**UNTRACKED))
        else:
            obj = session.scalar(select(self.model).where(*where))
        return obj or self._refuse(session, id, caller)

    def _refuse(self, session: Session, id: int, caller: User) -> NoReturn:
        self.get_one(session, id, caller)
        raise NotAllowed(f"You may not change this {self.name}")
