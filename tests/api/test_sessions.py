"""Sessions: they go on for as long as they should, end when they should, and a stolen token is found out."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jose.jwt
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from app import sweeps
from app.core.refresh_token import RefreshToken
from app.db.base import utc_now
from app.models import LoginSession, User
from tests.api.live import live
from tests.api.test_auth import changed, login, signed_in, status_of
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user

REFRESH, LOGOUT, SESSIONS = "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/sessions"

Tokens = dict[str, Any]


def refresh(client: TestClient, tokens: Tokens) -> Response:
    return client.post(REFRESH, json={"refresh_token": tokens["refresh_token"]})


def refreshed(client: TestClient, tokens: Tokens) -> Tokens:
    answer = refresh(client, tokens)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def headers_of(tokens: Tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@pytest.fixture
def tokens(client: TestClient, user: User) -> Tokens:
    return dict(login(client).json())


@pytest.fixture
def later(session: Session) -> Callable[[timedelta], None]:
    """Lets time pass for all sessions."""

    def let_pass(time: timedelta) -> None:
        for row in session.scalars(select(LoginSession).execution_options(populate_existing=True)):
            row.last_used_at -= time
            row.expires_at -= time
        session.commit()

    return let_pass


# Going on


def test_session_goes_on_with_another_token_each_time(client: TestClient, tokens: Tokens) -> None:
    seen = {tokens["refresh_token"]}
    for _ in range(5):
        tokens = refreshed(client, tokens)
        assert status_of(client, headers_of(tokens)) == 200
        seen.add(tokens["refresh_token"])
    assert len(seen) == 6
    assert len(client.get(SESSIONS, headers=headers_of(tokens)).json()["items"]) == 1


def test_refresh_answers_as_a_login_does(client: TestClient, tokens: Tokens) -> None:
    answer = refresh(client, tokens)
    assert answer.json().keys() == tokens.keys()
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"


def test_token_that_is_used_again_ends_its_session_for_whoever_has_it(client: TestClient, tokens: Tokens) -> None:
    thief = refreshed(client, tokens)
    thief = refreshed(client, thief)
    assert_problem(refresh(client, tokens), 401)
    assert status_of(client, headers_of(thief)) == 401
    assert_problem(refresh(client, thief), 401)


def test_old_token_ends_only_its_own_session(client: TestClient, tokens: Tokens) -> None:
    other = login(client).json()
    refreshed(client, refreshed(client, tokens))
    assert refresh(client, tokens).status_code == 401
    assert status_of(client, headers_of(refreshed(client, other))) == 200


def test_lost_answer_is_given_again_and_is_the_same(client: TestClient, tokens: Tokens) -> None:
    lost = refreshed(client, tokens)
    again = refreshed(client, tokens)
    assert again["refresh_token"] == lost["refresh_token"]
    assert status_of(client, headers_of(again)) == status_of(client, headers_of(lost)) == 200
    assert status_of(client, headers_of(refreshed(client, again))) == 200


@pytest.mark.parametrize(("seconds", "status"), [(8, 200), (11, 401)])
def test_lost_answer_is_given_again_for_ten_seconds(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None], seconds: int, status: int
) -> None:
    new = refreshed(client, tokens)
    later(timedelta(seconds=seconds))
    assert refresh(client, tokens).status_code == status
    assert status_of(client, headers_of(new)) == status


def test_retries_do_not_make_the_ten_seconds_longer(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    refreshed(client, tokens)
    later(timedelta(seconds=6))
    refreshed(client, tokens)
    later(timedelta(seconds=6))
    assert refresh(client, tokens).status_code == 401


def test_answer_is_not_given_again_once_it_was_used(client: TestClient, tokens: Tokens) -> None:
    new = refreshed(client, refreshed(client, tokens))
    assert refresh(client, tokens).status_code == 401
    assert status_of(client, headers_of(new)) == 401


@pytest.fixture
def real(engine: Engine, lifespan: TestClient) -> Iterator[TestClient]:
    with live(engine):
        yield lifespan


def test_of_refreshes_at_the_same_moment_all_get_the_same(real: TestClient) -> None:
    real.post("/api/v1/auth/signup", json={"email": "ann@example.com", "password": PASSWORD})
    tokens = login(real).json()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            answers = [*threads.map(lambda tokens: refreshed(real, tokens), [tokens] * 8)]
            assert len({answer["refresh_token"] for answer in answers}) == 1
            tokens = answers[0]
    assert status_of(real, headers_of(tokens)) == 200


def test_two_who_have_the_same_token_do_not_both_go_on(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    owner = thief = tokens
    owner, thief = refreshed(client, owner), refreshed(client, thief)
    later(timedelta(minutes=14))
    owner = refreshed(client, owner)
    later(timedelta(minutes=1))
    assert refresh(client, thief).status_code == 401
    assert refresh(client, owner).status_code == 401


# Forgeries

NEW = str(RefreshToken.new())


@pytest.mark.parametrize(
    "text",
    [
        NEW,
        NEW[:-1],
        NEW + "A",
        NEW + "==",
        NEW[:-1] + "B",
        "x",
        "é" * 86,
        f" {NEW[1:]}",
        NEW[:-2] + "+A",
        "." * 86,
    ],
    ids=range(10),
)
def test_forged_refresh_token_is_401(client: TestClient, tokens: Tokens, text: str) -> None:
    answer = client.post(REFRESH, json={"refresh_token": text})
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert text not in answer.text
    refreshed(client, tokens)


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}, {"refresh_token": 1}, {"refresh_token": ""}, [], "x"])
def test_refresh_without_a_token_is_422(client: TestClient, body: object) -> None:
    assert client.post(REFRESH, json=body).status_code == 422


def test_access_token_refreshes_nothing_and_the_other_way_round(client: TestClient, tokens: Tokens) -> None:
    assert refresh(client, {"refresh_token": tokens["access_token"]}).status_code == 401
    assert status_of(client, {"Authorization": f"Bearer {tokens['refresh_token']}"}) == 401


def test_database_does_not_hold_what_a_session_is_continued_with(
    client: TestClient, session: Session, tokens: Tokens
) -> None:
    token = RefreshToken.read(tokens["refresh_token"])
    row = session.scalars(select(LoginSession)).one()
    for part in (token.family, token.secret):
        assert part not in (row.family_hash, row.secret_hash)
        assert repr(part) not in repr(token)


# Ending


def test_logout_ends_the_session_at_once(client: TestClient, tokens: Tokens) -> None:
    other = login(client).json()
    answer = client.post(LOGOUT, headers=headers_of(tokens))
    assert (answer.status_code, answer.content) == (204, b"")
    assert status_of(client, headers_of(tokens)) == 401
    assert refresh(client, tokens).status_code == 401
    assert_problem(client.post(LOGOUT, headers=headers_of(tokens)), 401)
    assert status_of(client, headers_of(other)) == 200


@pytest.mark.parametrize(
    "end",
    [
        lambda client, user, superuser: changed(client, user, superuser, password="another long password"),
        lambda client, user, superuser: changed(client, user, superuser, is_active=False),
        lambda client, user, superuser: client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)),
        lambda client, user, _: client.delete(SESSIONS, headers=as_user(user)),
    ],
    ids=["password changed", "deactivated", "deleted", "all ended"],
)
def test_what_ends_all_sessions_ends_their_refresh_tokens_too(
    client: TestClient, user: User, superuser: User, tokens: Tokens, end: Callable[..., object]
) -> None:
    end(client, user, superuser)
    assert status_of(client, headers_of(tokens)) == 401
    assert_problem(refresh(client, tokens), 401)


def test_token_of_the_same_second_as_a_new_password_is_good(client: TestClient, user: User, superuser: User) -> None:
    for number in range(5):
        changed(client, user, superuser, password=f"another long password {number}")
        new = signed_in(client, password=f"another long password {number}")
        assert status_of(client, new) == 200


def test_session_ends_after_its_lifetime_whatever_is_done(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    for _ in range(3):
        later(timedelta(days=9.9))
        tokens = refreshed(client, tokens)
    later(timedelta(days=0.4))
    assert_problem(refresh(client, tokens), 401)


def test_access_token_ends_with_its_session(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    for _ in range(2):
        later(timedelta(days=13))
        tokens = refreshed(client, tokens)
    later(timedelta(days=4) - timedelta(minutes=2))
    tokens = refreshed(client, tokens)
    claims = jose.jwt.get_unverified_claims(tokens["access_token"])
    assert 0 < claims["exp"] - claims["iat"] == tokens["expires_in"] <= 120
    assert claims["exp"] <= time.time() + 120


def test_session_that_is_not_used_ends(client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]) -> None:
    later(timedelta(days=13.9))
    tokens = refreshed(client, tokens)
    later(timedelta(days=14.1))
    assert_problem(refresh(client, tokens), 401)


def test_expired_sessions_are_swept_and_others_stay(
    client: TestClient, session: Session, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    later(timedelta(days=31))
    login(client)
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 2
    sweeps.sweep_all()
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 1


# Where somebody is signed in


def test_sessions_are_listed_with_what_tells_them_apart(client: TestClient, user: User) -> None:
    agents = ["Kitchen tablet/1.0", "x" * 300, "odd \x7f"]
    form = {"username": user.email, "password": PASSWORD}
    for agent in agents:
        login = client.post("/api/v1/auth/login", data=form, headers={"User-Agent": agent})
    before = utc_now() - timedelta(seconds=5)
    listed = client.get(SESSIONS, headers=headers_of(login.json())).json()
    assert [item["device"] for item in listed["items"]] == ["odd ?", "x" * 256, "Kitchen tablet/1.0"]
    assert listed["current_id"] == listed["items"][0]["id"]
    for item in listed["items"]:
        assert item.keys() == {"id", "device", "address", "created_at", "last_used_at", "expires_at"}
        assert item["address"] == "testclient"
        assert item["created_at"] > before.isoformat()


def test_refresh_says_where_and_when_a_session_was_last_used(
    client: TestClient, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    later(timedelta(hours=1))
    old = client.get(SESSIONS, headers=headers_of(tokens)).json()["items"][0]
    answer = client.post(
        REFRESH, json={"refresh_token": tokens["refresh_token"]}, headers={"User-Agent": "Newer browser"}
    )
    new = client.get(SESSIONS, headers=headers_of(answer.json())).json()["items"][0]
    assert new["device"] == "Newer browser"
    assert new["last_used_at"] > old["last_used_at"]
    assert (new["id"], new["expires_at"]) == (old["id"], old["expires_at"])


def test_only_sessions_that_live_are_listed(
    client: TestClient, user: User, superuser: User, tokens: Tokens, later: Callable[[timedelta], None]
) -> None:
    later(timedelta(days=15))
    login(client)
    changed(client, user, superuser, password="another long password")
    newest = login(client, password="another long password").json()
    assert len(client.get(SESSIONS, headers=headers_of(newest)).json()["items"]) == 1


def test_one_session_is_ended_by_its_owner_and_nobody_else(
    client: TestClient, user: User, superuser: User, tokens: Tokens
) -> None:
    listed = client.get(SESSIONS, headers=headers_of(tokens)).json()
    path = f"{SESSIONS}/{listed['current_id']}"
    assert_problem(client.delete(path, headers=as_user(superuser)), 404)
    assert_problem(client.delete(f"{SESSIONS}/999999999", headers=headers_of(tokens)), 404)
    assert status_of(client, headers_of(tokens)) == 200
    other = as_user(user)
    assert client.delete(path, headers=other).status_code == 204
    assert status_of(client, headers_of(tokens)) == 401
    assert status_of(client, other) == 200


def test_all_sessions_are_ended_with_the_one_that_asks(client: TestClient, user: User, superuser: User) -> None:
    own, others = [as_user(user) for _ in range(3)], as_user(superuser)
    assert client.delete(SESSIONS, headers=own[0]).status_code == 204
    assert [status_of(client, one) for one in [*own, others]] == [401, 401, 401, 200]


# What it costs


def test_who_is_signed_in_costs_one_statement_and_writes_nothing(
    client: TestClient, session: Session, engine: Engine, user: User
) -> None:
    headers = as_user(user)
    before = session.execute(select(LoginSession.__table__)).all()
    said: list[str] = []

    def listen(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        client.get("/api/v1/recipes")
        anonymous = len([one for one in said if "SAVEPOINT" not in one])
        said.clear()
        client.get("/api/v1/recipes", headers=headers)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    said = [one for one in said if "SAVEPOINT" not in one]
    assert len(said) == anonymous + 1
    assert all(one.startswith("SELECT") for one in said)
    assert session.execute(select(LoginSession.__table__)).all() == before
