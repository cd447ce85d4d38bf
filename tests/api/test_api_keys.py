"""Keys for machines: shown once, good for what they say and while their owner may."""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, select, update
from sqlalchemy.orm import Session

from app import crud
from app.api import noting
from app.core.api_key import ApiKey as Secret
from app.core.errors import Unavailable
from app.core.scopes import Scope
from app.crud import key_uses
from app.db.base import utc_now
from app.models import ApiKey, IdempotencyKey, User
from tests.api.test_auth import ME, changed
from tests.api.test_recipes import SOUP, assert_problem
from tests.conftest import as_user, with_key

KEYS, RECIPES = "/api/v1/auth/api-keys", "/api/v1/recipes"
SCALES = {"name": "The scales", "scopes": ["recipes:read", "recipes:write"]}


def made(client: TestClient, user: User, **fields: Any) -> dict[str, Any]:
    answer = client.post(KEYS, json=SCALES | fields, headers=as_user(user))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def status_of(client: TestClient, key: str) -> int:
    return client.get(RECIPES, headers={"X-API-Key": key}).status_code


# Made


def test_key_is_shown_once(client: TestClient, session: Session, user: User) -> None:
    key = made(client, user)
    assert re.fullmatch(r"larder_[0-9A-Za-z]{49}", key["key"])
    assert key | SCALES | {"hint": key["key"][:11], "last_used_at": None} == key
    for answer in (client.get(KEYS, headers=as_user(user)), client.get(f"{KEYS}/{key['id']}", headers=as_user(user))):
        assert key["key"] not in answer.text
        assert "hash" not in answer.text
    row = session.scalars(select(ApiKey)).one()
    assert key["key"].encode() not in repr(vars(row)).encode()


def test_key_is_good_in_either_header(client: TestClient, user: User) -> None:
    for header in ("X-API-Key", "Authorization"):
        headers = with_key(user, "recipes:write", "account:read", header=header)
        created = client.post(RECIPES, json=SOUP, headers=headers)
        assert created.json()["submitter_id"] == user.id
        assert client.get(ME, headers=headers).json()["id"] == user.id


def test_key_and_token_together_are_401(client: TestClient, user: User) -> None:
    assert_problem(client.get(RECIPES, headers=with_key(user, "recipes:read") | as_user(user)), 401)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "two\nlines"),
        ("scopes", []),
        ("scopes", ["account:write"]),
        ("scopes", ["everything"]),
        ("scopes", "recipes:read"),
        ("scopes", ["recipes:read"] * (len(Scope) + 1)),
        ("scopes", [None]),
        ("expires_in_days", 0),
        ("expires_in_days", 367),
        ("expires_in_days", 10**400),
        ("expires_in_days", 1.5),
        ("expires_in_days", None),
        ("expires_at", "2099-01-01T00:00:00Z"),
        ("user_id", 1),
        ("hash", "x"),
        ("key", "larder_mine"),
    ],
)
def test_key_that_breaks_a_rule_is_422(client: TestClient, user: User, field: str, value: object) -> None:
    assert client.post(KEYS, json=SCALES | {field: value}, headers=as_user(user)).status_code == 422


def test_key_may_do_no_more_than_who_makes_it(client: TestClient, user: User, superuser: User) -> None:
    more = SCALES | {"scopes": ["recipes:read", "users:admin"]}
    assert_problem(client.post(KEYS, json=more, headers=as_user(user)), 403)
    assert_problem(client.post(KEYS, json=SCALES, headers=as_user(user, "account:write recipes:read")), 403)
    assert_problem(client.post(KEYS, json=more, headers=as_user(superuser, "account:write")), 403)
    assert client.post(KEYS, json=more, headers=as_user(superuser)).status_code == 201


def test_answer_with_a_key_is_not_kept_to_be_given_again(client: TestClient, session: Session, user: User) -> None:
    headers = as_user(user) | {"Idempotency-Key": "the same"}
    first, second = (client.post(KEYS, json=SCALES, headers=headers) for _ in range(2))
    assert first.json()["key"] != second.json()["key"]
    assert session.scalars(select(IdempotencyKey)).all() == []


# Forged

GOOD = Secret.new().text


@pytest.mark.parametrize(
    "key",
    [
        GOOD,
        GOOD[:-1],
        GOOD + "0",
        GOOD[:-1] + ("1" if GOOD[-1] == "0" else "0"),
        GOOD.replace("larder_", "Larder_"),
        GOOD.replace("larder_", ""),
        "larder_",
        "larder_" + "é" * 49,
        "larder_" + "0" * 100_000,
        "larder_' OR 1=1 --",
        "",
        "x",
    ],
    ids=range(12),
)
def test_forged_key_is_401(client: TestClient, user: User, key: str) -> None:
    with_key(user, "recipes:read")
    for header in ((b"X-API-Key", key.encode()), (b"Authorization", f"Bearer {key}".encode())):
        answer = client.get(RECIPES, headers=[header])
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


# What it may do


