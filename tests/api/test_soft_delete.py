"""Rows that are gone and can come back: nobody sees them but those who may restore them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.models import Recipe, User
from tests.api.test_recipes import PATH, SOUP, assert_problem, labels
from tests.conftest import as_user


@pytest.fixture
def gone(client: TestClient, user: User) -> dict[str, Any]:
    """A recipe of Ann's that she has deleted; another one lives."""
    for label in ("Gone soup", "Living soup"):
        assert client.post(PATH, json=SOUP | {"label": label}, headers=as_user(user)).status_code == 201
    recipe = next(item for item in client.get(PATH).json()["items"] if item["label"] == "Gone soup")
    assert client.delete(f"{PATH}/{recipe['id']}", headers=as_user(user)).status_code == 204
    assert isinstance(recipe, dict)
    return recipe


@pytest.fixture
def bob(make_user: Callable[..., User]) -> User:
    return make_user("bob")


# Gone


@pytest.mark.parametrize(
    "query", ["", "q=soup", "label=Gone soup", "label__icontains=gone", "sort=-id", "offset=0&count=exact"]
)
def test_deleted_row_is_in_no_list(client: TestClient, gone: dict[str, Any], query: str) -> None:
    assert "Gone soup" not in labels(client.get(f"{PATH}?{query}"))


def test_deleted_row_is_nowhere_else(client: TestClient, gone: dict[str, Any], user: User, superuser: User) -> None:
    path = f"{PATH}/{gone['id']}"
    for headers in ({}, as_user(user), as_user(superuser)):
        assert client.get(PATH, params={"count": "exact"}, headers=headers).json()["total"] == 1
        assert_problem(client.get(path, headers=headers), 404)
        assert_problem(client.get(path, params={"expand": "submitter"}, headers=headers), 404)
        assert "Gone" not in client.get(f"{PATH}/export", headers=headers).text
        assert "Gone" not in client.get(f"{PATH}/search", params={"keyword": "soup"}, headers=headers).text
    assert "Gone" not in client.get("/", headers={"Accept": "text/html"}).text


def test_deleted_row_cannot_be_changed(client: TestClient, gone: dict[str, Any], user: User) -> None:
    path, headers = f"{PATH}/{gone['id']}", as_user(user)
    assert_problem(client.patch(path, json={"label": "x"}, headers=headers), 404)
    assert_problem(client.put(path, json=SOUP, headers=headers), 404)
    assert_problem(client.delete(path, headers=headers), 404)
    assert_problem(client.delete(f"{PATH}/batch", params={"id": gone["id"]}, headers=headers), 404)


def test_stale_version_deletes_nothing(client: TestClient, user: User) -> None:
    created = client.post(PATH, json=SOUP, headers=as_user(user))
    headers = as_user(user) | {"If-Match": '"7"'}
    assert_problem(client.delete(created.headers["Location"], headers=headers), 412)
    assert client.get(created.headers["Location"]).status_code == 200


# ?deleted=only


def test_who_may_restore_sees_what_is_deleted(
    client: TestClient, gone: dict[str, Any], user: User, superuser: User, bob: User
) -> None:
    def deleted(caller: User, query: str = "") -> list[str]:
        return labels(client.get(f"{PATH}?deleted=only&{query}", headers=as_user(caller)))

    assert deleted(user) == ["Gone soup"]
    assert deleted(superuser) == ["Gone soup"]
    assert deleted(bob) == []
    assert deleted(user, "q=living") == []
    assert deleted(user, "q=gone&sort=-label&count=exact") == ["Gone soup"]
    [row] = client.get(f"{PATH}/export?deleted=only&format=jsonl", headers=as_user(user)).text.splitlines()
    assert json.loads(row)["id"] == gone["id"]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/export"])
def test_what_is_deleted_is_not_shown_to_who_is_not_signed_in(
    client: TestClient, gone: dict[str, Any], path: str
) -> None:
    answer = client.get(f"{path}?deleted=only")
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["", "true", "all", "ONLY", "%00", "only&deleted=only"])
def test_other_words_are_422(client: TestClient, user: User, value: str) -> None:
    assert_problem(client.get(f"{PATH}?deleted={value}", headers=as_user(user)), 422)


