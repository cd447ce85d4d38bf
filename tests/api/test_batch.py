"""Many rows in one request: all of them or none, under the same rules as one."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app import crud
from app.core.config import settings
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user

BATCH = f"{PATH}/batch"


def soups(*labels: str) -> dict[str, Any]:
    return {"items": [SOUP | {"label": label} for label in labels]}


@pytest.fixture
def ids(session: Session, user: User) -> list[int]:
    """Three recipes of Ann's."""
    rows = [crud.recipe.create(session, RecipeCreate.model_validate(SOUP | {"label": x}), user) for x in "abc"]
    session.commit()
    return [row.id for row in rows]


def read(client: TestClient, ids: list[int]) -> list[dict[str, Any]]:
    found = client.get(PATH, params={"id__in": ids}).json()["items"]
    assert isinstance(found, list)
    return found


# Create


def test_created_rows_come_back_in_their_order(client: TestClient, user: User) -> None:
    labels = [f"soup {number * 7919 % 1000}" for number in range(1000)]
    created = client.post(BATCH, json=soups(*labels), headers=as_user(user))
    assert created.status_code == 201, created.text
    items = created.json()["items"]
    assert [item["label"] for item in items] == labels
    assert {item["submitter_id"] for item in items} == {user.id}
    assert {item["version"] for item in items} == {1}
    assert client.get(f"{PATH}/{items[500]['id']}").json() == items[500]


def test_a_thousand_rows_take_few_statements(client: TestClient, user: User, engine: Engine) -> None:
    statements: list[str] = []

    def note(*args: Any) -> None:
        statements.append(args[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.post(BATCH, json=soups(*["x"] * 1000), headers=as_user(user)).status_code == 201
    finally:
        event.remove(engine, "before_cursor_execute", note)
    inserts = [one for one in statements if one.startswith("INSERT INTO recipe")]
    # SQLite is asked row by row, which costs no round trip: it does not promise to number them in their order.
    assert len(inserts) <= (10 if engine.dialect.name == "postgresql" else 1000)


BAD = {
    "nothing": ({}, "/items"),
    "no items": ({"items": []}, "/items"),
    "null": ({"items": None}, "/items"),
    "no list": ({"items": "x"}, "/items"),
    "too many": ({"items": [{}] * 1001}, "/items"),
    "number": ({"items": [SOUP, 5]}, "/items/1"),
    "null item": ({"items": [SOUP, None]}, "/items/1"),
    "id": ({"items": [SOUP, SOUP | {"id": 1}]}, "/items/1/id"),
    "owner": ({"items": [SOUP, SOUP | {"submitter_id": 1}]}, "/items/1/submitter_id"),
    "empty label": ({"items": [SOUP, SOUP, SOUP, SOUP | {"label": ""}]}, "/items/3/label"),
    "long label": ({"items": [SOUP, SOUP | {"label": "x" * 257}]}, "/items/1/label"),
    "NUL": ({"items": [SOUP, SOUP | {"label": "a\x00b"}]}, "/items/1/label"),
    "unknown field": ({"items": [SOUP], "dry_run": True}, "/dry_run"),
}


@pytest.mark.parametrize(("body", "pointer"), BAD.values(), ids=BAD)
def test_bad_batch_points_at_what_is_wrong(
    client: TestClient, user: User, count_recipes: Callable[[], int], body: object, pointer: str
) -> None:
    assert_problem(client.post(BATCH, json=body, headers=as_user(user)), 422, pointer)
    assert count_recipes() == 0


def test_every_bad_item_is_told(client: TestClient, user: User) -> None:
    answer = client.post(BATCH, json=soups("ok", "", "ok", ""), headers=as_user(user))
    assert_problem(answer, 422, "/items/1/label", "/items/3/label")


@pytest.mark.usefixtures("unique_label")
def test_taken_value_points_at_its_item_and_nothing_stays(
    client: TestClient, user: User, ids: list[int], count_recipes: Callable[[], int]
) -> None:
    for labels in (["d", "e", "f", "a"], ["d", "e", "f", "d"]):
        answer = client.post(BATCH, json=soups(*labels), headers=as_user(user))
        assert_problem(answer, 409, "/items/3/label")
        assert answer.json()["errors"][0]["type"] == "unique"
        assert count_recipes() == 3
    items = [{"id": ids[0], "label": "z"}, {"id": ids[1], "label": "c"}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 409, "/items/1/label")
    assert [row["label"] for row in read(client, ids)] == ["a", "b", "c"]


def test_sent_again_under_its_key_it_is_not_done_again(
    client: TestClient, user: User, count_recipes: Callable[[], int]
) -> None:
    headers = as_user(user) | {"Idempotency-Key": "once"}
    first, second = (client.post(BATCH, json=soups("a", "b"), headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json() == first.json()
    assert count_recipes() == 2
    assert_problem(client.post(BATCH, json=soups("a"), headers=headers), 422, "header/Idempotency-Key")


# Update


def test_each_item_changes_what_it_sends(client: TestClient, user: User, ids: list[int]) -> None:
    before = read(client, ids)
    items = [{"id": ids[2], "label": "C"}, {"id": ids[0], "source": "Aunt", "version": 1}, {"id": ids[1]}]
    answer = client.patch(BATCH, json={"items": items}, headers=as_user(user))
    assert answer.status_code == 200, answer.text
    after = answer.json()["items"]
    assert [row["id"] for row in after] == [ids[2], ids[0], ids[1]]
    assert sorted(after, key=lambda row: row["id"]) == read(client, ids)
    assert after[0] | {"label": "C", "source": "Grandmother", "version": 2} == after[0]
    assert after[1] | {"label": "a", "source": "Aunt", "version": 2} == after[1]
    assert after[2] == before[1]


def test_stale_version_is_412_and_nothing_changes(client: TestClient, user: User, ids: list[int]) -> None:
    client.patch(f"{PATH}/{ids[1]}", json={"label": "B"}, headers=as_user(user))
    before = read(client, ids)
    items = [{"id": id, "label": "x", "version": 1} for id in ids]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 412, "/items/1")
    assert read(client, ids) == before


@pytest.mark.parametrize("version", [0, -1, 2**31, "1.5", "x", [1]])
def test_what_is_no_version_is_422(client: TestClient, user: User, ids: list[int], version: object) -> None:
    items = [{"id": ids[0], "version": version}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 422, "/items/0/version")


@pytest.mark.parametrize("id", [None, 0, -1, 2**53, "x", 10**400])
def test_what_is_no_id_is_422(client: TestClient, user: User, id: object) -> None:
    assert_problem(client.patch(BATCH, json={"items": [{"id": id}]}, headers=as_user(user)), 422, "/items/0/id")


def test_row_cannot_come_twice(client: TestClient, user: User, ids: list[int]) -> None:
    items = [{"id": id, "label": "x"} for id in [*ids, ids[0]]]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 409, "/items/3/id")
    answer = client.delete(BATCH, params={"id": [*ids, ids[1]]}, headers=as_user(user))
    assert_problem(answer, 409, "query/id/3")
    assert [row["version"] for row in read(client, ids)] == [1, 1, 1]


def test_absent_row_is_404_and_nothing_changes(client: TestClient, user: User, ids: list[int]) -> None:
    items = [{"id": ids[0], "label": "x"}, {"id": 2**53 - 1, "label": "x"}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 404, "/items/1")
    assert_problem(client.delete(BATCH, params={"id": [ids[0], 2**53 - 1]}, headers=as_user(user)), 404, "query/id/1")
    assert [row["version"] for row in read(client, ids)] == [1, 1, 1]


def test_null_is_refused_where_the_column_has_none(client: TestClient, user: User, ids: list[int]) -> None:
    items = [{"id": ids[0]}, {"id": ids[1], "label": None}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 422, "/items/1/label")


# Delete


def test_deleted_rows_are_gone(client: TestClient, user: User, ids: list[int]) -> None:
    gone = client.delete(BATCH, params={"id": ids[:2]}, headers=as_user(user))
    assert (gone.status_code, gone.content) == (204, b"")
    assert [row["id"] for row in read(client, ids)] == [ids[2]]
    assert_problem(client.delete(BATCH, params={"id": ids[1:]}, headers=as_user(user)), 404, "query/id/0")


@pytest.mark.parametrize("query", ["", "id=", "id=x", "id=0", "id=1.5", "id=" + "9" * 400, "id=1&ids=2", "id=%00"])
def test_bad_ids_are_422(client: TestClient, user: User, query: str) -> None:
    assert_problem(client.delete(f"{BATCH}?{query}", headers=as_user(user)), 422)


def test_at_most_a_hundred_rows_are_deleted_at_once(client: TestClient, user: User) -> None:
    answer = client.delete(BATCH, params={"id": list(range(1, 102))}, headers=as_user(user))
    assert_problem(answer, 422, "query/id")


# Who may


def test_one_row_of_somebody_else_spoils_it_all(
    client: TestClient, ids: list[int], make_user: Callable[..., User], superuser: User
) -> None:
    bob = as_user(make_user("bob"))
    own = client.post(PATH, json=SOUP, headers=bob).json()["id"]
    items = [{"id": id, "label": "Bob's"} for id in (own, ids[0])]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=bob), 403, "/items/1")
    assert_problem(client.delete(BATCH, params={"id": [own, ids[0]]}, headers=bob), 403, "query/id/1")
    assert [row["version"] for row in read(client, [own, *ids])] == [1, 1, 1, 1]
    assert client.patch(BATCH, json={"items": items}, headers=as_user(superuser)).status_code == 200


