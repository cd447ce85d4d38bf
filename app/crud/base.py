"""What can be done with the rows of any model, written once.

Methods flush and never commit: the request is the transaction. Every one of them goes through `visible` and
`changeable`, so that what a caller may see and change is part of the query and not a check after it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, delete, func, insert, select, true, update
from sqlalchemy.orm import Session, selectinload

from app.core.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, PreconditionFailed
from app.crud.keyset import beyond, directions, order
from app.crud.precondition import ALWAYS, Precondition
from app.crud.query import ListQuery, conditions, sort_columns, words_found
from app.db.base import Base, utc_now
from app.db.soft_delete import SoftDelete
from app.models import User

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)

Values = Mapping[str, Any]

UNTRACKED: Values = {"synchronize_session": False, "populate_existing": True}
"""A statement's own RETURNING says how its rows are now; objects loaded before need no bookkeeping."""


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
        self.name = model.__tablename__
        self.soft_deletes = issubclass(model, SoftDelete)

    # Who may

    def visible(self, caller: User | None) -> ColumnElement[bool]:
        """The rows that the caller may see."""
        return true()

    def changeable(self, caller: User) -> ColumnElement[bool]:
        """Those of the visible rows that the caller may change, remove and restore."""
        return true()

    def owned(self, caller: User | None) -> Values:
        """What a new row gets from who creates it."""
        return {}

    # Read

    def get(self, session: Session, id: int, caller: User | None = None, expand: Sequence[str] = ()) -> ModelT | None:
        return session.scalar(self._expanded(self._living(caller), expand).where(self.model.id == id))

    def get_one(self, session: Session, id: int, caller: User | None = None, expand: Sequence[str] = ()) -> ModelT:
        return self.get(session, id, caller, expand) or self._not_found()

    def get_multi(self, session: Session, query: ListQuery, caller: User | None = None) -> Sequence[ModelT]:
        by = directions(self.model, sort_columns(query.sort))
        rows = self._expanded(self._matching(query, caller), query.expand).order_by(*order(by))
        if query.after is not None:
            rows = rows.where(beyond(by, query.after))
        return session.scalars(rows.limit(query.limit).offset(query.offset or None)).all()

    def count(self, session: Session, query: ListQuery, caller: User | None = None) -> int:
        """How many rows there are on all pages of the query together."""
        rows = self._matching(query, caller).with_only_columns(func.count(), maintain_column_froms=True)
        return session.execute(rows).scalar_one()

    # Write

    def create(self, session: Session, data: CreateT, caller: User | None = None) -> ModelT:
        row = insert(self.model).values(self.new_row(data, caller)).returning(self.model)
        return session.execute(row).scalar_one()

    def update(
        self, session: Session, id: int, data: UpdateT, caller: User, precondition: Precondition = ALWAYS
    ) -> ModelT:
        """Changes the fields that were sent."""
        return self._change(session, id, self.columns(data.model_dump(exclude_unset=True)), caller, precondition)

    def replace(
        self, session: Session, id: int, data: CreateT, caller: User, precondition: Precondition = ALWAYS
    ) -> ModelT:
        """Changes every field that a client may write."""
        return self._change(session, id, self.columns(data.model_dump()), caller, precondition)

    def remove(self, session: Session, id: int, caller: User, precondition: Precondition = ALWAYS) -> None:
        """Removes the row, or marks it as deleted where the model is a `SoftDelete`."""
        if self.soft_deletes:
            self._change(session, id, {"deleted_at": utc_now()}, caller, precondition)
            return
        self._release(session, id)
        rows = delete(self.model).where(*self._target(id, caller, precondition)).returning(self.model.id)
        if session.scalar(rows.execution_options(**UNTRACKED)) is None:
            self._refuse(session, id, caller)

    def restore(self, session: Session, id: int, caller: User) -> ModelT:
        """Brings a soft-deleted row back; `Conflict` when it is not deleted."""
        where = self._deleted(), self.model.id == id, self.visible(caller), self.changeable(caller)
        back = update(self.model).where(*where).values(deleted_at=None).returning(self.model)
        if obj := session.scalar(back.execution_options(**UNTRACKED)):
            return obj
        self.get_one(session, id, caller)
        raise Conflict(f"The {self.name} is not deleted")

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a client sent, as columns; the same names unless a resource says otherwise."""
        return values

    def new_row(self, data: CreateT, caller: User | None) -> Values:
        """The columns of a row that the caller creates."""
        return {**self.columns(data.model_dump()), **self.owned(caller)}

    # How

    def _deleted(self) -> ColumnElement[bool]:
        return self.model.__table__.c.deleted_at.is_not(None)

    def _living(self, caller: User | None) -> Select[ModelT]:
        rows = select(self.model).where(self.visible(caller))
        return rows.where(~self._deleted()) if self.soft_deletes else rows

    def _gone(self, caller: User | None) -> Select[ModelT]:
        if caller is None:
            raise NotAuthenticated("Deleted rows are shown to those who may restore them: sign in first")
        return select(self.model).where(self._deleted(), self.visible(caller), self.changeable(caller))

    def _matching(self, query: ListQuery, caller: User | None) -> Select[ModelT]:
        rows = self._gone(caller) if query.deleted else self._living(caller)
        rows = rows.where(*conditions(self.model, query.filters))
        if query.q is None:
            return rows
        return rows.where(words_found([getattr(self.model, name) for name in self.searches], query.q))

    def _expanded(self, rows: Select[ModelT], names: Sequence[str]) -> Select[ModelT]:
        return rows.options(*(selectinload(getattr(self.model, name)) for name in names))

    def _target(self, id: int, caller: User, precondition: Precondition = ALWAYS) -> Sequence[ColumnElement[bool]]:
        """The row, if the caller may change it and it is as the precondition says."""
        rights = [self.model.id == id, self.visible(caller), self.changeable(caller)]
        if self.soft_deletes:
            rights.append(~self._deleted())
        return [*rights, *precondition.conditions(self.model.version)]

    def _release(self, session: Session, id: int) -> None:
        """Does what ON DELETE SET NULL would do, which changes rows and leaves them their version."""
        keys = [key for table in Base.metadata.tables.values() for key in table.foreign_keys]
        for key in keys:
            if key.column is self.model.__table__.c.id and key.ondelete == "SET NULL":
                session.execute(update(key.parent.table).where(key.parent == id).values({key.parent: None}))

    def _change(
        self, session: Session, id: int, values: Values, caller: User, precondition: Precondition = ALWAYS
    ) -> ModelT:
        where = self._target(id, caller, precondition)
        if values:
            changed = update(self.model).where(*where).values(values).returning(self.model)
            obj = session.scalar(changed.execution_options(**UNTRACKED))
        else:
            obj = session.scalar(select(self.model).where(*where))
        return obj or self._refuse(session, id, caller)

    def _refuse(self, session: Session, id: int, caller: User) -> NoReturn:
        """Says why a statement met no row: it is not there, not his, or not as he knew it."""
        self.get_one(session, id, caller)
        if session.scalar(select(self.model.id).where(*self._target(id, caller))) is None:
            raise NotAllowed(f"You may not change this {self.name}")
        raise PreconditionFailed(f"The {self.name} is not as the precondition says; read it again")

    def _not_found(self) -> NoReturn:
        raise NotFound(f"There is no such {self.name}")
