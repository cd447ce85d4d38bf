"""What a token is good for, what roles add, and that nobody gives what he does not have."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.scopes import EVERYTHING, MEMBER, Role, Scope, in_words
from app.main import app
from app.models import User
from tests.api.test_auth import LOGIN, ME, changed
from tests.api.test_recipes import SOUP, assert_problem
from tests.conftest import PASSWORD, as_user

RECIPES, USERS = "/api/v1/recipes", "/api/v1/users"


def login_for(client: TestClient, scope: str) -> Response:
    return client.post(LOGIN, data={"username": "ann@example.com", "password": PASSWORD, "scope": scope})


def headers_for(client: TestClient, scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {login_for(client, scope).json()['access_token']}"}


# Tokens that are good for less


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", in_words(MEMBER)),
        ("recipes:read", "recipes:read"),
        ("recipes:write recipes:read", "recipes:read recipes:write"),
        ("recipes:read recipes:read", "recipes:read"),
        ("recipes:read users:admin", "recipes:read"),
        ("users:admin", ""),
    ],
)
def test_login_answers_what_its_tokens_are_good_for(client: TestClient, user: User, asked: str, given: str) -> None:
    answer = login_for(client, asked).json()
    assert answer["scope"] == given
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": answer["refresh_token"]}).json()
    assert refreshed["scope"] == given


@pytest.mark.parametrize(
    "scope", ["recipes", "recipes:read,recipes:write", "recipes:read\n", "RECIPES:READ", "*", "\0"]
)
def test_scope_that_there_is_not_is_422(client: TestClient, user: User, scope: str) -> None:
    assert_problem(login_for(client, scope), 422, "/scope")


def test_token_for_less_is_good_for_that_alone_also_when_it_is_refreshed(client: TestClient, user: User) -> None:
    answer = login_for(client, "recipes:read").json()
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": answer["refresh_token"]}).json()
    for tokens in (answer, refreshed):
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert client.get(RECIPES, headers=headers).status_code == 200
        refused = client.post(RECIPES, json=SOUP, headers=headers)
        assert_problem(refused, 403)
        assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="recipes:write"'
        assert_problem(client.get(ME, headers=headers), 403)


def test_who_need_not_sign_in_is_still_held_to_his_token(client: TestClient, user: User) -> None:
    assert client.get(RECIPES).status_code == 200
    assert_problem(client.get(RECIPES, headers=as_user(user, "recipes:write")), 403)


def test_token_is_good_for_no_more_than_its_account(client: TestClient, user: User) -> None:
    headers = as_user(user, in_words(EVERYTHING))
    assert_problem(client.get(USERS, headers=headers), 403)
    assert client.get(ME, headers=headers).status_code == 200


def test_superuser_with_a_token_for_less_is_none(client: TestClient, user: User, superuser: User) -> None:
    place = client.post(RECIPES, json=SOUP, headers=as_user(user)).headers["Location"]
    less = as_user(superuser, in_words(EVERYTHING - {Scope.recipes_admin}))
    assert_problem(client.delete(place, headers=less), 403)
    assert_problem(client.get("/api/v1/recipes/ideas/async", headers=less), 403)
    assert client.delete(place, headers=as_user(superuser, in_words(EVERYTHING))).status_code == 204


def test_all_roles_together_make_no_superuser(client: TestClient, make_user: Callable[..., User]) -> None:
    """They may do as much, and must not become more."""
    user = make_user(roles=[*Role])
    for headers in (as_user(user), as_user(user, in_words(EVERYTHING))):
        assert client.get(USERS, headers=headers).status_code == 200
        assert_problem(client.get("/api/v1/comments", headers=headers), 403)
        assert_problem(client.patch(f"{USERS}/{user.id}", json={"is_superuser": True}, headers=headers), 403)


def test_openapi_and_so_the_docs_offer_every_scope() -> None:
    flow = app.openapi()["components"]["securitySchemes"]["Bearer"]["flows"]["password"]
    assert flow["scopes"] == {scope.value: scope.meaning for scope in Scope}
    assert (flow["tokenUrl"], flow["refreshUrl"]) == (LOGIN, "/api/v1/auth/refresh")


# Roles


def test_role_counts_from_the_next_request_until_it_is_taken(
    client: TestClient, make_user: Callable[..., User], superuser: User
) -> None:
    ann, bob = make_user(), make_user("bob")
    place = client.post(RECIPES, json=SOUP, headers=as_user(bob)).headers["Location"]
    headers = as_user(ann)
    for roles, status in (([], 403), (["editor"], 200), (["manager"], 403), (["editor", "manager"], 200), ([], 403)):
        changed(client, ann, superuser, roles=roles)
        assert client.get(ME, headers=headers).json()["roles"] == roles
        assert client.patch(place, json={"label": f"By {roles}"}, headers=headers).status_code == status


def test_roles_come_in_any_order_and_once(client: TestClient, user: User, superuser: User) -> None:
    answer = client.patch(f"{USERS}/{user.id}", json={"roles": ["manager", "editor"]}, headers=as_user(superuser))
    assert answer.json()["roles"] == ["editor", "manager"]
    twice = client.patch(f"{USERS}/{user.id}", json={"roles": ["editor", "editor"]}, headers=as_user(superuser))
    assert twice.json()["roles"] == ["editor"]


@pytest.mark.parametrize(
    "roles", [["superuser"], ["member"], "editor", [""], ["editor "], None, [["editor"]], ["editor"] * 9]
)
def test_role_that_there_is_not_is_422(client: TestClient, user: User, superuser: User, roles: object) -> None:
    answer = client.patch(f"{USERS}/{user.id}", json={"roles": roles}, headers=as_user(superuser))
    assert answer.status_code == 422


def test_role_that_is_no_more_counts_for_nothing(client: TestClient, session: Session, user: User) -> None:
    session.execute(update(User).where(User.id == user.id).values(roles="wizard"))
    session.commit()
    assert client.get(ME, headers=as_user(user)).json()["roles"] == ["wizard"]
    assert_problem(client.get(USERS, headers=as_user(user)), 403)


# Nobody gives, takes or touches a right that he does not have


@pytest.fixture(params=["manager", "superuser with a token for less"])
def manager(request: pytest.FixtureRequest, make_user: Callable[..., User], superuser: User) -> dict[str, str]:
    """The headers of one who manages accounts and may do nothing else."""
    if request.param == "manager":
        return as_user(make_user("boss", roles=["manager"]), "users:admin")
    return as_user(superuser, "users:admin")


def test_manager_manages_members_and_managers(
    client: TestClient, make_user: Callable[..., User], manager: dict[str, str]
) -> None:
    for ann in (make_user(), make_user("bob", roles=["manager"])):
        path = f"{USERS}/{ann.id}"
        assert client.patch(path, json={"first_name": "New"}, headers=manager).status_code == 200
        assert client.patch(path, json={"roles": ["manager"]}, headers=manager).status_code == 200
        assert client.patch(path, json={"roles": [], "is_active": False}, headers=manager).status_code == 200
        assert client.delete(path, headers=manager).status_code == 204
    new = {"email": "new@example.com", "password": PASSWORD, "roles": ["manager"]}
    assert client.post(USERS, json=new, headers=manager).status_code == 201


GIFTS: list[dict[str, Any]] = [{"is_superuser": True}, {"roles": ["editor"]}, {"roles": ["manager", "editor"]}]


@pytest.mark.parametrize("gift", GIFTS, ids=str)
def test_manager_gives_nobody_more_than_he_has(
    client: TestClient, user: User, manager: dict[str, str], gift: dict[str, Any]
) -> None:
    account = {"email": "new@example.com", "password": PASSWORD, **gift}
    assert_problem(client.post(USERS, json=account, headers=manager), 403)
    assert_problem(client.put(f"{USERS}/{user.id}", json=account, headers=manager), 403)
    assert_problem(client.patch(f"{USERS}/{user.id}", json=gift, headers=manager), 403)
    assert client.get(USERS, params={"email": "new@example.com"}, headers=manager).json()["items"] == []


@pytest.mark.parametrize(
    "fields", [{"is_superuser": True}, {"roles": ["editor"]}, {"roles": ["editor", "manager"]}], ids=str
)
def test_manager_cannot_touch_who_has_more(
    client: TestClient, make_user: Callable[..., User], manager: dict[str, str], fields: dict[str, Any]
) -> None:
    path = f"{USERS}/{make_user(**fields).id}"
    before = client.get(path, headers=manager).json()
    changes: list[dict[str, Any]] = [{"password": "another long password"}, {"email": "me@example.com"}, {"roles": []}]
    for change in changes:
        assert_problem(client.patch(path, json=change, headers=manager), 403)
    assert_problem(client.delete(path, headers=manager), 403)
    assert client.get(path, headers=manager).json() == before


def test_manager_cannot_become_more(client: TestClient, make_user: Callable[..., User], superuser: User) -> None:
    boss = make_user("boss", roles=["manager"])
    for gift in GIFTS:
        assert_problem(client.patch(f"{USERS}/{boss.id}", json=gift, headers=as_user(boss)), 403)
