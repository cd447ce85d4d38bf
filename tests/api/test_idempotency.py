"""Idempotency-Key: a request that is sent again is answered again, and never done again."""

import asyncio
import hashlib
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partialmethod
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, create_engine, func, select, text, update
from sqlalchemy.orm import Session

from app import crud, sweeps
from app.core.errors import Unavailable
from app.crud import idempotency, sweep
from app.crud.base import CRUDBase
from app.db.base import utc_now
from app.main import app
from app.models import IdempotencyKey, Recipe, User
from app.schemas.user import UserCreate
from tests.api.live import live
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import PASSWORD, WHY_NOT, as_user
from tests.support.own_service import as_superuser, own_service
from tests.support.postgres import Server
from tests.support.service import Service
from tests.support.wire import Answer, Wire

KEY = {"Idempotency-Key": "0193a5b2-6f4e-7c1d"}
STEW = {**SOUP, "label": "Stew"}
POINTER = "header/Idempotency-Key"


@pytest.fixture
def headers(user: User) -> dict[str, str]:
    return as_user(user) | KEY


@pytest.fixture
def count(session: Session) -> Callable[[type[Any]], int]:
    """How many rows there are of a model."""
    return lambda model: session.execute(select(func.count()).select_from(model)).scalar_one()


Count = Callable[[type[Any]], int]


def assert_replayed(again: Response, first: Response) -> None:
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("Content-Type", "ETag", "Location"):
        assert again.headers.get(name) == first.headers.get(name)


# Again


def test_request_that_comes_again_is_answered_again(client: TestClient, headers: dict[str, str], count: Count) -> None:
    first = client.post(PATH, json=SOUP, headers=headers)
    assert first.status_code == 201
    for _ in range(3):
        assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)
    assert (count(Recipe), count(IdempotencyKey)) == (1, 1)


def test_answer_stays_what_it_was(client: TestClient, headers: dict[str, str]) -> None:
    first = client.post(PATH, json=SOUP, headers=headers)
    client.patch(first.headers["Location"], json={"label": "Stew"}, headers=headers)
    assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)
    client.delete(first.headers["Location"], headers=headers)
    assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)


def test_slash_at_the_end_makes_no_other_path(client: TestClient, headers: dict[str, str]) -> None:
    first = client.post(PATH, json=SOUP, headers=headers)
    assert_replayed(client.post(f"{PATH}/", json=SOUP, headers=headers), first)


def test_request_without_key_is_done_each_time(client: TestClient, user: User, count: Count) -> None:
    for _ in range(2):
        assert client.post(PATH, json=SOUP, headers=as_user(user)).status_code == 201
    assert (count(Recipe), count(IdempotencyKey)) == (2, 0)


def test_batch_is_answered_again(client: TestClient, headers: dict[str, str], count: Count) -> None:
    first = client.post(f"{PATH}/batch", json={"items": [SOUP, STEW]}, headers=headers)
    assert first.status_code == 201, first.text
    assert_replayed(client.post(f"{PATH}/batch", json={"items": [SOUP, STEW]}, headers=headers), first)
    assert count(Recipe) == 2


def test_import_is_answered_again(client: TestClient, headers: dict[str, str], count: Count) -> None:
    def send(query: str = "", label: str = "Soup") -> Response:
        rows = f"label,source,url\n{label},Aunt,https://example.com/\n"
        return client.post(f"{PATH}/import{query}", content=rows, headers=headers | {"Content-Type": "text/csv"})

    first = send()
    assert first.status_code == 201, first.text
    assert_replayed(send(), first)
    assert_problem(send(label="Stew"), 422, POINTER)
    assert_problem(send("?dry_run=true"), 422, POINTER)
    assert count(Recipe) == 1


def test_sign_up_is_answered_again(client: TestClient, session: Session, count: Count) -> None:
    ann = {"email": "ann@example.com", "password": PASSWORD}
    first = client.post("/api/v1/auth/signup", json=ann, headers=KEY)
    assert first.status_code == 201, first.text
    again = client.post("/api/v1/auth/signup", json=ann, headers=KEY)
    assert_replayed(again, first)
    other = client.post("/api/v1/auth/signup", json={**ann, "email": "bob@example.com"}, headers=KEY)
    assert_problem(other, 422, POINTER)
    assert count(User) == 1
    # Whoever gets hold of the table must not be able to try passwords on a fast hash.
    kept = session.execute(select(IdempotencyKey)).scalar_one()
    body = hashlib.sha256(first.request.content).digest()
    assert kept.request_digest not in (body, hashlib.sha256(body).digest())