def test_key_makes_no_keys_and_changes_no_account(client: TestClient, superuser: User) -> None:
    scopes = sorted(scope for scope in superuser.scopes if scope != "account:write")
    headers = with_key(superuser, *scopes)
    password = {"current_password": "x", "password": "another long password"}
    for method, path, body in (
        ("POST", KEYS, SCALES),
        ("DELETE", f"{KEYS}/1", None),
        ("POST", "/api/v1/auth/password", password),
        ("POST", "/api/v1/auth/email", {"email": "me@example.com", "current_password": "x"}),
        ("POST", "/api/v1/auth/logout", None),
        ("DELETE", "/api/v1/auth/sessions", None),
        ("PATCH", f"/api/v1/users/{superuser.id}", {"password": "another long password"}),
        ("POST", "/api/v1/users", {"email": "me@example.com", "password": "another long one", "is_superuser": True}),
        ("GET", "/api/v1/recipes/ideas/async", None),
    ):
        assert client.request(method, path, json=body, headers=headers).status_code == 403, path


def test_right_that_its_owner_loses_is_gone_from_the_key(
    client: TestClient, make_user: Callable[..., User], superuser: User
) -> None:
    ann = make_user(roles=["manager"])
    key = with_key(ann, "users:admin", "recipes:read")
    assert client.get("/api/v1/users", headers=key).status_code == 200
    changed(client, ann, superuser, roles=[])
    assert_problem(client.get("/api/v1/users", headers=key), 403)
    assert client.get(RECIPES, headers=key).status_code == 200


def test_key_of_who_is_deactivated_or_gone_is_dead(client: TestClient, user: User, superuser: User) -> None:
    key = with_key(user, "recipes:read")
    for is_active, status in ((False, 401), (True, 200)):
        changed(client, user, superuser, is_active=is_active)
        assert client.get(RECIPES, headers=key).status_code == status
    client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser))
    assert client.get(RECIPES, headers=key).status_code == 401


# The end of it


def test_revoked_key_is_dead_at_once(client: TestClient, user: User, superuser: User) -> None:
    key, other = made(client, user), made(client, user)
    assert_problem(client.delete(f"{KEYS}/{key['id']}", headers=as_user(superuser)), 404)
    assert status_of(client, key["key"]) == 200
    assert client.delete(f"{KEYS}/{key['id']}", headers=as_user(user)).status_code == 204
    assert (status_of(client, key["key"]), status_of(client, other["key"])) == (401, 200)
    assert_problem(client.delete(f"{KEYS}/{key['id']}", headers=as_user(user)), 404)


def test_key_expires_when_it_says(client: TestClient, session: Session, user: User) -> None:
    key = made(client, user, expires_in_days=1)
    assert utc_now().isoformat() < key["expires_at"] < (utc_now() + timedelta(days=1, seconds=1)).isoformat()
    for left, status in ((timedelta(seconds=30), 200), (timedelta(seconds=-1), 401)):
        session.execute(update(ApiKey).values(expires_at=utc_now() + left))
        session.commit()
        assert status_of(client, key["key"]) == status
    assert crud.api_key.sweep(session) == 0, "its owner can still see what it was"
    session.execute(update(ApiKey).values(expires_at=utc_now() - timedelta(days=31)))
    assert crud.api_key.sweep(session) == 1


def test_what_becomes_of_keys_is_in_the_trail(client: TestClient, user: User) -> None:
    key = made(client, user)
    client.delete(f"{KEYS}/{key['id']}", headers=as_user(user))
    for what in ("key_made", "key_revoked"):
        told = client.get("/api/v1/auth/events", params={"what": what}, headers=as_user(user))
        assert [item["detail"] for item in told.json()["items"]] == ["The scales"]
        assert key["key"] not in told.text


# When it was used


def test_last_use_is_written_down_later_and_changes_no_version(client: TestClient, engine: Engine, user: User) -> None:
    key = made(client, user)
    said: list[str] = []

    def listen(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        before = utc_now()
        for _ in range(3):
            assert status_of(client, key["key"]) == 200
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    said = [one for one in said if "SAVEPOINT" not in one]
    assert len(said) == 6
    assert all(one.startswith("SELECT") for one in said)

    asyncio.run(noting.write_down())
    shown = client.get(f"{KEYS}/{key['id']}", headers=as_user(user)).json()
    assert before.isoformat() <= shown["last_used_at"].replace("Z", "+00:00") <= utc_now().isoformat()
    assert (shown["version"], shown["updated_at"]) == (1, key["updated_at"])
    assert not key_uses.noted


def test_uses_are_written_down_now_and_then_and_at_the_end(
    client: TestClient, session: Session, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(client, user)
    monkeypatch.setattr(noting, "PERIOD", 0.01)

    def last_use() -> object:
        return session.execute(select(ApiKey.last_used_at)).scalar_one()

    async def serve() -> None:
        async with noting.noting():
            key_uses.note(key["id"])
            while last_use() is None:  # noqa: ASYNC110 - what it waits for happens in another thread
                await asyncio.sleep(0.01)
            monkeypatch.setattr(noting, "PERIOD", 60)
            await asyncio.sleep(0.05)
            seen.append(last_use())
            key_uses.note(key["id"])
            assert last_use() == seen[0]

    seen: list[object] = []
    asyncio.run(asyncio.wait_for(serve(), 10))
    assert last_use() != seen[0]


def test_uses_that_cannot_be_written_down_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: Session) -> None:
        raise Unavailable("not now")

    monkeypatch.setattr(key_uses, "write_down", fail)
    monkeypatch.setattr(key_uses, "noted", {1: utc_now()})
    with structlog.testing.capture_logs() as lines:
        asyncio.run(noting.write_down())
    assert [line["log_level"] for line in lines] == [logging.getLevelName(logging.ERROR).lower()]
