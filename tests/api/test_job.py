"""One request is one job: it commits whole or not at all, and not once nobody waits for it."""

import asyncio
import gc
import threading
from collections.abc import Callable
from functools import partial

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.types import Message

from app import crud
from app.api import errors, job
from app.api.deps import SessionDep
from app.api.routing import Router
from app.core.config import settings
from app.core.errors import Unavailable
from app.db.session import WriteSessions
from app.main import app as larder
from app.models import Recipe
from app.schemas.recipe import RecipeCreate

SOUP = RecipeCreate(label="Pea soup", source="Grandmother", url="https://example.com/pea-soup")

router = Router("/soup")


@router.post("/good")
def good(session: SessionDep) -> int:
    return crud.recipe.create(session, SOUP).id


@router.post("/not-serialisable")
def not_serialisable(session: SessionDep) -> int:
    crud.recipe.create(session, SOUP)
    return "not a number"  # type: ignore[return-value]


@router.post("/refused")
def refused(session: SessionDep) -> int:
    crud.recipe.create(session, SOUP)
    raise Unavailable("on second thoughts")


@router.get("/writes-where-it-only-reads")
def writes_where_it_only_reads(session: SessionDep) -> int:
    return crud.recipe.create(session, SOUP).id


@router.get("/writes-rows-where-it-only-reads")
def writes_rows_where_it_only_reads(session: SessionDep) -> int:
    key: int = crud.recipe.showing(["id"]).create(session, SOUP).id
    return key


def test_what_fails_leaves_nothing(session: Session) -> None:
    app = FastAPI()
    app.include_router(router)
    errors.install(app)
    client = TestClient(app, raise_server_exceptions=False)

    def count() -> int:
        return session.scalar(select(func.count()).select_from(Recipe)) or 0

    assert client.post("/soup/not-serialisable").status_code == 500
    assert client.post("/soup/refused").status_code == 503
    assert client.get("/soup/writes-where-it-only-reads").status_code == 500
    assert client.get("/soup/writes-rows-where-it-only-reads").status_code == 500
    assert count() == 0
    assert client.post("/soup/good").status_code == 200
    assert count() == 1


def test_stop_iteration_fails_at_once(session: Session) -> None:
    def work(session: Session) -> int:
        crud.recipe.create(session, SOUP)
        return next(iter(()))

    async def run() -> None:
        await asyncio.wait_for(job.Job(WriteSessions, work).run(), 5)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(run())
    assert session.scalar(select(func.count()).select_from(Recipe)) == 0


async def in_all_threads(call: Callable[[], object]) -> None:
    await asyncio.gather(*(job.threads.run(call) for _ in range(settings.THREADS)))


def wait_for_all_threads() -> None:
    """Returns once each of them has ended what it had to do."""
    meeting = threading.Barrier(settings.THREADS)
    asyncio.run(in_all_threads(partial(meeting.wait, 5)))


def test_who_gives_up_while_it_runs_commits_nothing(session: Session) -> None:
    may_end = threading.Event()

    def work(session: Session) -> None:
        crud.recipe.create(session, SOUP)
        may_end.wait(5)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job.Job(WriteSessions, work).run(), 0.05)

    asyncio.run(give_up())
    may_end.set()
    wait_for_all_threads()
    assert session.scalar(select(func.count()).select_from(Recipe)) == 0


def test_who_gave_up_waiting_for_a_thread_gets_none(connection: object) -> None:
    release = threading.Event()
    calls: list[Session] = []

    async def give_up() -> None:
        busy = asyncio.create_task(in_all_threads(partial(release.wait, 5)))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job.Job(WriteSessions, calls.append).run(), 0.05)
        release.set()
        await busy

    asyncio.run(give_up())
    wait_for_all_threads()
    assert calls == []


@pytest.mark.parametrize("path", ["/api/v1/recipes", "/api/v1/recipes/1"], ids=["found", "not found"])
def test_answered_request_waits_for_no_garbage_collector(connection: object, path: str) -> None:
    async def ask() -> None:
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        await larder(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None: ...

    async def ask_in_tasks() -> None:
        for _ in range(10):
            await asyncio.create_task(ask())

    asyncio.run(ask_in_tasks())
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        asyncio.run(ask_in_tasks())
        gc.collect()
        assert not [one for one in gc.garbage if isinstance(one, (Request, job.Pending))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
