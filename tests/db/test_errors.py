"""What the database refuses or cannot do, as both databases say it, becomes an error of the domain."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, Engine, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.errors import Conflict, DomainError, Invalid, Unavailable
from app.db import errors, session
from app.db.base import Base


class OwnBase(DeclarativeBase):
    metadata = type(Base.metadata)(naming_convention=Base.metadata.naming_convention)


class Shelf(OwnBase):
    __tablename__ = "shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Jar(OwnBase):
    __tablename__ = "jar"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    place: Mapped[int]
    label: Mapped[str]
    amount: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("shelf_id", "place"),
        Index("ix_jar_label_lower", func.lower(text("label")), unique=True),
        CheckConstraint("amount > 0", name="amount_is_positive"),
    )


@pytest.fixture
def tables(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Two tables of the test's own, gone with its transaction, with a row in each."""
    monkeypatch.setattr(errors, "Base", OwnBase)
    OwnBase.metadata.create_all(connection)
    connection.execute(text("INSERT INTO shelf VALUES (1, 'top')"))
    connection.execute(text("INSERT INTO jar VALUES (1, 1, 1, 'Plums', 3)"))
    return connection


def refused(connection: Connection, statement: str) -> DomainError:
    with pytest.raises(DomainError) as error, connection.begin_nested():
        connection.execute(text(statement))
    assert "jar" not in error.value.detail
    return error.value


@pytest.mark.parametrize(
    ("statement", "kind", "pointers"),
    [
        ("INSERT INTO shelf VALUES (2, 'top')", Conflict, ["/name"]),
        ("INSERT INTO shelf VALUES (1, 'low')", Conflict, ["/id"]),
        ("INSERT INTO jar VALUES (2, 1, 1, 'Pears', 1)", Conflict, ["/shelf_id", "/place"]),
        ("INSERT INTO jar VALUES (2, 1, 2, 'PLUMS', 1)", Conflict, ["/label"]),
        ("INSERT INTO jar VALUES (2, 1, 2, NULL, 1)", Invalid, ["/label"]),
        ("INSERT INTO jar VALUES (2, 1, 2, 'Pears', 0)", Invalid, ["/amount"]),
    ],
)
def test_violated_constraint_names_its_fields(
    tables: Connection, statement: str, kind: type[DomainError], pointers: list[str]
) -> None:
    error = refused(tables, statement)
    assert type(error) is kind
    assert [one.pointer for one in error.errors] == pointers


@pytest.mark.parametrize("statement", ["INSERT INTO jar VALUES (2, 7, 1, 'Pears', 1)", "DELETE FROM shelf"])
def test_violated_foreign_key_names_its_field_where_the_database_does(tables: Connection, statement: str) -> None:
    error = refused(tables, statement)
    assert type(error) is Conflict
    known = tables.dialect.name == "postgresql"  # SQLite says no more than that some foreign key failed
    assert [one.pointer for one in error.errors] == (["/shelf_id"] if known else [])


def test_constraint_that_no_model_knows_is_still_a_conflict(tables: Connection) -> None:
    tables.execute(text("CREATE UNIQUE INDEX unheard_of ON shelf (lower(name))"))
    error = refused(tables, "INSERT INTO shelf VALUES (2, 'TOP')")
    assert type(error) is Conflict
    assert error.errors == ()


def test_other_errors_stay_what_they_are(connection: Connection) -> None:
    with pytest.raises(Exception, match="nowhere"), connection.begin_nested():
        connection.execute(text("SELECT * FROM nowhere"))


# Not now


def assert_unavailable(action: Callable[[], Any]) -> None:
    with pytest.raises(Unavailable) as error:
        action()
    assert error.value.headers["Retry-After"]


def test_locked_sqlite_is_unavailable(tmp_path: Path) -> None:
    engine = session.make_engine(f"sqlite:///{tmp_path}/larder.db")
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            connection.connection.cursor().execute("PRAGMA busy_timeout = 50")
        with first.begin():
            assert_unavailable(second.begin)
    engine.dispose()


def test_sqlite_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = session.make_engine(f"sqlite:///{tmp_path}/nowhere/larder.db")
    assert_unavailable(engine.connect)


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_postgresql
def test_statement_that_takes_too_long_is_unavailable(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SET LOCAL statement_timeout = 50"))
        assert_unavailable(lambda: connection.execute(text("SELECT pg_sleep(5)")))


@on_postgresql
@pytest.mark.parametrize("statement", ['SELECT 1 FROM "user" LIMIT 0', 'LOCK TABLE "user" NOWAIT'])
def test_lock_that_is_not_to_be_had_is_unavailable(engine: Engine, statement: str) -> None:
    with engine.connect() as first, engine.connect() as second, first.begin(), second.begin():
        first.execute(text('LOCK TABLE "user"'))
        second.execute(text("SET LOCAL lock_timeout = 50"))
        assert_unavailable(lambda: second.execute(text(statement)))


@on_postgresql
def test_deadlock_is_unavailable_to_one_of_the_two(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second, first.begin(), second.begin():
        first.execute(text("SELECT pg_advisory_xact_lock(1)"))
        second.execute(text("SELECT pg_advisory_xact_lock(2)"))
        with ThreadPoolExecutor() as threads:
            crossing = (
                threads.submit(first.execute, text("SELECT pg_advisory_xact_lock(2)")),
                threads.submit(second.execute, text("SELECT pg_advisory_xact_lock(1)")),
            )
        assert [type(one.exception()) for one in crossing].count(Unavailable) == 1


@on_postgresql
def test_serialization_failure_is_unavailable(engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second:
        first.execute(text("CREATE TABLE counter AS SELECT 1 AS number"))
        first.commit()
        try:
            second.execution_options(isolation_level="REPEATABLE READ").execute(text("SELECT * FROM counter"))
            first.execute(text("UPDATE counter SET number = 2"))
            first.commit()
            assert_unavailable(lambda: second.execute(text("UPDATE counter SET number = 3")))
        finally:
            second.rollback()
            first.execute(text("DROP TABLE counter"))
            first.commit()


@on_postgresql
def test_lost_connection_is_unavailable_and_the_next_one_works(engine: Engine) -> None:
    with engine.connect() as connection:
        own = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
        assert_unavailable(lambda: connection.execute(text("SELECT 1")))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1/nowhere", "no-such-host.invalid/nowhere"])
def test_database_that_is_not_there_is_unavailable(address: str) -> None:
    engine = session.make_engine(f"postgresql+psycopg2://larder:hunter2@{address}")
    assert_unavailable(engine.connect)


@on_postgresql
def test_database_without_the_right_name_is_unavailable(engine: Engine) -> None:
    url = engine.url.set(database="no_such_database").render_as_string(hide_password=False)
    assert_unavailable(session.make_engine(url).connect)
