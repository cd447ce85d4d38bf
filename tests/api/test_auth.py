"""Signing up, signing in, and being out again at once."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import bcrypt
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import crud
from app.core import security
from app.models import User
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user
from tests.support.totp import set_up

SIGNUP, LOGIN, ME = "/api/v1/auth/signup", "/api/v1/auth/login", "/api/v1/auth/me"
ANN = {"email": "ann@example.com", "password": PASSWORD}


def login(client: TestClient, email: str = "ann@example.com", password: str = PASSWORD) -> Response:
    return client.post(LOGIN, data={"username": email, "password": password})


def signed_in(client: TestClient, email: str = "ann@example.com", password: str = PASSWORD) -> dict[str, str]:
    answer = login(client, email, password)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def status_of(client: TestClient, headers: dict[str, str]) -> int:
    return client.get(ME, headers=headers).status_code


# Signing up


def test_signup_login_me(client: TestClient) -> None:
    created = client.post(SIGNUP, json=ANN | {"first_name": "Ann", "surname": "Ó Briain"})
    assert created.status_code == 201, created.text
    me = client.get(ME, headers=signed_in(client))
    assert me.status_code == 200
    assert me.json() == created.json()
    expected = {"email": "ann@example.com", "first_name": "Ann", "surname": "Ó Briain", "version": 1}
    expected |= {"is_active": True, "is_superuser": False, "roles": [], "email_verified_at": None}
    assert me.json() | expected == me.json()
    assert me.json().keys() == {*expected, "id", "created_at", "updated_at"}


@pytest.mark.parametrize("names", [{}, {"first_name": None, "surname": None}])
def test_names_are_optional(client: TestClient, names: dict[str, None]) -> None:
    created = client.post(SIGNUP, json=ANN | names)
    assert created.status_code == 201
    assert (created.json()["first_name"], created.json()["surname"]) == (None, None)


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@Example.COM"])
def test_taken_email_is_409_without_regard_to_case(client: TestClient, user: User, email: str) -> None:
    assert_problem(client.post(SIGNUP, json=ANN | {"email": email}), 409, "/email")


@pytest.mark.parametrize(
    "field",
    ["is_superuser", "is_active", "id", "version", "hashed_password", "token_generation", "created_at", "recipes"],
)
def test_nobody_signs_up_with_rights_of_his_own_making(client: TestClient, field: str) -> None:
    assert_problem(client.post(SIGNUP, json=ANN | {field: True}), 422, f"/{field}")
    assert login(client).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "eleven char"),
        ("password", ""),
        ("password", None),
        ("password", 123456789012),
        ("password", "x" * 1025),
        ("password", "nul \x00 in the middle"),
        ("email", "ann"),
        ("email", "ann@localhost"),
        ("email", "ann@@example.com"),
        ("email", "ann@example.com\n"),
        ("email", " ann@example.com"),
        ("email", "Ann <ann@example.com>"),
        ("email", "änn@example.com"),
        ("email", "a" * 65 + "@example.com"),
        ("email", "ann@" + "a." * 130 + "com"),
        ("email", None),
        ("first_name", ""),
        ("first_name", " "),
        ("surname", "two\nlines"),
        ("surname", "x" * 257),
    ],
)
def test_signup_that_breaks_a_rule_is_422_and_not_repeated(client: TestClient, field: str, value: object) -> None:
    answer = client.post(SIGNUP, json=ANN | {field: value})
    assert_problem(answer, 422, f"/{field}")
    assert PASSWORD not in answer.text
    if isinstance(value, str) and len(value) > 3:
        assert value not in answer.text


def test_lone_surrogate_in_a_password_is_422(client: TestClient, user: User) -> None:
    body = rb'{"email": "bob@example.com", "password": "\ud800 and twelve more"}'
    headers = {"Content-Type": "application/json"}
    assert client.post(SIGNUP, content=body, headers=headers).status_code == 422


@pytest.mark.parametrize("password", ["x" * 1024, "🐔" * 12, " spaces count ", "ünïcödé pässwörd", "a" * 80])
def test_password_may_be_anything_long_enough(client: TestClient, password: str) -> None:
    assert client.post(SIGNUP, json=ANN | {"password": password}).status_code == 201
    assert login(client, password=password).status_code == 200
    assert login(client, password=password[:-1]).status_code == 401
    assert login(client, password=password.strip() + "!").status_code == 401


# Signing in


@pytest.mark.parametrize("email", ["ann@example.com", "Ann@Example.com", "ANN@EXAMPLE.COM"])
def test_login_answers_a_token_and_is_kept_by_nobody(client: TestClient, user: User, email: str) -> None:
    answer = login(client, email)
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"


def test_all_that_a_client_of_the_standard_sends_is_understood(client: TestClient, user: User) -> None:
    form = {"grant_type": "password", "username": user.email, "password": PASSWORD, "scope": "", "client_id": "x"}
    assert client.post(LOGIN, data=form).status_code == 200


def refusals(client: TestClient, make_user: Callable[..., User]) -> dict[str, Callable[[], Response]]:
    make_user()
    make_user("gone", is_active=False)
    set_up(client, as_user(make_user("careful")))
    return {
        "wrong password": lambda: login(client, password="not " + PASSWORD),
        "wrong password before a second factor": lambda: login(client, "careful@example.com", "not " + PASSWORD),
        "no such account": lambda: login(client, "nobody@example.com"),
        "deactivated": lambda: login(client, "gone@example.com"),
    }


def test_each_refusal_of_a_login_reads_the_same(client: TestClient, make_user: Callable[..., User]) -> None:
    answers = [refuse() for refuse in refusals(client, make_user).values()]
    for answer in answers:
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Cache-Control"] == "no-store"
    first, *others = ({**answer.json(), "request_id": ""} for answer in answers)
    assert others == [first] * len(others)


def test_each_refusal_of_a_login_takes_the_same_time(
    client: TestClient, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = security.passwords.copy(argon2__memory_cost=19456, argon2__time_cost=2)
    monkeypatch.setattr(security, "passwords", real)
    refuse = refusals(client, make_user)
    seconds: dict[str, list[float]] = {name: [] for name in refuse}
    for _ in range(12):
        for name, one in refuse.items():
            start = time.process_time()
            assert one().status_code == 401
            seconds[name].append(time.process_time() - start)
    medians = [median(times[1:]) for times in seconds.values()]
    assert max(medians) < 1.5 * min(medians), seconds


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        (b"", ["/username", "/password"]),
        (b"username=ann%40example.com", ["/password"]),
        (b"username=ann%40example.com&password=nul%00", ["/password"]),
        (b"username=%00&password=x", ["/username"]),
        (b"username=a&password=x&grant_type=client_credentials", ["/grant_type"]),
        (b"username=a&password=" + b"x" * 5000, ["/password"]),
    ],
)
def test_login_form_that_breaks_a_rule_is_422(
    client: TestClient, user: User, content: bytes, pointers: list[str]
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_problem(client.post(LOGIN, content=content, headers=headers), 422, *pointers)


@pytest.mark.parametrize(
    "content",
    [
        b"username=\xff\xfe&password=\xff",
        b"username=%FF%FE&password=%ED%A0%80",
        b"username=%ED%A0%80%40example.com&password=%ff",
        b"&&&===",
        b"%",
        b"username=a" * 100,
        b"&".join(b"x%d=1" % number for number in range(5000)),
        b"username=a&username=b&password=c&password=d",
        b"\x00",
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"]
)
def test_hostile_login_form_is_no_5xx(client: TestClient, user: User, content: bytes, kind: str) -> None:
    answer = client.post(LOGIN, content=content, headers={"Content-Type": kind})
    assert_problem(answer, answer.status_code)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_login_with_another_body_than_a_form_is_415(client: TestClient, user: User, kind: str) -> None:
    body = b'{"username": "ann@example.com", "password": "correct horse battery staple"}'
    answer = client.post(LOGIN, content=body, headers={"Content-Type": kind})
    assert_problem(answer, 415)
    assert "form" in answer.json()["detail"]


def test_login_is_only_posted(client: TestClient) -> None:
    answer = client.get(LOGIN, params={"username": "ann@example.com", "password": PASSWORD})
    assert_problem(answer, 405)
    assert answer.headers["Allow"] == "POST"


# Old hashes


@pytest.fixture
def give_hash(session: Session, user: User) -> Callable[[str], None]:
    def give(hash: str) -> None:
        session.execute(update(User).where(User.id == user.id).values(hashed_password=hash))
        session.commit()

    return give


def stored_hash(session: Session, user: User) -> str:
    session.refresh(user)
    return user.hashed_password


def test_old_hash_is_replaced_at_login_and_ends_no_session(
    client: TestClient, session: Session, user: User, give_hash: Callable[[str], None]
) -> None:
    before = signed_in(client)
    give_hash(bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    assert login(client, password="not " + PASSWORD).status_code == 401
    assert stored_hash(session, user).startswith("$2b$")
    after = signed_in(client)
    assert stored_hash(session, user).startswith("$argon2id$")
    assert [status_of(client, headers) for headers in (before, after, signed_in(client))] == [200, 200, 200]


def test_right_hash_is_left_alone_at_login(client: TestClient, session: Session, user: User) -> None:
    before = stored_hash(session, user)
    signed_in(client)
    assert (stored_hash(session, user), user.version) == (before, 1)


@pytest.mark.parametrize("hash", ["", "garbage", "$argon2id$v=19$garbage", "$2b$garbage"])
def test_garbage_for_a_hash_lets_nobody_in(client: TestClient, give_hash: Callable[[str], None], hash: str) -> None:
    give_hash(hash)
    assert_problem(login(client), 401)


def test_password_that_changes_during_a_login_stays_changed(
    client: TestClient, session: Session, user: User, give_hash: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_hash(bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    verify = security.verify_password

    def verify_slowly(password: str, hash: str | None) -> tuple[bool, str | None]:
        new = "another long password"
        crud.user.set_password(session, user, new, security.hash_password(new))
        session.commit()
        return verify(password, hash)

    monkeypatch.setattr(security, "verify_password", verify_slowly)
    assert login(client).status_code == 401
    monkeypatch.undo()
    assert login(client).status_code == 401
    assert login(client, password="another long password").status_code == 200


# Being out


def changed(client: TestClient, user: User, superuser: User, **fields: Any) -> None:
    answer = client.patch(f"/api/v1/users/{user.id}", json=fields, headers=as_user(superuser))
    assert answer.status_code == 200, answer.text


def test_changed_password_ends_all_sessions_at_once(client: TestClient, user: User, superuser: User) -> None:
    sessions = [signed_in(client), signed_in(client)]
    changed(client, user, superuser, password="another long password")
    assert [status_of(client, one) for one in sessions] == [401, 401]
    assert login(client).status_code == 401
    assert status_of(client, signed_in(client, password="another long password")) == 200


def test_deactivated_user_is_out_at_once_and_for_good(client: TestClient, user: User, superuser: User) -> None:
    before = signed_in(client)
    changed(client, user, superuser, is_active=False)
    assert status_of(client, before) == 401
    assert login(client).status_code == 401
    changed(client, user, superuser, is_active=True)
    assert status_of(client, before) == 401, "what was ended does not come back"
    assert status_of(client, signed_in(client)) == 200


def test_deleted_user_is_out_at_once_and_nobody_inherits_his_token(
    client: TestClient, user: User, superuser: User
) -> None:
    before = signed_in(client)
    newest = client.post(SIGNUP, json=ANN | {"email": "bob@example.com"}).json()["id"]
    tokens = [before, signed_in(client, "bob@example.com")]
    for id in (user.id, newest):
        assert client.delete(f"/api/v1/users/{id}", headers=as_user(superuser)).status_code == 204
    for email in ("ann@example.com", "bob@example.com", "cleo@example.com"):
        assert client.post(SIGNUP, json=ANN | {"email": email}).json()["id"] > newest
    assert [status_of(client, one) for one in tokens] == [401, 401]


def test_other_changes_end_no_session(client: TestClient, user: User, superuser: User) -> None:
    before = signed_in(client)
    changed(client, user, superuser, first_name="Annie", email="annie@example.com", is_active=True)
    assert client.get(ME, headers=before).json()["email"] == "annie@example.com"


def test_demoted_superuser_has_no_rights_from_then_on(
    client: TestClient, make_user: Callable[..., User], superuser: User
) -> None:
    ann = make_user(is_superuser=True)
    headers = signed_in(client)
    assert client.get("/api/v1/users", headers=headers).status_code == 200
    changed(client, ann, superuser, is_superuser=False)
    assert_problem(client.get("/api/v1/users", headers=headers), 403)


@pytest.mark.parametrize("path", [ME, "/api/v1/recipes", "/api/v1/users"])
def test_ended_session_is_401_wherever_it_is_shown(client: TestClient, user: User, superuser: User, path: str) -> None:
    before = as_user(user)
    changed(client, user, superuser, is_active=False)
    answer = client.get(path, headers=before)
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_me_without_a_token_is_401(client: TestClient) -> None:
    answer = client.get(ME)
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
