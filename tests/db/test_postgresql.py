"""Transactions begin with their first statement, and end as ever."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from app.core.errors import Conflict
from app.db.session import make_engine, reading

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

SAID = text("SELECT current_query()")
NUMBERS = text("SELECT count(*) FROM number")
ADD = text("INSERT INTO number VALUES (:value)")


@pytest.fixture
def own_engine(database_url: str, engine: Engine) -> Iterator[Engine]:
    own_engine = make_engine(database_url)
    with own_engine.begin() as connection:
        connection.execute(text("CREATE TABLE number (value INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    yield own_engine
    with own_engine.begin() as connection:
        connection.execute(text("DROP TABLE number"))
    own_engine.dispose()


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        number: int = connection.execute(NUMBERS).scalar_one()
        return number


def test_begin_takes_no_round_trip_of_its_own(own_engine: Engine) -> None:
    with own_engine.connect() as connection:
        assert connection.execute(SAID).scalar_one().startswith("BEGIN; SELECT")
        assert connection.execute(SAID).scalar_one().startswith("SELECT")
        connection.commit()
        assert connection.execute(SAID).scalar_one().startswith("BEGIN; SELECT")


def test_reads_begin_nothing(own_engine: Engine) -> None:
    with reading(own_engine).connect() as connection:
        assert connection.execute(SAID).scalar_one().startswith("SELECT")


def test_what_is_not_committed_is_undone(own_engine: Engine) -> None:
    with own_engine.connect() as connection:
        connection.execute(ADD, [{"value": 1}, {"value": 2}])
        connection.execute(ADD, {"value": 3})
        assert count(own_engine) == 0
        connection.rollback()
        connection.execute(ADD, {"value": 4})
    assert count(own_engine) == 0
    with own_engine.begin() as connection:
        connection.execute(ADD, [{"value": 1}, {"value": 2}])
    assert count(own_engine) == 2


def test_savepoint_is_undone_by_itself(own_engine: Engine) -> None:
    with own_engine.begin() as connection:
        with connection.begin_nested() as savepoint:
            connection.execute(ADD, {"value": 1})
            savepoint.rollback()
        connection.execute(ADD, {"value": 2})
    assert count(own_engine) == 1


def test_failed_commit_raises_and_leaves_nothing(own_engine: Engine) -> None:
    with own_engine.connect() as connection:
        connection.execute(ADD, [{"value": 1}, {"value": 1}])
        with pytest.raises(Conflict):
            connection.commit()
    assert count(own_engine) == 0


def test_forgotten_transaction_does_not_live_on_in_the_pool(own_engine: Engine) -> None:
    raw = own_engine.raw_connection()
    raw.cursor().execute("BEGIN; INSERT INTO number VALUES (1)")
    raw.close()
    with reading(own_engine).connect() as connection:
        assert connection.execute(NUMBERS).scalar_one() == 0
        assert connection.execute(text("SELECT now() = statement_timestamp()")).scalar_one()


def test_isolation_levels_are_still_the_drivers(own_engine: Engine) -> None:
    with own_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM number"))
    repeatable = own_engine.execution_options(isolation_level="REPEATABLE READ")
    with repeatable.connect() as connection:
        assert connection.execute(NUMBERS).scalar_one() == 0
        with own_engine.begin() as other:
            other.execute(ADD, {"value": 1})
        assert connection.execute(NUMBERS).scalar_one() == 0
        connection.commit()
        assert connection.execute(NUMBERS).scalar_one() == 1
    with own_engine.connect() as connection:
        assert connection.execute(SAID).scalar_one().startswith("BEGIN; SELECT")
