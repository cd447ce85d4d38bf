"""Who may do what: one table, and every operation of OpenAPI tried by everybody.

A new operation fails the first test by name until it has its line in the table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app import crud
from app.api.api_v1.endpoints.ideas import get_reddit
from app.api.single_sign_on import get_provider
from app.contract.changes import operations
from app.core.principal import SignedIn
from app.core.scopes import Scope, in_words
from app.crud import login_session
from app.crud.crud_post import StoredFile
from app.crud.login_session import Opened
from app.db import session as database
from app.db.base import utc_now
from app.main import app
from app.models import Comment, Event, LinkedIdentity, Post, Recipe, Task, User
from app.schemas.api_key import ApiKeyCreate
from app.schemas.comment import CommentCreate
from app.schemas.post import PostCreate
from app.schemas.recipe import RecipeCreate
from app.schemas.task import TaskCreate
from tests.api.live import live
from tests.api.test_recipes import SOUP
from tests.conftest import PASSWORD, as_user, new_user, with_key
from tests.support.media import picture

ROLES = ("anonymous", "owner", "other", "deactivated", "superuser")

Statuses = tuple[int, int, int, int, int]

# Anybody, also with a token that no longer counts: nobody looks at it.
OPEN: Statuses = (200, 200, 200, 200, 200)
# Anybody, but bad credentials are refused and not ignored.
READ: Statuses = (200, 200, 200, 401, 200)
SIGNED_IN: Statuses = (401, 200, 200, 401, 200)
ADD: Statuses = (401, 201, 201, 401, 201)
OWN: Statuses = (401, 200, 403, 401, 200)
REMOVE_OWN: Statuses = (401, 204, 403, 401, 204)
# Not even superusers see it.
PRIVATE: Statuses = (401, 200, 404, 401, 404)
SUPERUSER: Statuses = (401, 403, 403, 401, 200)
# Anybody, and the answer is the same.
LATER: Statuses = (202, 202, 202, 202, 202)
# Anybody who has a token from a mail; this one is none.
REFUSED: Statuses = (400, 400, 400, 400, 400)

POLICY: dict[str, Statuses] = {
    # operation:                anonymous, owner, other, deactivated, superuser
    "recipes_list": READ,
    "recipes_list?deleted=only": SIGNED_IN,
    "recipes_search": OPEN,
    "recipes_export": READ,
    "recipes_export?deleted=only": SIGNED_IN,
    "recipes_get": READ,
    "recipes_create": ADD,
    "recipes_update": OWN,
    "recipes_replace": OWN,
    "recipes_delete": REMOVE_OWN,
    "recipes_restore": (401, 200, 404, 401, 200),  # what is deleted is not even there for others
    "recipes_create_batch": ADD,
    "recipes_update_batch": OWN,
    "recipes_delete_batch": REMOVE_OWN,
    "recipes_import": ADD,
    "comments_stream": READ,
    "posts_list": READ,
    "posts_export": READ,
    "posts_get": READ,
    "posts_create": ADD,
    "posts_update": OWN,
    "posts_replace": OWN,
    "posts_delete": REMOVE_OWN,
    "comments_list": READ,
    "comments_get": READ,
    "comments_create": ADD,
    "comments_update": (401, 200, 403, 401, 403),  # nobody puts words into the author's mouth
    "comments_replace": (401, 200, 403, 401, 403),
    "comments_delete": REMOVE_OWN,
    "traced_comments_list": SUPERUSER,
    "traced_comments_export": SUPERUSER,
    "traced_comments_get": SUPERUSER,
    "tasks_list": SIGNED_IN,
    "tasks_list?deleted=only": SIGNED_IN,
    "tasks_export": SIGNED_IN,
    "tasks_export?deleted=only": SIGNED_IN,
    "tasks_get": PRIVATE,
    "tasks_create": ADD,
    "tasks_update": PRIVATE,
    "tasks_replace": PRIVATE,
    "tasks_delete": (401, 204, 404, 401, 404),
    "tasks_restore": PRIVATE,
    "tasks_create_batch": ADD,
    "tasks_update_batch": PRIVATE,
    "tasks_delete_batch": (401, 204, 404, 401, 404),
    "tasks_import": ADD,
    "users_list": SUPERUSER,
    "users_export": SUPERUSER,
    "users_get": SUPERUSER,
    "users_create": (401, 403, 403, 401, 201),
    "users_update": SUPERUSER,
    "users_replace": SUPERUSER,
    "users_delete": (401, 403, 403, 401, 204),
    "users_remove_totp": (401, 403, 403, 401, 404),  # nobody here has one; see test_totp
    "auth_signup": (201, 201, 201, 201, 201),
    "auth_login": OPEN,
    "auth_me": SIGNED_IN,
    "password_change": (401, 204, 204, 401, 204),
    "password_reset": LATER,
    "password_confirm_reset": REFUSED,
    "email_verify": LATER,
    "email_confirm": REFUSED,
    "email_change": (401, 202, 202, 401, 202),
    "email_confirm_change": REFUSED,
    "keys_list": SIGNED_IN,
    "keys_get": PRIVATE,
    "keys_create": ADD,
    "keys_revoke": (401, 204, 404, 401, 404),
    "events_list": SIGNED_IN,
    "events_export": SIGNED_IN,
    "events_get": PRIVATE,
    "sessions_refresh": OPEN,
    "sessions_logout": (401, 204, 204, 401, 204),
    "sessions_list": SIGNED_IN,
    "sessions_end": (401, 204, 404, 401, 404),
    "sessions_end_all": (401, 204, 204, 401, 204),
    "totp_get": SIGNED_IN,
    "totp_begin": SIGNED_IN,
    "totp_confirm": (401, 409, 409, 401, 409),
    "totp_renew_recovery_codes": (401, 404, 404, 401, 404),
    "totp_remove": (401, 404, 404, 401, 404),
    "oidc_login": OPEN,
    "oidc_callback": (400, 400, 400, 400, 400),  # without the cookie of the login
    "oidc_link": SIGNED_IN,
    "identities_list": SIGNED_IN,
    "identities_unlink": (401, 204, 404, 401, 404),
    "ideas_list": OPEN,
    "ideas_list_async": SUPERUSER,
    "health_live": OPEN,
    "health_ready": OPEN,
}

SCOPES: dict[str, tuple[str, ...]] = {
    "recipes:read": (
        "recipes_list",
        "recipes_export",
        "recipes_get",
        "comments_list",
        "comments_get",
        "comments_stream",
    ),
    "recipes:write": (
        "recipes_create",
        "recipes_update",
        "recipes_replace",
        "recipes_delete",
        "recipes_restore",
        "recipes_create_batch",
        "recipes_update_batch",
        "recipes_delete_batch",
        "recipes_import",
    ),
    "posts:read": ("posts_list", "posts_export", "posts_get"),
    "posts:write": ("posts_create", "posts_update", "posts_replace", "posts_delete"),
    "comments:write": ("comments_create", "comments_update", "comments_replace", "comments_delete"),
    "tasks:read": ("tasks_list", "tasks_export", "tasks_get"),
    "tasks:write": (
        "tasks_create",
        "tasks_update",
        "tasks_replace",
        "tasks_delete",
        "tasks_restore",
        "tasks_create_batch",
        "tasks_update_batch",
        "tasks_delete_batch",
        "tasks_import",
    ),
    "users:admin": (
        "users_list",
        "users_export",
        "users_get",
        "users_create",
        "users_update",
        "users_replace",
        "users_delete",
    ),
    "account:read": (
        "auth_me",
        "keys_list",
        "keys_get",
        "events_list",
        "events_export",
        "events_get",
        "identities_list",
        "sessions_list",
        "totp_get",
    ),
    "account:write": (
        "keys_create",
        "keys_revoke",
        "password_change",
        "email_change",
        "identities_unlink",
        "oidc_link",
        "sessions_end",
        "sessions_end_all",
        "totp_begin",
        "totp_confirm",
        "totp_renew_recovery_codes",
        "totp_remove",
    ),
}
"""What operations take. An operation that looks at tokens and is in no line fails a test."""

SCOPE_OF = {operation: scope for scope, operations in SCOPES.items() for operation in operations}

NO_SCOPE = {
    "sessions_logout",  # any token may end itself
    "ideas_list_async",  # takes a superuser, whose token is good for everything
    "users_remove_totp",  # likewise
    "traced_comments_list",
    "traced_comments_export",
    "traced_comments_get",
}

GIVEN_ON = {"keys_create": "account:read"}
"""What else who asks has to have, because he gives it."""

ROW = "ROW"
"""Stands for the id of the row that the request is about."""

REFRESH = "REFRESH"
"""Stands for a refresh token of the owner."""

TASK = {"title": "Buy peas"}

USER = {"email": "new@example.com", "password": "another long sentence"}

REQUESTS: dict[str, dict[str, Any]] = {
    "recipes_search": {"params": {"keyword": "soup"}},
    "recipes_create": {"json": SOUP},
    "recipes_update": {"json": {"label": "Changed"}},
    "recipes_replace": {"json": SOUP | {"label": "Changed"}},
    "recipes_create_batch": {"json": {"items": [SOUP]}},
    "recipes_update_batch": {"json": {"items": [{"id": ROW, "label": "Changed"}]}},
    "recipes_delete_batch": {"params": {"id": ROW}},
    "recipes_import": {
        "content": "label,source,url\nSoup,Aunt,https://example.com/\n",
        "headers": {"Content-Type": "text/csv"},
    },
    "posts_create": {"data": {"caption": "Soup"}, "files": {"file": picture()}},
    "posts_update": {"json": {"caption": "Changed"}},
    "posts_replace": {"json": {"caption": "Changed"}},
    "comments_create": {"json": {"text": "Good."}},
    "comments_update": {"json": {"text": "Changed"}},
    "comments_replace": {"json": {"text": "Changed"}},
    "tasks_create": {"json": TASK},
    "tasks_update": {"json": {"completed": True}},
    "tasks_replace": {"json": TASK},
    "tasks_create_batch": {"json": {"items": [TASK]}},
    "tasks_update_batch": {"json": {"items": [{"id": ROW, "completed": True}]}},
    "tasks_delete_batch": {"params": {"id": ROW}},
    "tasks_import": {"content": "title\nBuy peas\n", "headers": {"Content-Type": "text/csv"}},
    "users_create": {"json": USER},
    "users_update": {"json": {"surname": "Changed"}},
    "users_replace": {"json": USER},
    "auth_signup": {"json": USER},
    "auth_login": {"data": {"username": "owner@example.com", "password": PASSWORD}},
    "password_change": {"json": {"current_password": PASSWORD, "password": "another long sentence"}},
    "password_reset": {"json": {"email": "owner@example.com"}},
    "password_confirm_reset": {"json": {"token": "none", "password": "another long sentence"}},
    "email_verify": {"json": {"email": "owner@example.com"}},
    "email_confirm": {"json": {"token": "none"}},
    "email_change": {"json": {"email": "new@example.com", "current_password": PASSWORD}},
    "email_confirm_change": {"json": {"token": "none"}},
    "keys_create": {"json": {"name": "A machine", "scopes": ["account:read"]}},
    "sessions_refresh": {"json": {"refresh_token": REFRESH}},
    "totp_begin": {"json": {"current_password": PASSWORD}},
    "totp_confirm": {"json": {"code": "123456"}},
    "totp_renew_recovery_codes": {"json": {"code": "123456"}},
    "totp_remove": {"json": {"code": "123456"}},
    "oidc_callback": {"params": {"state": "unknown", "code": "x"}},
    "oidc_link": {"json": {"current_password": PASSWORD}},
}
"""What a request needs beside its path."""


class Ideas:
    """Stands in for the other service."""

    def top_posts(self) -> dict[str, list[str]]:
        return {}

    async def top_posts_at_once(self) -> dict[str, list[str]]:
        return {}


class Elsewhere:
    """Stands in for the OpenID provider."""

    async def authorization_url(self, *_: object) -> str:
        return "/health/live"


@dataclass
class World:
    """What the owner has: recipes and tasks, one of each deleted, a comment, a post. Whoever asks has an account."""

    users: dict[str, User]
    living: int
    deleted: int
    comment: int
    task: int
    deleted_task: int
    opened: Opened
    event: int
    key: int
    identity: int
    post: int

    def row(self, operation: str) -> int:
        if operation.endswith("_restore"):
            return {"recipes": self.deleted, "tasks": self.deleted_task}[operation.partition("_")[0]]
        rows = {
            "users": self.users["owner"].id,
            "events": self.event,
            "keys": self.key,
            "identities": self.identity,
            "sessions": self.opened.session_id,
            "comments": self.comment,
            "traced": self.comment,
            "tasks": self.task,
            "posts": self.post,
        }
        return rows.get(operation.partition("_")[0], self.living)


@pytest.fixture(scope="module")
def world(engine: Engine) -> Iterator[World]:
    with a_world(engine) as world:
        yield world


@contextmanager
def a_world(engine: Engine) -> Iterator[World]:
    """Made and committed once for many tests, each of which begins with it and leaves it as it was."""
    with live(engine), pytest.MonkeyPatch.context() as patch:
        with database.WriteSessions() as session:
            world = make_world(session)
        patch.setitem(app.dependency_overrides, get_reddit, Ideas)
        patch.setitem(app.dependency_overrides, get_provider, Elsewhere)
        yield world


def make_world(session: Session) -> World:
    users = {name: new_user(session, name, is_superuser=name == "superuser") for name in ROLES[1:]}
    users["manager"] = new_user(session, "manager", roles=["manager"])
    users["deactivated"].is_active = False
    living, deleted = (
        crud.recipe.create(session, RecipeCreate.model_validate(SOUP), users["owner"]).id for _ in range(2)
    )
    crud.recipe.remove(session, deleted, users["owner"])
    comments = crud.comment.within(recipe_id=living)
    comment = comments.create(session, CommentCreate(text="Good."), users["owner"]).id
    task, deleted_task = (
        crud.task.create(session, TaskCreate.model_validate(TASK), users["owner"]).id for _ in range(2)
    )
    crud.task.remove(session, deleted_task, users["owner"])
    opened = login_session.begin(session, users["owner"])
    data = ApiKeyCreate(name="A machine", scopes=["account:read"])
    key, _ = crud.api_key.make(session, data, SignedIn(users["owner"].id, users["owner"].scopes))
    event = session.scalars(select(Event.id).where(Event.user_id == users["owner"].id)).first()
    assert event is not None
    identity = LinkedIdentity(user_id=users["owner"].id, issuer="https://id.example.com", subject="owner")
    session.add(identity)
    stored = StoredFile("0" * 32 + ".jpg", "image/jpeg", 1, "", None, None)
    post = crud.post.publish(session, PostCreate(caption="Soup"), stored, users["owner"]).id
    for user in users.values():
        user.email_verified_at = utc_now()
    session.commit()
    return World(users, living, deleted, comment, task, deleted_task, opened, event, key.id, identity.id, post)


def rows(session: Session) -> list[tuple[str, int, int]]:
    """All there is, each with its version."""
    session.expire_all()
    return [
        (table.__tablename__, *row)
        for table in (Comment, Post, Recipe, Task, User)
        for row in session.execute(select(table.id, table.version).order_by(table.id))
    ]


@cache
def names() -> dict[str, tuple[str, str]]:
    """Every operation by its id, and once more for each way of asking that has a policy of its own."""
    found = {}
    for place, operation in operations(app.openapi()).items():
        method, path = place.split()
        found[operation["operationId"]] = (method, path)
        if any(one["name"] == "deleted" for one in operation.get("parameters", ())):
            found[f"{operation['operationId']}?deleted=only"] = (method, f"{path}?deleted=only")
    return found


def test_every_operation_has_its_policy() -> None:
    assert names().keys() - POLICY.keys() == set(), "these operations have no policy"
    assert POLICY.keys() - names().keys() == set(), "these operations are gone"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", POLICY)
def test_policy_is_kept(client: TestClient, session: Session, world: World, operation: str, role: str) -> None:
    credentials = as_user(world.users[role]) if role in world.users else {}
    before = rows(session)

    answer = send(client, world, operation, credentials)

    assert answer.status_code == POLICY[operation][ROLES.index(role)], answer.text
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if not answer.is_success:
        assert rows(session) == before


def send(client: TestClient, world: World, operation: str, credentials: dict[str, str]) -> Response:
    method, path, request = request_of(world, operation)
    headers = {**request.pop("headers", {}), **credentials}
    return client.request(method, path, headers=headers, **request)


def request_of(world: World, operation: str) -> tuple[str, str, dict[str, Any]]:
    """Its method, its path, and what it needs beside."""
    method, path = names()[operation]
    row = f"{world.row(operation)}"
    places = {ROW: row, REFRESH: str(world.opened.refresh_token)}
    request = {name: _with(places, value) for name, value in REQUESTS.get(operation, {}).items()}
    return method, path.replace("{id}", row).replace("{recipe_id}", f"{world.living}"), request


def test_every_operation_that_looks_at_tokens_takes_a_scope_and_says_so() -> None:
    documented = {
        operation["operationId"]: [scope for way in operation["security"] for scope in way.get("Bearer", ())]
        for operation in operations(app.openapi()).values()
        if "security" in operation
    }
    assert documented == {name: [scope] for name, scope in SCOPE_OF.items()} | {name: [] for name in NO_SCOPE}


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_token_without_the_scope_is_refused(client: TestClient, session: Session, world: World, operation: str) -> None:
    scope = SCOPE_OF[operation]
    before = rows(session)
    answer = send(
        client,
        world,
        operation,
        as_user(world.users["superuser"], in_words(frozenset(one for one in Scope if one != scope))),
    )
    assert answer.status_code == 403, answer.text
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    assert rows(session) == before


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_key_does_what_its_scope_says_and_nothing_else(client: TestClient, world: World, operation: str) -> None:
    scope = SCOPE_OF[operation]
    role = "superuser" if operation.startswith("users") else "owner"
    keys = {one: with_key(world.users["superuser"], one) for one in SCOPES if one != "account:write"}
    for other in keys.keys() - {scope}:
        assert send(client, world, operation, keys[other]).status_code == 403
    if scope in keys:
        answer = send(client, world, operation, with_key(world.users[role], scope))
        assert answer.status_code == POLICY[operation][ROLES.index(role)], answer.text


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_token_with_no_other_scope_is_enough(client: TestClient, world: World, operation: str) -> None:
    role = "superuser" if operation.startswith("users") else "owner"
    scope = f"{SCOPE_OF[operation]} {GIVEN_ON.get(operation, '')}"
    answer = send(client, world, operation, as_user(world.users[role], scope))
    assert answer.status_code == POLICY[operation][ROLES.index(role)], answer.text


def _with(places: dict[str, str], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with(places, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with(places, inner) for inner in value]
    return places.get(value, value)
