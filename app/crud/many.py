"""The same for many rows: all of them, or none and the place of the first that would not go."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.core.errors import DomainError
from app.core.principal import Principal
from app.crud.base import CreateT, CRUDBase, ModelT, UpdateT
from app.crud.precondition import Precondition


@contextmanager
def at(place: str) -> Generator[None]:
    """Lets an error say in which part of the request it is."""
    try:
        yield
    except DomainError as error:
        raise error.within(place) from error


def create_many(
    crud: CRUDBase[ModelT, CreateT, Any], session: Session, items: Sequence[CreateT], caller: Principal | None
) -> Sequence[ModelT]:
    """Creates them in one statement and answers them in their order; an error points at /0, /1, ..."""
    returned = insert(crud.model).returning(crud.model, sort_by_parameter_order=True)
    try:
        with session.begin_nested():
            return session.scalars(returned, [crud.new_row(item, caller) for item in items]).all()
    except DomainError:
        return _create_one_by_one(crud, session, dict(enumerate(items)), caller)


def insert_many(
    crud: CRUDBase[Any, CreateT, Any], session: Session, items: Mapping[int, CreateT], caller: Principal | None
) -> None:
    """The same without an answer, so that no rows stay in memory; an error points at the item's key."""
    try:
        with session.begin_nested():
            session.execute(insert(crud.model), [crud.new_row(item, caller) for item in items.values()])
    except DomainError:
        _create_one_by_one(crud, session, items, caller)


def _create_one_by_one(
    crud: CRUDBase[ModelT, CreateT, Any], session: Session, items: Mapping[int, CreateT], caller: Principal | None
) -> list[ModelT]:
    """Of many rows in one statement the database does not say which one it refused. One by one, it does."""
    rows: list[ModelT] = []
    for key, item in items.items():
        with at(f"/{key}"):
            rows.append(crud.create(session, item, caller))
    return rows


def update_many(
    crud: CRUDBase[ModelT, Any, UpdateT],
    session: Session,
    items: Sequence[tuple[int, UpdateT, Precondition]],
    caller: Principal,
) -> Sequence[ModelT]:
    """Changes the fields that were sent of each; an error points at /0, /1, ..."""
    rows: dict[int, ModelT] = {}
    for index in _in_line([id for id, _, _ in items]):
        id, data, precondition = items[index]
        with at(f"/{index}"):
            rows[index] = crud.update(session, id, data, caller, precondition)
    return [rows[index] for index in range(len(items))]


def remove_many(crud: CRUDBase[Any, Any, Any], session: Session, ids: Sequence[int], caller: Principal) -> None:
    """Removes each; an error points at /0, /1, ..."""
    for index in _in_line(ids):
        with at(f"/{index}"):
            crud.remove(session, ids[index], caller)


def _in_line(ids: Sequence[int]) -> list[int]:
    """The places of the ids in the order of the ids: two who want the same rows wait in a line, not in a circle."""
    return sorted(range(len(ids)), key=ids.__getitem__)
