"""What statements give back: entities, which a session keeps track of, or rows, which cost a third of that."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Insert, Row, Select, Update, insert, select, update
from sqlalchemy.orm import Session

from app.db.base import Base, table_of
from app.db.session import ReadSession

ModelT = TypeVar("ModelT", bound=Base)
ResultT_co = TypeVar("ResultT_co", covariant=True)

Values = Mapping[str, Any]

UNTRACKED: Values = {"synchronize_session": False, "populate_existing": True}
"""A statement's own RETURNING says how its rows are now; objects loaded before need no bookkeeping."""


class Returning(Protocol[ResultT_co]):
    """Begins statements and runs them. `parameters` are for the placeholders in them, `values` what they write."""

    selected: Select[Any]
    inserted: Insert
    updated: Update

    def first(self, session: Session, rows: Select[Any], parameters: Values) -> ResultT_co | None: ...

    def all(self, session: Session, rows: Select[Any], parameters: Values) -> Sequence[ResultT_co]: ...

    def all_counted(
        self, session: Session, rows: Select[Any], parameters: Values
    ) -> tuple[Sequence[ResultT_co], int | None]:
        """Rows that have a number in their last place, and that number; None if there is no row to tell it."""
        ...

    def write(
        self, session: Session, statement: Insert | Update, values: Values, parameters: Values
    ) -> ResultT_co | None: ...


class Entities(Generic[ModelT]):
    """Objects of the model."""

    def __init__(self, model: type[ModelT]) -> None:
        self.selected: Select[Any] = select(model)
        self.inserted: Insert = insert(model).returning(model)
        self.updated: Update = update(model).returning(model).execution_options(**UNTRACKED)

    def first(self, session: Session, rows: Select[Any], parameters: Values) -> ModelT | None:
        obj: ModelT | None = session.scalar(rows, parameters)
        return obj

    def all(self, session: Session, rows: Select[Any], parameters: Values) -> Sequence[ModelT]:
        return session.scalars(rows, parameters).all()

    def all_counted(
        self, session: Session, rows: Select[Any], parameters: Values
    ) -> tuple[Sequence[ModelT], int | None]:
        found = session.execute(rows, parameters).all()
        return [row[0] for row in found], found[0][-1] if found else None

    def write(self, session: Session, statement: Insert | Update, values: Values, parameters: Values) -> ModelT | None:
        obj: ModelT | None = session.scalar(statement.values(values), parameters)
        return obj


class Rows:
    """Named tuples of some columns, past the ORM."""

    def __init__(self, model: type[Base], names: Sequence[str]) -> None:
        table = table_of(model)
        columns = [table.c[name] for name in names]
        self.selected: Select[Any] = select(*columns)
        self.inserted: Insert = insert(table).returning(*columns)
        self.updated: Update = update(table).returning(*columns)

    def first(self, session: Session, rows: Select[Any], parameters: Values) -> Row[Any] | None:
        return session.connection().execute(rows, parameters).first()

    def all(self, session: Session, rows: Select[Any], parameters: Values) -> Sequence[Row[Any]]:
        return session.connection().execute(rows, parameters).all()

    def all_counted(
        self, session: Session, rows: Select[Any], parameters: Values
    ) -> tuple[Sequence[Row[Any]], int | None]:
        found = self.all(session, rows, parameters)
        return found, found[0][-1] if found else None

    def write(
        self, session: Session, statement: Insert | Update, values: Values, parameters: Values
    ) -> Row[Any] | None:
        if isinstance(session, ReadSession):  # past the ORM, it cannot refuse by itself
            raise RuntimeError("A reading session was asked to write")
        computed: Values = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
        if computed:
            statement = statement.values(computed)
            values = {name: value for name, value in values.items() if name not in computed}
        # As parameters and not as values of the statement: a known statement costs least.
        return session.connection().execute(statement, {**values, **parameters}).first()
