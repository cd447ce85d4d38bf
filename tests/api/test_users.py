"""Accounts, as superusers manage them, and the superuser who is always there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import delete

from app import crud
from app.db import session as database
from app.models import User
from app.schemas.user import UserCreate
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user, with_key

PATH = "/api/v1/users"
BOB = {"email": "bob@example.com", "password": PASSWORD}


def requests(client: TestClient, id: int) -> list[Callable[[dict[str, str]], Response]]:
    """Everything that can be done with accounts."""
    return [
        lambda headers: client.get(PATH, headers=headers),
        lambda headers: client.get(PATH, params={"count": "exact"}, headers=headers),
        lambda headers: client.post(PATH, json=BOB, headers=headers),
        lambda headers: client.get(f"{PATH}/{id}", headers=headers),
        lambda headers: client.patch(f"{PATH}/{id}", json={"first_name": "Ann"}, headers=headers),
        lambda headers: client.put(f"{PATH}/{id}", json=BOB | {"email": "ann@example.com"}, headers=headers),
        lambda headers: client.delete(f"{PATH}/{id}", headers=headers),
    ]


def test_only_superusers_manage_accounts(client: TestClient, user: User, superuser: User) -> None:
    plain = client.post("/api/v1/auth/signup", json=BOB | {"email": "plain@example.com"}).json()["id"]
    token = client.post("/api/v1/auth/login", data={"username": "plain@example.com", "password": PASSWORD}).json()
    for request in requests(client, user.id):
        assert_problem(request({}), 401)
        assert_problem(request({"Authorization": f"Bearer {token['access_token']}"}), 403)
    assert client.get(f"{PATH}/{plain}", headers=as_user(superuser)).json()["version"] == 1
    statuses = [request(as_user(superuser)).status_code for request in requests(client, user.id)]
    assert statuses == [200, 200, 201, 200, 200, 200, 204]


def test_who_may_not_is_not_told_what_there_is(client: TestClient, user: User, superuser: User) -> None:
    for id in (user.id, superuser.id, 999_999):
        assert_problem(client.get(f"{PATH}/{id}", headers=as_user(user)), 403)
        assert_problem(client.patch(f"{PATH}/{id}", json={"is_superuser": True}, headers=as_user(user)), 403)


def test_no_answer_holds_a_password(client: TestClient, user: User, superuser: User) -> None:
    for request in requests(client, user.id):
        text = request(as_user(superuser)).text
        for secret in (PASSWORD, "argon2", "hashed_password", "token_generation"):
            assert secret not in text


def test_nobody_finds_accounts_by_their_hash(client: TestClient, superuser: User) -> None:
    for query in ({"hashed_password": "x"}, {"hashed_password__icontains": "a"}, {"sort": "hashed_password"}):
        assert_problem(client.get(PATH, params=query, headers=as_user(superuser)), 422)
    assert client.get(PATH, params={"q": "argon2"}, headers=as_user(superuser)).json()["items"] == []


def test_superuser_makes_an_account_that_can_sign_in(client: TestClient, superuser: User) -> None:
    created = client.post(PATH, json=BOB | {"is_superuser": True}, headers=as_user(superuser))
    assert created.status_code == 201
    assert created.headers["Location"] == f"{PATH}/{created.json()['id']}"
    login = client.post("/api/v1/auth/login", data={"username": "BOB@example.com", "password": PASSWORD})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    assert client.get(created.headers["Location"], headers=headers).json() == created.json()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize("email", ["ann@example.com", "ANN@example.com"])
def test_taken_email_is_409(
    client: TestClient, make_user: Callable[..., User], superuser: User, method: str, email: str
) -> None:
    make_user()
    path = PATH if method == "POST" else f"{PATH}/{make_user('bob').id}"
    answer = client.request(method, path, json=BOB | {"email": email}, headers=as_user(superuser))
    assert_problem(answer, 409, "/email")


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    "field", ["hashed_password", "token_generation", "id", "version", "created_at", "updated_at", "recipes"]
)
def test_what_the_server_decides_is_refused(
    client: TestClient, user: User, superuser: User, method: str, field: str
) -> None:
    path = PATH if method == "POST" else f"{PATH}/{user.id}"
    answer = client.request(method, path, json=BOB | {field: 7}, headers=as_user(superuser))
    assert_problem(answer, 422, f"/{field}")


@pytest.mark.parametrize("field", ["email", "password", "is_active", "is_superuser"])
def test_null_is_refused_where_there_is_none(client: TestClient, user: User, superuser: User, field: str) -> None:
    assert_problem(client.patch(f"{PATH}/{user.id}", json={field: None}, headers=as_user(superuser)), 422, f"/{field}")


@pytest.mark.parametrize("value", ["true", 1, 0, "no", []])
def test_flag_is_true_or_false(client: TestClient, user: User, superuser: User, value: object) -> None:
    for field in ("is_active", "is_superuser"):
        answer = client.patch(f"{PATH}/{user.id}", json={field: value}, headers=as_user(superuser))
        assert_problem(answer, 422, f"/{field}")


def test_put_sets_what_was_not_sent_to_its_default(
    client: TestClient, make_user: Callable[..., User], superuser: User
) -> None:
    ann = make_user(first_name="Ann", is_active=False, is_superuser=True)
    answer = client.put(f"{PATH}/{ann.id}", json=BOB, headers=as_user(superuser))
    expected = {"email": "bob@example.com", "first_name": None, "is_active": True, "is_superuser": False, "version": 2}
    assert answer.json() | expected == answer.json()


def test_patch_without_fields_changes_nothing(client: TestClient, user: User, superuser: User) -> None:
    answer = client.patch(f"{PATH}/{user.id}", json={}, headers=as_user(superuser))
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert client.get("/api/v1/auth/me", headers=as_user(user)).status_code == 200


def test_recipes_of_a_deleted_user_stay(client: TestClient, user: User, superuser: User) -> None:
    soup = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}
    place = client.post("/api/v1/recipes", json=soup, headers=as_user(user)).headers["Location"]
    assert client.delete(f"{PATH}/{user.id}", headers=as_user(superuser)).status_code == 204
    assert client.get(place).json() | soup | {"submitter_id": None} == client.get(place).json()


# One's own account


@pytest.fixture(params=["superuser", "manager", "key of a manager"])
def boss(request: pytest.FixtureRequest, make_user: Callable[..., User]) -> tuple[User, dict[str, str]]:
    """Somebody who manages accounts, and the headers of a request of his."""
    if request.param == "superuser":
        user = make_user("boss", is_superuser=True)
    else:
        user = make_user("boss", roles=["manager"])
    return user, with_key(user, "users:admin") if request.param == "key of a manager" else as_user(user)


WAYS_TO_STAY: list[tuple[str, dict[str, str], list[str]]] = [
    ("PATCH", {"password": "another long password"}, ["/password"]),
    ("PATCH", {"password": PASSWORD}, ["/password"]),
    ("PATCH", {"email": "thief@example.com", "first_name": "New"}, ["/email"]),
    ("PATCH", BOB, ["/email", "/password"]),
    ("PUT", {"email": "boss@example.com", "password": "another long password"}, ["/password"]),
    ("PUT", BOB, ["/email", "/password"]),
]


@pytest.mark.parametrize(("method", "body", "pointers"), WAYS_TO_STAY, ids=str)
def test_token_alone_takes_nobodys_own_account_over(
    client: TestClient,
    boss: tuple[User, dict[str, str]],
    method: str,
    body: dict[str, str],
    pointers: list[str],
) -> None:
    """Who has stolen it would stay when it has expired: with a password of his, or by a reset at an address of his."""
    user, headers = boss
    path = f"{PATH}/{user.id}"
    before = client.get(path, headers=headers).json()
    problem = client.request(method, path, json=body, headers=headers)
    assert_problem(problem, 403)
    assert [error["pointer"] for error in problem.json()["errors"]] == pointers
    for pointer, error in zip(pointers, problem.json()["errors"], strict=True):
        assert f"/api/v1/auth{pointer}" in error["detail"], "it says what to do instead"
    assert client.get(path, headers=headers).json() == before, "and no session has ended"
    login = {"username": user.email, "password": PASSWORD}
    assert client.post("/api/v1/auth/login", data=login).status_code == 200


def test_who_manages_accounts_changes_what_else_there_is_of_his_own(
    client: TestClient, boss: tuple[User, dict[str, str]]
) -> None:
    user, headers = boss
    form = {"first_name": "New", "email": user.email.upper()}
    answer = client.patch(f"{PATH}/{user.id}", json=form, headers=headers)
    assert (answer.status_code, answer.json()["first_name"], answer.json()["email"]) == (200, "New", user.email)


# The last superuser


GOODBYES: dict[str, tuple[str, dict[str, bool] | None]] = {
    "removed": ("DELETE", None),
    "demoted": ("PATCH", {"is_superuser": False}),
    "deactivated": ("PATCH", {"is_active": False}),
    "replaced": ("PUT", {}),
    "replaced, inactive": ("PUT", {"is_superuser": True, "is_active": False}),
}
"""All ways for a superuser to be one no longer."""


def end(client: TestClient, id: int, how: str, by: dict[str, str]) -> Response:
    method, body = GOODBYES[how]
    json = {"email": f"user-{id}@example.com", "password": PASSWORD, **(body or {})} if method == "PUT" else body
    return client.request(method, f"{PATH}/{id}", json=json, headers=by)


@pytest.mark.parametrize("how", GOODBYES)
def test_last_active_superuser_stays(
    client: TestClient, make_user: Callable[..., User], superuser: User, how: str
) -> None:
    make_user("ann")
    make_user("bob", is_superuser=True, is_active=False)
    before = client.get(f"{PATH}/{superuser.id}", headers=as_user(superuser)).json()
    # Nobody replaces his own account, be he the last or not.
    assert_problem(end(client, superuser.id, how, by=as_user(superuser)), 403 if "replaced" in how else 409)
    assert client.get(f"{PATH}/{superuser.id}", headers=as_user(superuser)).json() == before


@pytest.mark.parametrize("how", GOODBYES)
def test_superuser_who_is_not_the_last_may_go(
    client: TestClient, make_user: Callable[..., User], superuser: User, how: str
) -> None:
    ann = make_user(is_superuser=True)
    assert end(client, ann.id, how, by=as_user(superuser)).is_success
    assert_problem(end(client, superuser.id, "removed", by=as_user(superuser)), 409)


def test_last_superuser_may_change_all_else(client: TestClient, superuser: User) -> None:
    new = {"first_name": "Root", "email": superuser.email, "is_superuser": True, "roles": ["editor"]}
    answer = client.patch(f"{PATH}/{superuser.id}", json=new, headers=as_user(superuser))
    assert (answer.status_code, answer.json() | new) == (200, answer.json())


@pytest.mark.parametrize("how", GOODBYES)
def test_two_superusers_cannot_end_each_other(busy_client: TestClient, how: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        for _ in range(8):
            ann, bob = two_superusers()
            by_ann, by_bob = as_user(ann), as_user(bob)
            endings = [
                threads.submit(end, busy_client, bob.id, how, by=by_ann),
                threads.submit(end, busy_client, ann.id, how, by=by_bob),
            ]
            first, second = sorted(ending.result().status_code for ending in endings)
            assert first in (200, 204)
            assert second in (401, 403, 409), "the slower one meets the rule, or is out already"


def two_superusers() -> list[User]:
    with database.WriteSessions.begin() as session:
        session.execute(delete(User))
        return [
            crud.user.create(session, UserCreate(email=f"{name}@example.com", password=PASSWORD, is_superuser=True))
            for name in ("ann", "bob")
        ]


def test_of_eight_signups_at_once_one_is_taken(busy_client: TestClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        signups = [threads.submit(busy_client.post, "/api/v1/auth/signup", json=BOB) for _ in range(8)]
    assert sorted(signup.result().status_code for signup in signups) == [201] + [409] * 7
