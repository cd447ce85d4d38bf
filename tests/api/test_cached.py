"""What is kept is given to nobody who may not see it, and costs neither a thread nor a connection."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient

from app import crud
from app.api import errors, job
from app.api.cached import cached, rights
from app.api.deps import Caller, Superuser, needs
from app.api.deps import SessionDep as Database
from app.api.routing import Router
from app.cache.cache import cache
from app.cache.memory import Memory
from app.core.errors import NotFound
from app.core.scopes import Scope
from app.crud.query import ListQuery
from app.middleware.lane import Lane
from app.middleware.request_context import RequestContext
from app.models import User
from tests.api.test_recipes import assert_problem
from tests.conftest import as_user, with_key
from tests.support.clock import Clock

PATH = "/api/v1/teas"
router = Router(PATH)
asked: Counter[str] = Counter()


def count(name: str) -> int:
    asked[name] += 1
    return asked[name]


@router.get("")
@cached(ttl=60, stale=600)
def teas(sort: str = "", kind: Annotated[list[str] | None, Query()] = None) -> int:
    return count("teas")


@router.get("/async")
@cached(ttl=60)
async def teas_async() -> int:
    await asyncio.sleep(0.01)
    return count("async")


@router.get("/mine")
@cached(ttl=60)
def mine(caller: Caller) -> str:
    return f"{caller.id if caller else None} {count('mine')}"


@router.get("/mine/async")
@cached(ttl=60)
async def mine_async(caller: Caller) -> str:
    return f"{caller.id if caller else None} {count('mine')}"


@router.get("/roots")
@cached(ttl=60, by=rights)
def roots(_: Superuser) -> int:
    return count("roots")


@router.get("/readers", dependencies=[needs(Scope.recipes_write)])
@cached(ttl=60, by=rights)
def readers() -> int:
    return count("readers")


@router.get("/emails")
@cached(ttl=60)
def emails(session: Database, caller: Caller) -> list[str]:
    count("emails")
    return [user.email for user in crud.user.get_multi(session, ListQuery())]


@router.get("/{id:id}")
@cached(ttl=60)
def tea(id: int) -> int:
    if id == 4:
        count("none")
        raise NotFound("There is no such tea")
    return id


app = FastAPI(version="1")
app.add_middleware(Lane, service=app)
app.add_middleware(RequestContext)
app.include_router(router)
errors.install(app)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "memory", Memory(10**6))
    asked.clear()


@pytest.fixture
def get() -> Iterator[Callable[..., object]]:
    with TestClient(app) as client:

        def get(path: str = "", headers: dict[str, str] | None = None) -> object:
            answer = client.get(PATH + path, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield get


Get = Callable[..., object]


@pytest.mark.parametrize("path", ["", "/async"])
def test_answer_is_kept_for_its_time_and_says_how_old_it_is(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TestClient(app) as client:
        assert client.get(PATH + path).json() == 1
        clock.now += 59
        answer = client.get(PATH + path)
        assert (answer.json(), answer.headers["Age"]) == (1, "59")
        stale = 0 if path else 600
        assert answer.headers["Cache-Control"] == f"public, max-age=60, stale-while-revalidate={stale}"
        assert answer.headers["Content-Type"] == "application/json"
        assert "Vary" not in answer.headers
        clock.now += 1 + stale
        assert client.get(PATH + path).json() == 2


def test_query_means_the_same_in_any_order(get: Get) -> None:
    assert get("?sort=a&kind=x&kind=y") == get("?kind=x&kind=y&sort=a") == get("?kind=%78&sort=a&kind=y") == 1
    different = ["", "?sort=", "?sort=b", "?sort=a", "?kind=x&kind=y", "?kind=y&kind=x", "?sort=%26", "?sort=%2526"]
    assert len({get(query) for query in different}) == len(different)
    assert (get("/7"), get("/8")) == (7, 8)


def test_new_version_or_another_shape_finds_nothing(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (get(), get()) == (1, 1)
    monkeypatch.setattr(app, "version", "2")
    assert get() == 2


def test_error_is_not_kept() -> None:
    with TestClient(app) as client:
        for times in (1, 2):
            answer = client.get(f"{PATH}/4")
            assert_problem(answer, 404)
            assert "Age" not in answer.headers
            assert asked["none"] == times


@pytest.mark.parametrize("path", ["/mine", "/mine/async"])
def test_nobody_gets_what_was_made_for_another(
    get: Get, client: TestClient, make_user: Callable[..., User], path: str
) -> None:
    ann, ben = make_user("ann"), make_user("ben")
    callers = {"None": {}, f"{ann.id}": as_user(ann), f"{ben.id}": as_user(ben)}
    first = {name: get(path, headers) for name, headers in callers.items()}
    for name, headers in callers.items():
        assert get(path, headers) == first[name]
        assert str(first[name]).split()[0] == name
    others = [as_user(ann), as_user(ann, scope="recipes:write"), with_key(ann, "recipes:write")]
    assert {get(path, headers) for headers in others}.isdisjoint(first.values()), "less rights, or another session"


def test_what_depends_on_who_asks_is_for_no_shared_cache(client: TestClient, user: User) -> None:
    with TestClient(app) as teas:
        answer = teas.get(f"{PATH}/mine", headers=as_user(user))
        assert answer.headers["Cache-Control"].startswith("private, ")
        assert answer.headers["Vary"] == "Authorization, X-API-Key"


def test_equal_rights_share_an_answer_and_others_are_refused(
    client: TestClient, make_user: Callable[..., User]
) -> None:
    one, other, ann = make_user("one", is_superuser=True), make_user("two", is_superuser=True), make_user("ann")
    with TestClient(app) as teas:
        assert [teas.get(f"{PATH}/roots", headers=as_user(root)).json() for root in (one, other)] == [1, 1]
        assert_problem(teas.get(f"{PATH}/roots"), 401)
        assert_problem(teas.get(f"{PATH}/roots", headers=as_user(ann)), 403)
        assert_problem(teas.get(f"{PATH}/roots", headers=as_user(one, scope="recipes:write")), 403)
        assert_problem(teas.get(f"{PATH}/roots", headers={"Authorization": "Bearer x"}), 401)
        assert asked["roots"] == 1


def test_session_that_has_ended_gets_nothing_that_is_kept(client: TestClient, user: User) -> None:
    headers = as_user(user)
    with TestClient(app) as teas:
        assert teas.get(f"{PATH}/mine", headers=headers).status_code == 200
        assert client.post("/api/v1/auth/logout", headers=headers).status_code == 204
        assert_problem(teas.get(f"{PATH}/mine", headers=headers), 401)


def test_scope_is_demanded_of_what_is_kept_too(client: TestClient, user: User) -> None:
    with TestClient(app) as teas:
        assert teas.get(f"{PATH}/readers", headers=as_user(user)).json() == 1
        assert_problem(teas.get(f"{PATH}/readers", headers=as_user(user, scope="profile")), 403)


def test_kept_answer_takes_no_job_and_no_connection(
    get: Get, client: TestClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get("/emails") == get("/emails", as_user(user)) == [user.email], "it is asked for in a job of its own"

    async def run(*_: object) -> None:
        raise AssertionError("A job thread was taken")

    monkeypatch.setattr(job.threads, "run", run)
    assert get("/emails") == [user.email]
    assert asked["emails"] == 2


def test_only_what_is_read_from_the_api_can_be_cached() -> None:
    def answer() -> int:
        return 1

    with pytest.raises(ValueError, match="read from the API"):
        Router("/api/v1/wrong").post("")(cached(ttl=1)(answer))
    with pytest.raises(ValueError, match="read from the API"):
        Router("/pages").get("")(cached(ttl=1)(answer))
