"""What several tests of the API arrange."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, Table, delete, func, select
from sqlalchemy.orm import Session

from app.db import session as database
from app.db.soft_delete import unique_while_living
from app.models import Recipe, User


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """To find out every corner of the schema takes seconds, also when none of them is tried."""
    quick = "not slow" in config.option.markexpr
    return True if quick and collection_path.name == "test_schema_thoroughly.py" else None


@pytest.fixture
def unique_label(connection: Connection) -> Iterator[None]:
    """For once, no two living recipes may have the same label."""
    table = Recipe.__table__
    assert isinstance(table, Table)
    index = unique_while_living("uq_recipe_label", "label")
    table.append_constraint(index)
    index.create(connection)
    yield
    table.indexes.discard(index)


@pytest.fixture
def count_recipes(session: Session) -> Callable[[], int]:
    """How many there are, living and deleted."""
    return lambda: session.execute(select(func.count()).select_from(Recipe)).scalar_one()


@pytest.fixture
def busy_client(lifespan: TestClient, own_engine: Engine) -> Iterator[TestClient]:
    """For requests at the same time: what they do is committed, and gone before the next test."""
    database.WriteSessions.configure(bind=own_engine)
    database.ReadSessions.configure(bind=database.reading(own_engine))
    yield lifespan
    with own_engine.begin() as connection:
        connection.execute(delete(User))
