"""Databases for a service that runs in processes of its own, and how to make its requests slow: by locking a row."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text

from app.db.session import make_engine
from tests.conftest import POSTGRES, WHY_NOT, new_database
from tests.support.larder import Larder
from tests.support.own_service import own_service, prepare
from tests.support.postgres import fresh_database


@pytest.fixture(scope="session")
def postgres() -> str:
    """The URL of a maintenance database."""
    if WHY_NOT in os.environ:
        pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
    return os.environ[POSTGRES]


@pytest.fixture(scope="session")
def url(postgres: str) -> Iterator[str]:
    """A PostgreSQL database as a first start leaves it. Tests may add to it; what they change they do not rely on."""
    with fresh_database(postgres) as url:
        prepare(url)
        yield url


@pytest.fixture(scope="session")
def database(url: str) -> Iterator[Engine]:
    """The same database, for what a test does behind the service's back."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session", params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"])
def larder(request: pytest.FixtureRequest) -> Iterator[Larder]:
    with new_database(request.param) as url, own_service(url) as service:
        engine = make_engine(url)
        yield Larder(service, engine)
        engine.dispose()


@contextmanager
def locked_recipe(database: Engine, id: int) -> Iterator[None]:
    """Somebody else is changing the recipe; whoever wants to change it too waits until the context ends."""
    with database.connect() as connection:
        connection.execute(text("SELECT FROM recipe WHERE id = :id FOR UPDATE"), {"id": id})
        yield
        connection.rollback()


def count_waiting(database: Engine) -> int:
    """How many connections wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.connect() as connection:
        count: int = connection.execute(text(query)).scalar_one()
    return count
