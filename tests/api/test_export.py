"""Any filtered list, whole, as a file."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app import crud
from app.models import Recipe, User
from app.transfer import exporting
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user

EXPORT = f"{PATH}/export"
Rows = list[dict[str, Any]]


@pytest.fixture
def add(session: Session, user: User) -> Callable[..., None]:
    def add(*labels: str, source: str = "Aunt") -> None:
        rows = [{"label": label, "source": source, "url": "https://example.com/"} for label in labels]
        session.execute(insert(Recipe), [row | {"submitter_id": user.id} for row in rows])
        session.commit()

    return add


@pytest.fixture
def export(client: TestClient) -> Callable[..., Rows]:
    """The same rows from both formats."""

    def export(query: str = "", **headers: str) -> Rows:
        answers = [client.get(f"{EXPORT}?format={name}&{query}", headers=headers) for name in ("csv", "jsonl")]
        assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
        rows = [json.loads(line) for line in answers[1].text.splitlines()]
        table = [row["label"] for row in csv.DictReader(io.StringIO(answers[0].text, newline=""))]
        assert [label.removeprefix("'") for label in table] == [row["label"].removeprefix("'") for row in rows]
        return rows

    return export


def labels(rows: Rows) -> list[str]:
    return [row["label"] for row in rows]


def test_files_say_what_they_are(client: TestClient, add: Callable[..., None]) -> None:
    add("Soup")
    for query, media_type, name in [
        ("", "text/csv; charset=utf-8", "recipes.csv"),
        ("?format=csv", "text/csv; charset=utf-8", "recipes.csv"),
        ("?format=jsonl", "application/jsonl", "recipes.jsonl"),
    ]:
        answer = client.get(f"{EXPORT}{query}")
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_rows_are_as_they_are_elsewhere(client: TestClient, add: Callable[..., None]) -> None:
    add("Crème brûlée 🍮")
    [row] = client.get(PATH).json()["items"]
    [line] = client.get(f"{EXPORT}?format=jsonl").text.splitlines()
    assert json.loads(line) == row
    [cells] = csv.DictReader(io.StringIO(client.get(EXPORT).text))
    assert cells == {name: "" if value is None else str(value) for name, value in row.items()}


def test_nothing_is_an_empty_file(client: TestClient) -> None:
    assert client.get(f"{EXPORT}?format=jsonl").content == b""
    names = "id,created_at,updated_at,version,label,source,url,submitter_id"
    assert sorted(client.get(EXPORT).text.strip().split(",")) == sorted(names.split(","))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["b", "a", "C soup"]),
        ("sort=label", ["C soup", "a", "b"]),
        ("sort=-label", ["b", "a", "C soup"]),
        ("q=SOUP", ["C soup"]),
        ("label__icontains=soup&source=Uncle", []),
        ("label__in=a&label__in=b&sort=-id", ["a", "b"]),
        ("id__lt=0", []),
    ],
)
def test_any_list_can_be_exported(
    add: Callable[..., None], export: Callable[..., Rows], query: str, found: list[str]
) -> None:
    add("b", "a", "C soup")
    assert labels(export(query)) == found


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35])
def test_chunks_join_without_a_seam(
    add: Callable[..., None], export: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 10)
    if count:
        add(*(f"{number % 3}" for number in range(count)))
    rows = export("sort=-label")
    assert len({row["id"] for row in rows}) == len(rows) == count
    assert labels(rows) == sorted(labels(rows), reverse=True)


def test_rows_that_come_and_go_meanwhile_disturb_nobody(
    client: TestClient, session: Session, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 10)
    add(*(f"{number:02}" for number in range(30)))
    get_multi = crud.recipe.get_multi

    def get_and_change(*args: Any) -> Any:
        rows = get_multi(*args)
        if rows:
            client.delete(f"{PATH}/{rows[0].id}", headers=as_user(user))
            client.post(PATH, json=SOUP | {"label": "!"}, headers=as_user(user))
        return rows

    monkeypatch.setattr(crud.recipe, "get_multi", get_and_change)
    lines = client.get(f"{EXPORT}?format=jsonl&sort=label").text.splitlines()
    assert [json.loads(line)["label"] for line in lines] == [f"{number:02}" for number in range(30)]


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "'tis", "\uff1d1", '=HYPERLINK("https://example.com","x")', "- soup"]


def test_formula_goes_out_marked_and_comes_back_itself(
    client: TestClient, add: Callable[..., None], user: User
) -> None:
    add(*FORMULAS)
    content = client.get(f"{EXPORT}?sort=id").content
    table = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [row["label"] for row in table] == [f"'{formula}" for formula in FORMULAS]

    text = io.StringIO()
    writer = csv.DictWriter(text, ["label", "source", "url"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(table)
    headers = as_user(user) | {"Content-Type": "text/csv"}
    assert client.post(f"{PATH}/import", content=text.getvalue().encode(), headers=headers).status_code == 201
    items = client.get(PATH, params={"sort": "-id", "limit": len(FORMULAS)}).json()["items"]
    assert [item["label"] for item in reversed(items)] == FORMULAS


@pytest.mark.parametrize(
    "query",
    [
        "format=",
        "format=xml",
        "format=CSV",
        "format=%00",
        "limit=5",
        "offset=5",
        "cursor=x",
        "count=exact",
        "expand=submitter",
        "sort=color",
        "q=",
        "label=%00",
        "label__regex=x",
        "deleted=yes",
        "id=1&id=2",
    ],
)
def test_bad_parameter_is_422_and_no_file(client: TestClient, query: str) -> None:
    answer = client.get(f"{EXPORT}?{query}")
    assert_problem(answer, 422)
    assert "Content-Disposition" not in answer.headers


def test_export_is_for_those_who_may_read(client: TestClient, user: User, superuser: User) -> None:
    path = "/api/v1/users/export"
    assert_problem(client.get(path), 401)
    assert_problem(client.get(path, headers=as_user(user)), 403)
    table = csv.DictReader(io.StringIO(client.get(path, headers=as_user(superuser)).text))
    assert {row["email"] for row in table} == {user.email, superuser.email}
    assert "hashed_password" not in (table.fieldnames or [])


def test_deleted_rows_are_exported_to_those_who_may_restore_them(
    client: TestClient, add: Callable[..., None], export: Callable[..., Rows], user: User, superuser: User
) -> None:
    add("a", "b")
    [gone, _] = export()
    client.delete(f"{PATH}/{gone['id']}", headers=as_user(user))
    assert labels(export()) == ["b"]
    assert labels(export("deleted=only", **as_user(user))) == ["a"]
    assert labels(export("deleted=only", **as_user(superuser))) == ["a"]


def test_head_answers_without_a_body(client: TestClient, add: Callable[..., None]) -> None:
    add("Soup")
    answer = client.head(EXPORT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_export_that_fails_half_way_is_no_whole_file(
    client: TestClient, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has begun it can only be cut off: whoever reads it must not take it for whole."""
    monkeypatch.setattr(exporting, "CHUNK", 1)
    add("a", "b", "c")
    get_multi, calls = crud.recipe.get_multi, iter([True, False])

    def get_once(*args: Any) -> Any:
        if next(calls):
            return get_multi(*args)
        raise RuntimeError("the second chunk")

    monkeypatch.setattr(crud.recipe, "get_multi", get_once)
    with pytest.raises(RuntimeError, match="the second chunk"):
        client.get(EXPORT)