def test_cursor_of_the_deleted_is_not_one_of_the_living(client: TestClient, user: User) -> None:
    for _ in range(4):
        created = client.post(PATH, json=SOUP, headers=as_user(user))
    for id in (created.json()["id"] - 1, created.json()["id"] - 2):
        client.delete(f"{PATH}/{id}", headers=as_user(user))
    pages = [client.get(f"{PATH}?limit=1{more}", headers=as_user(user)).json() for more in ("", "&deleted=only")]
    for page, query in zip(pages, ["deleted=only&", ""], strict=True):
        answer = client.get(f"{PATH}?{query}cursor={page['next_cursor']}", headers=as_user(user))
        assert_problem(answer, 400)


# Back


def test_restored_row_is_as_it_was_in_a_new_version(client: TestClient, gone: dict[str, Any], user: User) -> None:
    path = f"{PATH}/{gone['id']}"
    restored = client.post(f"{path}/restore", headers=as_user(user))
    assert restored.status_code == 200, restored.text
    assert restored.json() == gone | {"version": 3, "updated_at": restored.json()["updated_at"]}
    assert restored.headers["ETag"] == '"3"'
    assert client.get(path).json() == restored.json()
    assert labels(client.get(f"{PATH}?deleted=only", headers=as_user(user))) == []
    assert client.get(path, headers={"If-None-Match": '"3"'}).status_code == 304


def test_tag_of_before_is_stale_afterwards(client: TestClient, gone: dict[str, Any], user: User) -> None:
    path = f"{PATH}/{gone['id']}"
    client.post(f"{path}/restore", headers=as_user(user))
    headers = as_user(user) | {"If-Match": f'"{gone["version"]}"'}
    assert_problem(client.patch(path, json={"label": "x"}, headers=headers), 412)


def test_living_row_cannot_be_restored(client: TestClient, gone: dict[str, Any], user: User) -> None:
    path = f"{PATH}/{gone['id']}/restore"
    assert client.post(path, headers=as_user(user)).status_code == 200
    assert_problem(client.post(path, headers=as_user(user)), 409)


def test_only_its_owner_and_superusers_restore_it(
    client: TestClient, gone: dict[str, Any], bob: User, superuser: User, session: Session
) -> None:
    path = f"{PATH}/{gone['id']}/restore"
    assert_problem(client.post(path), 401)
    # Bob is not told that it was ever there.
    assert_problem(client.post(path, headers=as_user(bob)), 404)
    assert session.get_one(Recipe, gone["id"]).deleted_at is not None
    assert client.post(path, headers=as_user(superuser)).status_code == 200


@pytest.mark.parametrize("id", ["0", "-1", "9" * 30])
def test_what_is_no_id_is_422(client: TestClient, user: User, id: str) -> None:
    assert_problem(client.post(f"{PATH}/{id}/restore", headers=as_user(user)), 422)


def test_what_was_never_there_is_404(client: TestClient, user: User) -> None:
    assert_problem(client.post(f"{PATH}/{2**53 - 1}/restore", headers=as_user(user)), 404)


# Unique names


@pytest.mark.usefixtures("unique_label")
def test_name_of_a_deleted_row_can_be_used_again(client: TestClient, gone: dict[str, Any], user: User) -> None:
    headers, path = as_user(user), f"{PATH}/{gone['id']}"
    assert_problem(client.post(PATH, json=SOUP | {"label": "Living soup"}, headers=headers), 409, "/label")
    second = client.post(PATH, json=SOUP | {"label": "Gone soup"}, headers=headers)
    assert second.status_code == 201

    assert_problem(client.post(f"{path}/restore", headers=headers), 409, "/label")
    assert_problem(client.get(path), 404)
    client.delete(second.headers["Location"], headers=headers)
    assert client.post(f"{path}/restore", headers=headers).status_code == 200
    # Of two deleted rows with one name, either may come back, and then the other may not.
    assert_problem(client.post(f"{second.headers['Location']}/restore", headers=headers), 409, "/label")


# Off


def test_other_resources_have_nothing_of_it(client: TestClient, superuser: User) -> None:
    headers = as_user(superuser)
    assert_problem(client.post(f"/api/v1/users/{superuser.id}/restore", headers=headers), 404)
    assert_problem(client.get("/api/v1/users?deleted=only", headers=headers), 422)