# Another one


def test_key_of_another_request_is_422(client: TestClient, headers: dict[str, str], count: Count) -> None:
    first = client.post(PATH, json=SOUP, headers=headers)
    assert_problem(client.post(PATH, json=STEW, headers=headers), 422, POINTER)
    assert_problem(client.post(PATH, content=first.request.content + b" ", headers=first.request.headers), 422, POINTER)
    assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)
    assert count(Recipe) == 1


def test_key_of_another_caller_is_another_key(
    client: TestClient, headers: dict[str, str], make_user: Callable[..., User], count: Count
) -> None:
    assert client.post(PATH, json=SOUP, headers=headers).status_code == 201
    other = client.post(PATH, json=STEW, headers=as_user(make_user("bob")) | KEY)
    assert (other.status_code, other.json()["label"]) == (201, "Stew")
    assert count(IdempotencyKey) == 2


def test_key_on_another_path_is_another_key(client: TestClient, superuser: User, count: Count) -> None:
    headers = as_user(superuser) | KEY
    bob = {"email": "bob@example.com", "password": PASSWORD}
    assert client.post(PATH, json=SOUP, headers=headers).status_code == 201
    assert client.post(f"{PATH}/batch", json={"items": [SOUP]}, headers=headers).status_code == 201
    assert client.post("/api/v1/users", json=bob, headers=headers).status_code == 201
    assert (count(Recipe), count(IdempotencyKey)) == (2, 3)


def test_upper_case_makes_another_key(client: TestClient, user: User, count: Count) -> None:
    for key in ("a", "A", "a%00", "%61"):
        assert client.post(PATH, json=SOUP, headers=as_user(user) | {"Idempotency-Key": key}).status_code == 201
    assert count(Recipe) == 4


def test_who_may_no_longer_ask_gets_no_answer(
    client: TestClient, session: Session, user: User, headers: dict[str, str]
) -> None:
    client.post(PATH, json=SOUP, headers=headers)
    session.execute(update(User).where(User.id == user.id).values(is_active=False))
    session.commit()
    assert_problem(client.post(PATH, json=SOUP, headers=headers), 401)


# What was not done


def test_refused_request_leaves_its_key_free(
    client: TestClient, user: User, superuser: User, headers: dict[str, str], count: Count
) -> None:
    def post(path: str, body: object, more: dict[str, str]) -> int:
        return client.post(path, json=body, headers=headers | more).status_code

    taken = {"email": user.email, "password": PASSWORD}
    nobody = {"Authorization": "Bearer x"}
    assert post(PATH, SOUP, nobody) == 401
    assert post("/api/v1/users", taken, {}) == 403
    assert post("/api/v1/users", taken, as_user(superuser)) == 409
    assert post(f"{PATH}/import", {}, {}) == 415
    assert post(PATH, SOUP, {"Content-Type": "text/plain"}) == 415
    assert post(PATH, {"label": "x"}, {}) == 422
    assert post(f"{PATH}?x=1", SOUP, {}) == 422
    assert post(PATH, {**SOUP, "label": "x" * 2**20}, {}) == 413
    assert count(IdempotencyKey) == 0
    assert post("/api/v1/users", {**taken, "email": "new@example.com"}, as_user(superuser)) == 201
    first = client.post(PATH, json=SOUP, headers=headers)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers


