"""Nobody gains a right, or sets what the server decides, through any field of any body, form, query or file.

Every operation of OpenAPI is sent what it takes and, one after the other, the name of each thing that is not for
clients to say: in its query, at the top of its body, in each item of it, in its form, as a column of its file.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.api.query_string import SHOWN_ERRORS
from app.contract.changes import operations
from app.core.scopes import MEMBER, Scope
from app.db.base import Base
from app.main import app
from app.models import Recipe, User
from tests.api.test_policy import World, a_world, names, request_of
from tests.conftest import as_user, with_key

NUMBER, TEXT, TIME = 987_654_321, "by-mass-assignment", datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
"""Values that nothing has unless it was sent."""

DECIDED: dict[str, Any] = {
    **dict.fromkeys(("is_superuser", "is_active"), True),
    **{name: ["editor", "users:admin"] for name in ("roles", "scopes", "scope")},
    **dict.fromkeys(("id", "version", "token_generation", "generation", "last_step", "wrong_codes"), NUMBER),
    **dict.fromkeys(("user_id", "owner_id", "submitter_id", "author_id", "recipe_id", "actor_id", "caller_id"), NUMBER),
    **dict.fromkeys(
        ("hashed_password", "hash", "family_hash", "secret_hash", "key", "hint", "what", "device", "address"), TEXT
    ),
    **dict.fromkeys(("secret", "code_hash", "issuer", "subject", "thumbnail_key", "media_type", "sha256"), TEXT),
    **dict.fromkeys(("size", "width", "height", "number", "comment_id"), NUMBER),
    **dict.fromkeys(("created_at", "updated_at", "deleted_at", "email_verified_at", "confirmed_at"), TIME.isoformat()),
    **dict.fromkeys(("expires_at", "last_used_at", "wrong_since"), TIME.isoformat()),
    **{name: {"is_superuser": True} for name in ("submitter", "author", "recipes", "__class__", "__proto__")},
}
"""What is for the server to say, or for those who may give rights."""

SENT = {"email", "password", "first_name", "surname", "label", "source", "url", "name"}
SENT |= {"title", "description", "due_date", "completed", "text", "caption"}
INNER = {"path", "body", "status", "location", "etag", "request_digest", "detail"}

FORGIVING = {"auth_login", "oidc_callback"}
"""They ignore unknown names: RFC 6749, sections 3.2 and 4.1.2."""

Request = dict[str, Any]


def test_no_column_is_left_out() -> None:
    jobs = Base.metadata.tables["job"]
    tables = [table for table in Base.metadata.tables.values() if table is not jobs]
    columns = {column.name for table in tables for column in table.columns}
    assert columns - DECIDED.keys() - SENT - INNER == set(), "these columns are not tried"


@pytest.fixture(scope="module")
def world(engine: Engine) -> Iterator[World]:
    with a_world(engine) as world:
        yield world


@pytest.fixture(params=["anonymous", "owner", "manager", "key"])
def caller(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("operation", [name for name in names() if "?" not in name])
def test_nobody_gains_through_any_field(
    client: TestClient, session: Session, world: World, operation: str, caller: str
) -> None:
    method, path, good = request_of(world, operation)
    takes = everything_taken(operation)
    credentials = credentials_of(world, caller)
    given = credentials()
    before = rights(session)
    undeclared = [name for name in DECIDED if f'"{name}"' not in takes]
    # What the operation takes is tried by itself. Of the others it is to name each, which it does of so many at once.
    together = 1 if "content" in good else SHOWN_ERRORS
    tries = [[name] for name in DECIDED if name not in undeclared]
    tries += [undeclared[place : place + together] for place in range(0, len(undeclared), together)]
    for tried in tries:
        fields = {name: DECIDED[name] for name in tried}
        for sent in attempts(method, good, fields):
            headers = {**sent.pop("headers", {}), **given}
            answer = client.request(method, path, headers=headers, **sent)
            assert answer.status_code < 500, answer.text
            if answer.status_code == 401 or "insufficient_scope" in answer.headers.get("WWW-Authenticate", ""):
                assert tried is tries[0], "whoever may not is refused whatever he sends"
                return
            if not answer.is_client_error:
                assert_nothing_gained(session, before)
                given = credentials()
            reads = path.startswith("/api/") and operation not in FORGIVING and ("json" not in sent or "json" in good)
            if tried[0] in undeclared and reads:
                assert answer.status_code == 422, answer.text
                told = {one["pointer"].rpartition("/")[2] for one in answer.json()["errors"]}
                assert told == ({"1"} if "content" in good and "params" not in sent else {*tried})
    assert_nothing_gained(session, before)  # by what was refused either


def credentials_of(world: World, caller: str) -> Callable[[], dict[str, str]]:
    """To be made anew after each success: some of them end what they were made with."""
    if caller == "anonymous":
        return dict
    if caller == "key":
        key = with_key(world.users["owner"], *sorted(MEMBER - {Scope.account_write}))
        return lambda: key
    return lambda: as_user(world.users[caller])


def attempts(method: str, good: Request, fields: dict[str, Any]) -> Iterator[Request]:
    """The request, with these wherever it has something, and in a body if it has none."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    yield {**good, "params": good.get("params", {}) | texts}
    if "data" in good:
        yield good | {"data": good["data"] | texts}
    elif "content" in good:
        head, line = good["content"].splitlines()
        yield good | {"content": f"{head},{','.join(fields)}\n{line}{f',{NUMBER}' * len(fields)}\n"}
    elif method not in ("GET", "HEAD"):
        body = good.get("json", {})
        yield good | {"json": body | fields}
        if "items" in body:
            yield good | {"json": {"items": [item | fields for item in body["items"]]}}


@cache
def everything_taken(operation: str) -> str:
    """All that the operation says of its parameters and its body, and what that refers to."""
    document = app.openapi()
    (described,) = [one for one in operations(document).values() if one["operationId"] == operation]
    schemas: dict[str, Any] = document["components"]["schemas"]
    taken = json.dumps([described.get("parameters"), described.get("requestBody")])
    for _ in range(3):  # so deep do they refer to each other
        taken += "".join(json.dumps(schemas[name]) for name in schemas if f'schemas/{name}"' in taken)
    return taken


def rights(session: Session) -> dict[int, tuple[Any, ...]]:
    session.expire_all()
    columns = User.id, User.is_superuser, User.roles, User.is_active, User.email_verified_at
    return {row.id: tuple(row)[1:] for row in session.execute(select(*columns))}


def assert_nothing_gained(session: Session, before: dict[int, tuple[Any, ...]]) -> None:
    for id, (*given, verified_at) in rights(session).items():
        *had, was_verified_at = before.get(id, (False, "", True, None))
        assert given == had
        assert verified_at in (was_verified_at, None)  # not after another address was set
    assert set(session.scalars(select(Recipe.submitter_id))) <= {*before, None}
    for table in Base.metadata.tables.values():
        for held in session.execute(select(table)):
            planted = (NUMBER, TIME, TEXT, TEXT.encode())
            assert not [one for one in held if one in planted], table.name