def test_who_is_not_signed_in_changes_nothing(client: TestClient, ids: list[int]) -> None:
    assert_problem(client.post(BATCH, json=soups("x")), 401)
    assert_problem(client.patch(BATCH, json={"items": [{"id": ids[0], "label": "x"}]}), 401)
    assert_problem(client.delete(BATCH, params={"id": ids}), 401)
    assert len(read(client, ids)) == 3


def test_setting_makes_versions_obligatory(
    client: TestClient, user: User, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.resource.batch.settings", settings.model_copy(update={"REQUIRE_IF_MATCH": True}))
    items: list[dict[str, Any]] = [{"id": ids[0], "version": 1, "label": "x"}, {"id": ids[1], "label": "x"}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 428, "/items/1/version")
    assert_problem(client.delete(BATCH, params={"id": ids}, headers=as_user(user)), 428)
    items[1]["version"] = 1
    assert client.patch(BATCH, json={"items": items}, headers=as_user(user)).status_code == 200


def test_users_have_no_batch(client: TestClient, superuser: User) -> None:
    """A resource says what it does without: nothing of it is there, and nothing else takes its place."""
    answer = client.post("/api/v1/users/batch", json={"items": []}, headers=as_user(superuser))
    assert_problem(answer, 404)


def test_deleted_row_cannot_be_changed(client: TestClient, user: User, ids: list[int], session: Session) -> None:
    client.delete(f"{PATH}/{ids[0]}", headers=as_user(user))
    items = [{"id": ids[0], "label": "x"}]
    assert_problem(client.patch(BATCH, json={"items": items}, headers=as_user(user)), 404, "/items/0")
    deleted = session.get_one(Recipe, ids[0])
    assert (deleted.label, deleted.version) == ("a", 2)
