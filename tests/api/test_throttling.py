"""Wrong passwords are limited, right ones are not, and nobody locks the owner of an account out where he is known."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from limits import parse

from app.api import throttling
from app.api.hashing import hashing
from app.api.rate_limit import RateLimit, limits_among
from app.core import one_time, security
from app.core.one_time import Purpose
from app.crud.proof import proof
from app.main import app
from app.models import User
from tests.api.test_auth import LOGIN, SIGNUP
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, ROOT, as_user
from tests.support.clock import Clock

pytestmark = pytest.mark.usefixtures("limits", "client")

TABLES = [value for value in vars(throttling).values() if isinstance(value, tuple)]

QUARTER = 900
HOME, OFFICE, AWAY = "203.0.113.1", "203.0.113.2", "198.51.100.9"


def login(address: str, password: str = PASSWORD, email: str = "ann@example.com") -> Response:
    client = TestClient(app, client=(address, 50000))
    return client.post(LOGIN, data={"username": email, "password": password})


def guesses(number: int, address: str, email: str = "ann@example.com") -> list[int]:
    return [login(address, f"not {PASSWORD}", email).status_code for _ in range(number)]


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The hashes that passwords were compared with."""
    hashes: list[str | None] = []
    verify = security.verify_password

    def count(password: str, hash: str | None) -> tuple[bool, str | None]:
        hashes.append(hash)
        return verify(password, hash)

    monkeypatch.setattr(security, "verify_password", count)
    return hashes


