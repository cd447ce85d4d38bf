"""Who may do what: one table, and every operation of OpenAPI tried by everybody.

A new operation fails the first test by name until it has its line in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import crud
from app.api.api_v1.endpoints.ideas import get_reddit
from app.contract.changes import operations
from app.main import app
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.test_recipes import SOUP
from tests.conftest import PASSWORD, as_user

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
SUPERUSER: Statuses = (401, 403, 403, 401, 200)

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
    "users_list": SUPERUSER,
    "users_export": SUPERUSER,
    "users_get": SUPERUSER,
    "users_create": (401, 403, 403, 401, 201),
    "users_update": SUPERUSER,
    "users_replace": SUPERUSER,
    "users_delete": (401, 403, 403, 401, 204),
    "auth_signup": (201, 201, 201, 201, 201),
    "auth_login": OPEN,
    "auth_me": SIGNED_IN,
    "ideas_list": OPEN,
    "ideas_list_async": SUPERUSER,
    "health_live": OPEN,
    "health_ready": OPEN,
}

ROW = "ROW"
"""Stands for the id of the row that the request is about."""

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
    "users_create": {"json": USER},
    "users_update": {"json": {"surname": "Changed"}},
    "users_replace": {"json": USER},
    "auth_signup": {"json": USER},
    "auth_login": {"data": {"username": "owner@example.com", "password": PASSWORD}},
}
"""What a request needs beside its path."""


class Ideas:
    """Stands in for the other service."""

    def top_posts(self) -> dict[str, list[str]]:
        return {}

    async def top_posts_at_once(self) -> dict[str, list[str]]:
        return {}


@dataclass
class World:
    """Two recipes of the owner's, one of them deleted, and one account for each role."""

    users: dict[str, User]
    living: int
    deleted: int

    def row(self, operation: str) -> int:
        if operation.startswith("users"):
            return self.users["owner"].id
        return self.deleted if operation == "recipes_restore" else self.living


@pytest.fixture
def world(session: Session, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch) -> World:
    users = {name: make_user(name, is_superuser=name == "superuser") for name in ROLES[1:]}
    users["deactivated"].is_active = False
    living, deleted = (
        crud.recipe.create(session, RecipeCreate.model_validate(SOUP), users["owner"]).id for _ in range(2)
    )
    crud.recipe.remove(session, deleted, users["owner"])
    session.commit()
    monkeypatch.setitem(app.dependency_overrides, get_reddit, Ideas)
    return World(users, living, deleted)


def rows(session: Session) -> list[tuple[str, int, int]]:
    """All there is, each with its version."""
    session.expire_all()
    return [
        (table.__tablename__, *row)
        for table in (Recipe, User)
        for row in session.execute(select(table.id, table.version).order_by(table.id))
    ]


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
    method, path = names()[operation]
    row = f"{world.row(operation)}"
    request = {name: _with(row, value) for name, value in REQUESTS.get(operation, {}).items()}
    credentials = as_user(world.users[role]) if role in world.users else {}
    headers = {**request.pop("headers", {}), **credentials}
    before = rows(session)

    answer = client.request(method, path.replace("{id}", row), headers=headers, **request)

    assert answer.status_code == POLICY[operation][ROLES.index(role)], answer.text
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if not answer.is_success:
        assert rows(session) == before


def _with(row: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with(row, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with(row, inner) for inner in value]
    return row if value == ROW else value
