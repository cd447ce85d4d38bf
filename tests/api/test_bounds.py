"""Nothing takes for ever: what is too long is 422, and what the database cannot do in time is 503."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select, text

from app import crud
from app.api import errors, job
from app.api.deps import SessionDep
from app.api.routing import Router
from app.api.threads import Threads
from app.core.config import settings
from app.db import engine as database
from app.db.engine import make_engine
from app.db.kept import kept
from app.db.lock import take_turn
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.live import live
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user

# What is too long


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{PATH}?limit=101", None),
        ("GET", f"{PATH}?sort=id,label,source,created_at,updated_at", None),
        ("GET", f"{PATH}?q={'x' * 101}", None),
        ("GET", f"{PATH}?label={'x' * 2049}", None),
        ("GET", f"{PATH}?" + "&".join(f"id__in={id}" for id in range(101)), None),
        ("GET", f"{PATH}/export?" + "&".join(f"id__in={id}" for id in range(101)), None),
        ("POST", f"{PATH}/batch", {"items": [SOUP] * 1001}),
        ("PATCH", f"{PATH}/batch", {"items": [{"id": id, "label": "x"} for id in range(1, 1002)]}),
        ("DELETE", f"{PATH}/batch?" + "&".join(f"id={id}" for id in range(1, 102)), None),
        ("POST", PATH, {**SOUP, "label": "x" * 257}),
    ],
)
def test_one_more_than_allowed_is_422(client: TestClient, user: User, method: str, path: str, body: Any) -> None:
    assert_problem(client.request(method, path, json=body, headers=as_user(user)), 422)


def test_body_that_is_too_large_is_413(client: TestClient, user: User) -> None:
    large = {**SOUP, "label": "x" * settings.MAX_BODY_SIZE}
    assert_problem(client.post(PATH, json=large, headers=as_user(user)), 413)


# What takes too long

TIMEOUT = 0.2
"""Seconds."""

FOR_EVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) "
COUNT = text(FOR_EVER + "SELECT count(*) FROM n")
SEARCH = text(FOR_EVER + "SELECT x FROM n WHERE x = 0")
WRITE = text(FOR_EVER + "UPDATE recipe SET label = 'x' WHERE (SELECT count(*) FROM n) > 0")

router = Router("/runaway")


@router.get("/tame")
def tame(session: SessionDep) -> int:
    return session.execute(select(func.count()).select_from(Recipe)).scalar_one()


@router.get("/{statement}")
def read(session: SessionDep, statement: str) -> list[int]:
    return [*session.scalars({"count": COUNT, "search": SEARCH}[statement])]


@router.post("/write")
def write(session: SessionDep) -> None:
    crud.recipe.create(session, RecipeCreate.model_validate(SOUP))
    session.execute(WRITE)


@router.post("/write/nested")
def write_nested(session: SessionDep) -> None:
    with session.begin_nested():
        write(session)


app = FastAPI()
app.include_router(router)
errors.install(app)


@pytest.fixture
def impatient(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine with so short a timeout that a test can wait for it, and with one connection for the one thread."""
    monkeypatch.setattr(job, "threads", Threads(1, "impatient", kept.allow))
    monkeypatch.setattr(database, "settings", settings.model_copy(update={"STATEMENT_TIMEOUT": TIMEOUT, "THREADS": 1}))
    engine = make_engine(database_url)
    with live(engine):
        yield engine
    engine.dispose()


@pytest.fixture
def client_of_runaways(impatient: Engine) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "count"), ("GET", "search"), ("POST", "write"), ("POST", "write/nested")],
)
def test_runaway_statement_is_503(client_of_runaways: TestClient, method: str, path: str) -> None:
    client = client_of_runaways
    for _ in range(2):
        begin = time.perf_counter()
        answer = client.request(method, f"/runaway/{path}")
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert "WITH" not in answer.text
        assert TIMEOUT <= time.perf_counter() - begin < TIMEOUT + 10
    # The connection is as good as before, and nothing was kept.
    assert client.get("/runaway/tame").json() == 0


def test_slow_statement_does_not_shorten_the_next(impatient: Engine) -> None:
    """It is each statement that has its time, not all of them together."""
    with impatient.begin() as connection:
        for _ in range(3):
            time.sleep(TIMEOUT * 0.7)
            assert connection.execute(text("SELECT count(*) FROM recipe")).scalar_one() == 0


def test_migration_takes_its_time(impatient: Engine) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1500000) SELECT max(x) FROM n"
    with impatient.begin() as connection:
        take_turn(connection)
        begin = time.perf_counter()
        assert connection.execute(text(numbers)).scalar_one() == 1_500_000
        assert time.perf_counter() - begin > TIMEOUT