def test_strangers_have_five_tries_together(user: User) -> None:
    assert guesses(3, AWAY) + guesses(4, OFFICE) == [401] * 5 + [429] * 2
    answer = login(AWAY)
    assert_problem(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= QUARTER
    assert '"sign-in-stranger";r=0;t=' in answer.headers["RateLimit"]


@pytest.mark.parametrize("known", [False, True])
def test_wrong_passwords_cost_few_verifications(
    user: User, verifications: list[str | None], limits: Clock, known: bool
) -> None:
    if known:
        assert login(HOME).status_code == 200
        verifications.clear()
    for number in range(200):
        guesses(1, HOME if number % 10 == 0 else f"198.51.100.{number % 50}")
        limits.now += QUARTER / 200
    assert len(verifications) <= (20 if known else 10)


def test_nobody_locks_the_owner_out_where_he_is_known(user: User, limits: Clock) -> None:
    assert login(HOME).status_code == 200
    for _ in range(4):
        guesses(30, AWAY)
        assert [login(HOME).status_code, login(AWAY).status_code] == [200, 429]
        limits.now += QUARTER / 4


def test_owner_in_an_unknown_place_waits_for_a_quarter_at_most(user: User, limits: Clock) -> None:
    guesses(30, AWAY)
    answer = login(HOME)
    assert answer.status_code == 429
    limits.now += int(answer.headers["Retry-After"])
    assert login(HOME).status_code == 200


def test_known_place_has_a_limit_too(user: User, verifications: list[str | None]) -> None:
    assert login(HOME).status_code == 200
    verifications.clear()
    assert guesses(12, HOME) == [401] * 10 + [429] * 2
    assert login(HOME).status_code == 429
    assert len(verifications) == 10


def test_place_is_known_for_a_month_from_the_last_time(user: User, limits: Clock) -> None:
    day = 24 * 3600
    for _ in range(2):
        assert login(HOME).status_code == 200
        limits.now += 29 * day
    guesses(10, AWAY)
    assert login(HOME).status_code == 200
    limits.now += 31 * day
    guesses(10, AWAY)
    assert login(HOME).status_code == 429


def test_right_passwords_lock_nobody_out(user: User) -> None:
    assert [login(HOME).status_code for _ in range(30)] == [200] * 30
    guesses(4, OFFICE)
    assert [login(OFFICE).status_code for _ in range(30)] == [200] * 30
    assert guesses(11, OFFICE) == [401] * 6 + [429] * 5, "and those before them still count"


def test_existing_missing_and_deactivated_accounts_are_limited_alike(make_user: Callable[..., User]) -> None:
    make_user()
    make_user("gone", is_active=False)
    answers = []
    for number, name in enumerate(("ann", "nobody", "gone")):
        one = [login(f"203.0.113.{number}", "not " + PASSWORD, f"{name}@example.com") for _ in range(7)]
        answers.append([(answer.status_code, answer.headers["RateLimit"]) for answer in one])
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("email", ["ANN@example.com", "Ann@Example.Com"])
def test_spelling_of_an_email_gives_no_more_tries(user: User, email: str) -> None:
    assert guesses(5, AWAY) == [401] * 5
    assert guesses(1, AWAY, email) == [429]


def test_one_source_has_a_hundred_tries_for_all_accounts(user: User) -> None:
    assert login(HOME).status_code == 200
    tries = [status for number in range(21) for status in guesses(5, HOME, f"number{number}@example.com")]
    assert tries == [401] * 100 + [429] * 5
    assert login(HOME).status_code == 200, "but he is known there"
    assert guesses(1, AWAY, "number30@example.com") == [401]


@pytest.mark.parametrize("content", [b"", b"username=ann%40example.com", b"username=ann%40example.com&password=%00"])
def test_what_is_no_password_costs_no_try(user: User, content: bytes) -> None:
    client = TestClient(app, client=(AWAY, 50000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(10):
        assert client.post(LOGIN, content=content, headers=headers).status_code == 422
    assert guesses(6, AWAY) == [401] * 5 + [429]


def test_too_many_at_once_are_503_and_not_counted(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing._line, "_free", 0)
    for _ in range(10):
        answer = login(AWAY)
        assert_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
    answer = TestClient(app).post(SIGNUP, json={"email": "new@example.com", "password": PASSWORD})
    assert_problem(answer, 503)
    monkeypatch.undo()
    assert login(AWAY).status_code == 200


def test_line_is_as_long_as_it_was_once_all_had_their_turn(user: User) -> None:
    room = hashing._line._free
    login(HOME)
    guesses(2, HOME)
    assert hashing._line._free == room


def test_who_hangs_up_has_had_his_try(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": LOGIN, "query_string": b"", "headers": headers}
    begun, gone = threading.Event(), threading.Event()

    def verify(password: str, hash: str | None) -> tuple[bool, str | None]:
        begun.set()
        gone.wait(5)
        return False, None

    async def receive() -> Any:
        return {"type": "http.request", "body": b"username=ann%40example.com&password=wrong"}

    async def send(message: object) -> None:
        raise AssertionError("nobody is there to answer")

    async def hang_up() -> None:
        request = asyncio.create_task(app({**scope, "client": (AWAY, 50000)}, receive, send))
        await asyncio.to_thread(begun.wait, 5)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        gone.set()

    monkeypatch.setattr(security, "verify_password", verify)
    for _ in range(5):
        begun.clear()
        gone.clear()
        asyncio.run(hang_up())
    assert guesses(1, AWAY) == [429]


LIMITED: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "signup": ("signup", {"email": "ann@example.com", "password": PASSWORD}, {"sign-up"}),
    "refresh": ("refresh", {"refresh_token": "x"}, {"refresh", "refresh-token"}),
    "reset": ("password-reset", {"email": "ann@example.com"}, {"reset", "reset-account"}),
    "reset, confirmed": ("password-reset/confirm", {"token": "x", "password": PASSWORD}, {"reset-confirm"}),
    "password": ("password", {"current_password": "wrong", "password": PASSWORD}, {"password-change"}),
    "verify": ("verify-email", {"email": "ann@example.com"}, {"verify", "verify-account"}),
    "verify, confirmed": ("verify-email/confirm", {"token": "x"}, {"verify-confirm"}),
    "email": ("email", {"email": "b@example.com", "current_password": "wrong"}, {"email-change"}),
    "email, confirmed": ("email/confirm", {"token": "x"}, {"verify-confirm"}),
}


@pytest.mark.parametrize("name", LIMITED)
def test_all_else_about_accounts_is_limited(user: User, name: str) -> None:
    path, body, policies = LIMITED[name]
    client, headers = TestClient(app, client=(AWAY, 50000)), as_user(user)

    def ask() -> Response:
        return client.post(f"/api/v1/auth/{path}", json=body, headers=headers)

    first = ask()
    assert first.status_code != 429
    limits = {one.split('"')[1]: int(one.split(";r=")[1].split(";")[0]) for one in first.headers.get_list("RateLimit")}
    assert limits.keys() == policies
    assert [ask().status_code for _ in range(min(limits.values()))] == [first.status_code] * min(limits.values())
    assert_problem(ask(), 429)


def test_who_resets_his_password_is_known_where_he_does(user: User, verifications: list[str | None]) -> None:
    guesses(30, AWAY)
    assert login(HOME).status_code == 429
    token = one_time.write(Purpose.reset_password, proof(Purpose.reset_password, user))
    body = {"token": token, "password": "another long sentence"}
    client = TestClient(app, client=(HOME, 50000))
    assert client.post("/api/v1/auth/password-reset/confirm", json=body).status_code == 204
    assert login(HOME, "another long sentence").status_code == 200
    assert login(OFFICE, "another long sentence").status_code == 429


def test_made_up_token_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing._line, "_free", 0)
    body = {"token": "x", "password": PASSWORD}
    assert_problem(TestClient(app).post("/api/v1/auth/password-reset/confirm", json=body), 400, "/token")


def test_table_of_limits_is_true() -> None:
    names = {value.name for value in vars(throttling).values() if isinstance(value, RateLimit)}
    limits = {limit.name: f"{parse(limit._limit)}" for one in TABLES for limit in limits_among(one)}
    assert limits.keys() >= names
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) in (\w.*?) \|", (ROOT / "docs/accounts.md").read_text(), re.MULTILINE)
    words = {"15 minutes": "15 minute", "a minute": "1 minute", "an hour": "1 hour"}
    assert {name: f"{number} per {words[window]}" for name, number, window in rows} == limits
