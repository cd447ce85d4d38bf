"""The trail of an account: what happened to it is there for its owner, and nothing secret is."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.crud import trail
from app.db.base import utc_now
from app.models import Event, User
from tests.api.test_auth import changed, login
from tests.api.test_recipes import assert_problem
from tests.api.test_sessions import LOGOUT, REFRESH, SESSIONS, headers_of, refreshed
from tests.conftest import PASSWORD, as_user

EVENTS = "/api/v1/auth/events"


def events_of(client: TestClient, user: User) -> list[tuple[str, str | None]]:
    """What happened and what is said about it, the newest first, without the session that asks."""
    items = client.get(EVENTS, params={"sort": "-id", "limit": 100}, headers=as_user(user)).json()["items"]
    return [(item["what"], item["detail"]) for item in items[1:]]


def test_sign_ins_and_what_becomes_of_them_are_told(client: TestClient, user: User) -> None:
    login(client, password="not " + PASSWORD)
    first, second = login(client).json(), login(client).json()
    client.post(LOGOUT, headers=headers_of(first))
    refreshed(client, refreshed(client, second))
    assert client.post(REFRESH, json={"refresh_token": second["refresh_token"]}).status_code == 401
    client.delete(SESSIONS, headers=headers_of(login(client).json()))
    happened = ["account_opened", "sign_in_failed", "signed_in", "signed_in", "session_ended"]
    happened += ["refresh_token_reused", "signed_in", "all_sessions_ended"]
    assert events_of(client, user) == [(what, None) for what in reversed(happened)]


def test_event_says_where_it_came_from(client: TestClient, user: User) -> None:
    form = {"username": user.email, "password": "wrong"}
    client.post("/api/v1/auth/login", data=form, headers={"User-Agent": "A thief's browser"})
    failed = client.get(EVENTS, params={"what": "sign_in_failed"}, headers=as_user(user)).json()["items"]
    assert [(item["address"], item["device"], item["actor_id"]) for item in failed] == [
        ("testclient", "A thief's browser", None)
    ]


def test_what_somebody_else_did_names_him(client: TestClient, user: User, superuser: User) -> None:
    changes = (
        {"roles": ["editor", "manager"]},
        {"roles": ["manager"], "is_superuser": True},
        {"is_superuser": False, "email": "annie@example.com"},
        {"is_active": False},
        {"is_active": True, "password": "another long password"},
        {"first_name": "Annie", "email": "annie@example.com", "is_active": True, "roles": ["manager"]},
    )
    for change in changes:
        changed(client, user, superuser, **change)
    user.token_generation = 3  # as the changes have made it
    listed = client.get(EVENTS, params={"sort": "id"}, headers=as_user(user)).json()["items"][1:-1]
    assert [(item["what"], item["detail"]) for item in listed] == [
        ("right_given", "editor"),
        ("right_given", "manager"),
        ("right_given", "superuser"),
        ("right_taken", "editor"),
        ("email_changed", None),
        ("right_taken", "superuser"),
        ("account_deactivated", None),
        ("password_changed", None),
        ("account_activated", None),
    ]
    assert {item["actor_id"] for item in listed} == {superuser.id}


def test_change_that_fails_is_not_told(client: TestClient, user: User, superuser: User) -> None:
    stale = as_user(superuser) | {"If-Match": '"7"'}
    assert client.patch(f"/api/v1/users/{user.id}", json={"roles": ["editor"]}, headers=stale).status_code == 412
    assert events_of(client, user) == [("account_opened", None)]


def test_who_removes_an_account_has_it_in_his_trail(client: TestClient, user: User, superuser: User) -> None:
    assert client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)).status_code == 204
    assert events_of(client, superuser)[0] == ("account_deleted", f"account {user.id}")


def test_superuser_may_remove_himself(client: TestClient, make_user: Callable[..., User], superuser: User) -> None:
    ann = make_user(is_superuser=True)
    assert client.delete(f"/api/v1/users/{ann.id}", headers=as_user(ann)).status_code == 204


def test_failed_sign_in_is_told_though_all_else_is_rolled_back(
    client: TestClient, session: Session, make_user: Callable[..., User]
) -> None:
    make_user(is_active=False)
    for email in ("ann@example.com", "nobody@example.com"):
        assert login(client, email).status_code == 401
    told = session.scalars(select(Event.user_id).where(Event.what == "sign_in_failed").order_by(Event.id)).all()
    assert told == [session.scalar(select(User.id)), None], "whether or not there is an account, as much is written"


@pytest.mark.usefixtures("limits")
def test_lockout_is_told_once(client: TestClient, user: User) -> None:
    statuses = [login(client, password="not " + PASSWORD).status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert events_of(client, user)[:6] == [("locked_out", None), *[("sign_in_failed", None)] * 5]


def test_password_that_does_not_confirm_is_told(client: TestClient, user: User) -> None:
    wrong = {"current_password": "not " + PASSWORD, "password": "another long password"}
    assert client.post("/api/v1/auth/password", json=wrong, headers=as_user(user)).status_code == 403
    assert events_of(client, user)[0] == ("password_not_confirmed", None)


def test_signing_up_is_told(client: TestClient) -> None:
    account = {"email": "ann@example.com", "password": PASSWORD}
    id = client.post("/api/v1/auth/signup", json=account).json()["id"]
    assert events_of(client, User(id=id, token_generation=1, is_superuser=False, roles="")) == [
        ("account_opened", None)
    ]


def test_nobody_sees_the_events_of_others(client: TestClient, user: User, superuser: User) -> None:
    own = client.get(EVENTS, headers=as_user(user)).json()["items"]
    for path in (f"{EVENTS}/{own[0]['id']}", f"{EVENTS}/999999999"):
        assert_problem(client.get(path, headers=as_user(superuser)), 404)
    others = client.get(f"{EVENTS}/export?format=jsonl", headers=as_user(superuser)).text
    assert {json.loads(line)["id"] for line in others.splitlines()}.isdisjoint(item["id"] for item in own)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_nobody_writes_events(client: TestClient, user: User, method: str) -> None:
    headers = as_user(user)
    id = client.get(EVENTS, headers=headers).json()["items"][0]["id"]
    for path in (EVENTS, f"{EVENTS}/{id}"):
        assert client.request(method, path, json={}, headers=headers).status_code == 405


def test_no_secret_is_in_the_trail_or_in_the_log(client: TestClient, session: Session, user: User) -> None:
    secrets = ["not the right password", "typed into the wrong field", PASSWORD]
    with structlog.testing.capture_logs() as lines:
        login(client, password=secrets[0])
        login(client, email=secrets[1])
        tokens = login(client).json()
        tokens = refreshed(client, tokens) | {"old": tokens["refresh_token"]}
        client.post(LOGOUT, headers=headers_of(tokens))
    secrets += [tokens["access_token"], tokens["refresh_token"], tokens["old"]]
    told = [line for line in lines if line["event"] == "security event"]
    assert [line["what"] for line in told] == ["sign_in_failed", "sign_in_failed", "signed_in", "session_ended"]
    assert [line["user_id"] for line in told] == [user.id, None, user.id, user.id]
    rows = [tuple(row) for row in session.execute(select(Event.__table__))]
    for secret in secrets:
        assert secret not in repr(lines)
        assert secret not in repr(rows)


def test_old_events_are_swept(client: TestClient, session: Session, user: User) -> None:
    session.execute(update(Event).values(created_at=utc_now() - trail.KEPT - timedelta(days=1)))
    login(client)
    assert trail.sweep(session) == 1
    assert session.scalar(select(func.count()).select_from(Event)) == 1
