"""A resource that only the tests have: a column of every kind, each of them once without and once with NULLs."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, MetaData, Table, insert
from sqlalchemy.orm import Mapped, mapped_column

from app.api import errors
from app.api.deps import Caller, CurrentUser
from app.api.resource import add_resource
from app.api.routing import Router
from app.crud.base import CRUDBase
from app.db.base import Base, Identity, Instant
from app.schemas.types import Input, Read

PATH = "/api/v1/jars"

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

VALUES: dict[str, list[Any]] = {
    "label": [
        "Jam",
        "jam",
        "JAM, tomorrow",
        "100 % jam",
        "a_b",
        "a\\b",
        "Crème à la Française",
        "ΩΔΗ ΔΣ",
        "ß",
        "🍯",
    ],
    "grams": [-5, 0, 1, 250, 2**31, 2**53 - 1],
    "price": [-0.5, 0.1, 1.0, 2.25, 1e10],
    "is_open": [False, True],
    "filled_on": [date(1999, 12, 31), date(2026, 1, 31), date(2026, 2, 1)],
    "best_before": [NOON + timedelta(microseconds=distance) for distance in (-1, 0, 1, 10**12)],
}
"""Each column, and what stands in it. One with `maybe_` before its name has the same and NULLs."""

FIELDS = [*VALUES, *(f"maybe_{name}" for name in VALUES)]

Row = dict[str, Any]


class Jar(Base):
    __tablename__ = "jar"
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)  # it is in no migration

    label: Mapped[str]
    maybe_label: Mapped[str | None]
    grams: Mapped[int] = mapped_column(Identity)
    maybe_grams: Mapped[int | None] = mapped_column(Identity)
    price: Mapped[float]
    maybe_price: Mapped[float | None]
    is_open: Mapped[bool]
    maybe_is_open: Mapped[bool | None]
    filled_on: Mapped[date]
    maybe_filled_on: Mapped[date | None]
    best_before: Mapped[datetime] = mapped_column(Instant)
    maybe_best_before: Mapped[datetime | None] = mapped_column(Instant)


class JarWrite(Input):
    pass


class CRUDJar(CRUDBase[Jar, JarWrite, JarWrite]):
    filters = ("id", *FIELDS)
    searches = ("label", "maybe_label")
    sorts = ("id", *FIELDS)


router = Router(PATH, tags=["jars"])
add_resource(
    router,
    CRUDJar(Jar),
    create=JarWrite,
    update=JarWrite,
    read=Read,
    reader=Caller,
    writer=CurrentUser,
    without=("batch", "create", "export", "import", "restore", "write"),
)
app = FastAPI()
app.include_router(router)
errors.install(app)
client = TestClient(app)


def fill(connection: Connection, count: int, seed: int = 1) -> list[Row]:
    """Makes the table, gone with the test, and that many rows by chance; answers them in the order of their ids."""
    assert isinstance(Jar.__table__, Table)
    Jar.metadata.create_all(connection)
    chance = random.Random(seed)
    rows: list[Row] = []
    for id in range(1, count + 1):
        row: Row = {name: chance.choice(values) for name, values in VALUES.items()}
        maybe = {f"maybe_{name}": chance.choice([*values, None, None]) for name, values in VALUES.items()}
        rows.append({"id": id, **row, **maybe})
    connection.execute(insert(Jar), rows)
    return rows


def as_parameter(value: Any) -> str:
    """The value as a client writes it into a query."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def in_order(rows: list[Row], *sorts: str) -> list[int]:
    """The ids as Python sorts them: NULLs last in both directions, and last of all the id, as the column before it."""
    for sort in reversed([*sorts, "-id" if sorts[-1].startswith("-") else "id"]):
        name = sort.removeprefix("-")
        known = [row for row in rows if row[name] is not None]
        known.sort(key=lambda row: row[name], reverse=sort.startswith("-"))  # leaves equal rows as they are
        rows = [*known, *(row for row in rows if row[name] is None)]
    return [row["id"] for row in rows]
