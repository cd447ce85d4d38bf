"""A violated constraint is a conflict that names its field, found by trying and not by asking first."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Connection, Engine, event

from app.models import User
from tests.api.live import live
from tests.api.test_auth import signed_in
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user

SIGN_UP = "/api/v1/auth/signup"
USERS = "/api/v1/users"
CLIENTS = 20


@pytest.fixture
def real(engine: Engine, lifespan: TestClient) -> Iterator[TestClient]:
    with live(engine):
        yield lifespan


def at_once(send: Callable[[int], Response]) -> list[Response]:
    """What twenty clients get who send together."""
    ready = threading.Barrier(CLIENTS)

    def wait_and_send(number: int) -> Response:
        ready.wait()
        return send(number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [*pool.map(wait_and_send, range(CLIENTS))]


def test_of_twenty_who_want_the_same_name_one_gets_it(real: TestClient) -> None:
    spelt = ["ann@example.com", "ANN@Example.COM"]
    answers = at_once(lambda number: real.post(SIGN_UP, json={"email": spelt[number % 2], "password": PASSWORD}))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CLIENTS - 1}
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "/email")


def test_of_twenty_accounts_that_take_one_name_one_gets_it(real: TestClient, engine: Engine) -> None:
    people = [
        real.post(SIGN_UP, json={"email": f"a{number}@example.com", "password": PASSWORD}) for number in range(20)
    ]
    real.post(SIGN_UP, json={"email": "root@example.com", "password": PASSWORD})
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE \"user\" SET is_superuser = true WHERE email = 'root@example.com'")
    headers = signed_in(real, "root@example.com")

    def take(number: int) -> Response:
        return real.patch(f"{USERS}/{people[number].json()['id']}", json={"email": "me@example.com"}, headers=headers)

    answers = at_once(take)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CLIENTS - 1}
    names = [item["email"] for item in real.get(USERS, params={"limit": 100}, headers=headers).json()["items"]]
    assert names.count("me@example.com") == 1
    assert len(names) == CLIENTS + 1


def test_conflict_is_found_without_asking_first(client: TestClient, engine: Engine, user: User) -> None:
    said: list[str] = []

    def note(_: Connection, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    answer = client.post(SIGN_UP, json={"email": user.email, "password": PASSWORD})
    event.remove(engine, "before_cursor_execute", note)
    assert_problem(answer, 409, "/email")
    assert not [statement for statement in said if statement.startswith("SELECT")]


def test_conflict_tells_nothing_of_whom_it_conflicts_with(
    client: TestClient, make_user: Callable[..., User], superuser: User, user: User
) -> None:
    bob = make_user("bob")
    taken = {"email": user.email, "password": PASSWORD}
    for answer in (
        client.post(SIGN_UP, json=taken),
        client.post(USERS, json=taken, headers=as_user(superuser)),
        client.patch(f"{USERS}/{bob.id}", json={"email": user.email}, headers=as_user(superuser)),
        client.put(f"{USERS}/{bob.id}", json=taken, headers=as_user(superuser)),
    ):
        assert_problem(answer, 409, "/email")
        assert user.email not in answer.text
        assert "uq_user" not in answer.text
    assert client.get(f"{USERS}/{bob.id}", headers=as_user(superuser)).json()["version"] == 1