@pytest.mark.parametrize(("failure", "status"), [(Unavailable("not now"), 503), (RuntimeError("a bug"), 500)])
def test_failed_request_leaves_its_key_free(
    connection: object, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    client = TestClient(app, raise_server_exceptions=False)

    def fail(*_: object) -> Recipe:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(CRUDBase, "create", fail)
        assert client.post(PATH, json=SOUP, headers=headers).status_code == status
    done = client.post(PATH, json=STEW, headers=headers)
    assert (done.status_code, done.json()["label"]) == (201, "Stew")
    assert "Idempotency-Replayed" not in done.headers


def test_key_means_nothing_where_nothing_is_made(client: TestClient, headers: dict[str, str], count: Count) -> None:
    recipe = client.post(PATH, json=SOUP, headers=headers).headers["Location"]
    assert client.patch(recipe, json={"label": "A"}, headers=headers).json()["version"] == 2
    assert client.patch(recipe, json={"label": "B"}, headers=headers).json()["version"] == 3
    assert client.delete(recipe, headers=headers).status_code == 204
    assert count(IdempotencyKey) == 1


@pytest.mark.parametrize(
    "key",
    [b"", b" ", b"x" * 256, b"x" * 10_000, b"a b", b"a\tb", b"\x00", b"\x7f", "ä".encode(), "🍯".encode(), b"\xff"],
    ids=lambda key: f"{key[:8]!r} of {len(key)} bytes",
)
def test_bad_key_is_422(client: TestClient, user: User, count: Count, key: bytes) -> None:
    headers = [(name.encode(), value.encode()) for name, value in as_user(user).items()]
    answer = client.post(PATH, json=SOUP, headers=[*headers, (b"Idempotency-Key", key)])
    assert_problem(answer, 422, POINTER)
    assert (count(Recipe), count(IdempotencyKey)) == (0, 0)


def test_two_keys_are_422(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post(PATH, json=SOUP, headers=[*headers.items(), ("Idempotency-Key", "another")])
    assert_problem(answer, 422, POINTER)


def test_longest_key_is_taken(client: TestClient, user: User) -> None:
    headers = as_user(user) | {"Idempotency-Key": "~" * 255}
    first = client.post(PATH, json=SOUP, headers=headers)
    assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)


# At the same time


@pytest.fixture
def real(engine: Engine, lifespan: TestClient) -> Iterator[TestClient]:
    with live(engine):
        yield lifespan


class Blocked:
    """Creating a recipe begins, and then waits until it may end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.create: Callable[..., Recipe] = CRUDBase.create
        monkeypatch.setattr(CRUDBase, "create", partialmethod(self))

    def __call__(self, *arguments: Any) -> Recipe:
        self.began.set()
        assert self.may_end.wait(10)
        return self.create(*arguments)


def test_request_that_is_still_worked_on_is_409_or_waited_for(
    real: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        ann = crud.user.create(session, UserCreate(email="ann@example.com", password=PASSWORD))
    headers = as_user(ann) | KEY
    blocked = Blocked(monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(real.post, PATH, json=SOUP, headers=headers)
        assert blocked.began.wait(10)
        second = pool.submit(real.post, PATH, json=SOUP, headers=headers)
        if engine.dialect.name == "postgresql":
            assert_problem(second.result(), 409)
        assert not first.done()
        blocked.may_end.set()
    assert first.result().status_code == 201
    if engine.dialect.name == "sqlite":
        # It has one writer at a time: the second one waited its turn, and then had its answer.
        assert_replayed(second.result(), first.result())
    assert_replayed(real.post(PATH, json=SOUP, headers=headers), first.result())
    assert len(real.get(PATH).json()["items"]) == 1


# With time


def grow_old(session: Session, age: timedelta) -> None:
    session.execute(update(IdempotencyKey).values(created_at=utc_now() - age))
    session.commit()


def test_key_is_free_again_after_a_day(
    client: TestClient, session: Session, headers: dict[str, str], count: Count
) -> None:
    first = client.post(PATH, json=SOUP, headers=headers)
    grow_old(session, idempotency.LIFETIME - timedelta(minutes=1))
    assert_replayed(client.post(PATH, json=SOUP, headers=headers), first)
    grow_old(session, idempotency.LIFETIME + timedelta(seconds=1))
    second = client.post(PATH, json=STEW, headers=headers)
    assert (second.status_code, second.json()["label"]) == (201, "Stew")
    assert_replayed(client.post(PATH, json=STEW, headers=headers), second)
    assert (count(Recipe), count(IdempotencyKey)) == (2, 1)


def make_keys(session: Session, number: int, age: timedelta) -> None:
    at = utc_now() - age
    for name in range(number):
        key = IdempotencyKey(caller_id=0, path="/", key=f"{age} {name}", request_digest=b"", status=201, body=b"")
        key.created_at = at
        session.add(key)
    session.commit()


def test_old_keys_are_swept_bit_by_bit(
    client: TestClient, session: Session, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AT_ONCE", 10)
    make_keys(session, 25, idempotency.LIFETIME + timedelta(seconds=1))
    make_keys(session, 3, idempotency.LIFETIME - timedelta(minutes=1))
    assert idempotency.sweep(session) == 10
    assert count(IdempotencyKey) == 18
    session.commit()
    sweeps.sweep_all()
    assert count(IdempotencyKey) == 3
    assert idempotency.sweep(session) == 0


# When everything goes wrong

CREATES = 10_000
CLIENTS = 20
TRIES = 100
KILLS = 10


class Story:
    """What twenty clients lived through who create recipes, each of them surely and none of them twice."""

    def __init__(self, service: Service, server: Server) -> None:
        self.service = service
        self.server = server
        self.chance = random.Random(1)
        self.answers: dict[int, list[Answer]] = {number: [] for number in range(CREATES)}
        self.outcomes: Counter[object] = Counter()

    async def live_through(self) -> None:
        clients = [self.create(range(first, CREATES, CLIENTS)) for first in range(CLIENTS)]
        await asyncio.gather(*clients, self.kill_workers(), self.restart_database())

    async def create(self, numbers: range) -> None:
        """One client: each recipe is sent one to five times, and more often while it is not sure to be there."""
        async with Wire(self.service.port) as wire, Wire(self.service.port) as other:
            for number in numbers:
                for _ in range(self.chance.randint(0, 4)):
                    if self.chance.random() < 0.3:
                        await self.send_and_leave(wire, number)
                    else:
                        await asyncio.gather(self.send(wire, number), self.send(other, number))
                for _ in range(TRIES):
                    if await self.send(wire, number) == 201:
                        break
                    await asyncio.sleep(self.chance.random())
                else:
                    pytest.fail(f"not there after {TRIES} tries")

    async def send(self, wire: Wire, number: int) -> int | None:
        try:
            answer = await wire.request("POST", PATH, self.headers(number), SOUP | {"label": f"Soup {number}"})
        except ConnectionError:
            self.outcomes["no answer"] += 1
            return None
        self.outcomes[answer.status] += 1
        if answer.status == 201:
            self.answers[number].append(answer)
        return answer.status

    async def send_and_leave(self, wire: Wire, number: int) -> None:
        await wire.send("POST", PATH, self.headers(number), SOUP | {"label": f"Soup {number}"})
        await asyncio.sleep(self.chance.uniform(0, 0.03))
        wire.hang_up()
        self.outcomes["hung up"] += 1

    def headers(self, number: int) -> dict[str, str]:
        return as_superuser() | {"Idempotency-Key": f"recipe-{number}"}

    async def kill_workers(self) -> None:
        for kill in range(KILLS):
            await self.until_done((kill + 1) / (KILLS + 1))
            os.kill(self.chance.choice([*self.service.worker_pids]), signal.SIGKILL)

    async def restart_database(self) -> None:
        await self.until_done(0.5)
        await asyncio.to_thread(self.server.stop)
        await asyncio.sleep(1)
        await asyncio.to_thread(self.server.start)

    async def until_done(self, part: float) -> None:
        while sum(map(bool, self.answers.values())) < CREATES * part:  # noqa: ASYNC110 - many clients do it
            await asyncio.sleep(0.1)


@pytest.mark.slow
def test_nothing_is_done_twice_whatever_goes_wrong() -> None:
    if WHY_NOT in os.environ:
        pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
    # It is stopped meanwhile, so it cannot be the one that other tests use too.
    with Server() as server, own_service(server.url) as service:
        story = Story(service, server)
        asyncio.run(story.live_through())
        engine = create_engine(server.url)
        with engine.connect() as connection:
            query = text("SELECT count(*), count(DISTINCT label) FROM recipe WHERE label LIKE 'Soup %'")
            recipes = connection.execute(query).one()
        engine.dispose()
    assert tuple(recipes) == (CREATES, CREATES)
    for answers in story.answers.values():
        assert len({(one.body, one.headers["location"], one.headers["etag"]) for one in answers}) == 1
        assert sum("idempotency-replayed" not in one.headers for one in answers) <= 1
    assert story.outcomes.keys() <= {201, 409, 503, "no answer", "hung up"}
    assert story.outcomes["no answer"] > 0
    assert story.outcomes[503] > 0
    print(dict(story.outcomes))
