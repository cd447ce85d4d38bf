"""Tasks: a private list. Whatever anybody else asks, superusers included, the answer is that of an empty service."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import crud
from app.models import Task, User
from app.schemas.task import TaskCreate
from tests.api.test_recipes import assert_problem
from tests.conftest import ROOT, as_user

PATH = "/api/v1/tasks"

Add = Callable[..., Task]


@pytest.fixture
def add(session: Session, user: User) -> Add:
    """Adds a task of the user's."""

    def add(title: str = "Buy peas", owner: User = user, **fields: Any) -> Task:
        task = crud.task.create(session, TaskCreate(title=title, **fields), owner)
        session.commit()
        return task

    return add


@pytest.fixture(params=["other", "superuser"])
def stranger(request: pytest.FixtureRequest, make_user: Callable[..., User]) -> dict[str, str]:
    return as_user(make_user("stranger", is_superuser=request.param == "superuser"))


def titles(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["title"] for item in response.json()["items"]]


# What a task is


def test_task_is_its_title_and_has_defaults_for_the_rest(client: TestClient, user: User) -> None:
    headers = as_user(user)
    created = client.post(PATH, json={"title": "  Buy peas "}, headers=headers)
    assert created.status_code == 201, created.text
    told = {"title": "Buy peas", "description": "", "due_date": None, "completed": False, "version": 1}
    assert created.json() | told == created.json()
    assert created.json().keys() - told.keys() == {"id", "created_at", "updated_at"}, "whose it is goes without saying"
    assert client.get(created.headers["Location"], headers=headers).json() == created.json()


def test_task_keeps_all_that_was_sent(client: TestClient, user: User) -> None:
    task = {"title": "<b>P&L</b>", "description": "Fresh.\nOr\tfrozen 🫛", "due_date": "2026-02-28", "completed": True}
    created = client.post(PATH, json=task, headers=as_user(user)).json()
    assert created | task == created


@pytest.mark.parametrize(
    ("field", "good"),
    [("title", "abc"), ("title", "é" * 50), ("title", "a b"), ("description", ""), ("description", "🫛" * 500)],
)
def test_longest_and_shortest_are_taken(client: TestClient, user: User, field: str, good: str) -> None:
    answer = client.post(PATH, json={"title": "Buy peas", field: good}, headers=as_user(user))
    assert answer.status_code == 201, answer.text
    assert answer.json()[field] == good


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        *[("title", bad) for bad in ("ab", "   ", "  ab  ", "a" * 51, "a\nb", "a\0b", "\ud800abc", None, 123)],
        *[("description", bad) for bad in ("a" * 501, "\0", None, ["text"])],
        *[("due_date", bad) for bad in ("2026-02-30", "tomorrow", "2026-02-28T00:00:00Z", 0, "")],
        *[("completed", bad) for bad in ("true", 1, None)],
        *[("owner_id", 1), ("deleted_at", None)],
    ],
)
def test_bad_task_is_refused_and_its_field_named(
    client: TestClient, session: Session, user: User, field: str, bad: object
) -> None:
    headers = as_user(user) | {"Content-Type": "application/json"}
    answer = client.post(PATH, content=json.dumps({"title": "Buy peas", field: bad}), headers=headers)
    assert_problem(answer, 422, f"/{field}")
    assert session.scalar(select(func.count()).select_from(Task)) == 0


def test_patch_changes_what_was_sent_and_put_all(client: TestClient, user: User, add: Add) -> None:
    path, headers = f"{PATH}/{add(description='Fresh', due_date='2026-02-28').id}", as_user(user)
    done = client.patch(path, json={"completed": True}, headers=headers).json()
    assert (done["title"], done["description"], done["due_date"], done["completed"]) == (
        "Buy peas",
        "Fresh",
        "2026-02-28",
        True,
    )
    whenever = client.patch(path, json={"due_date": None}, headers=headers).json()
    assert whenever["due_date"] is None
    again = client.put(path, json={"title": "Buy beans"}, headers=headers).json()
    assert (again["description"], again["completed"], again["version"]) == ("", False, 4)


def test_list_is_filtered_by_completed_and_by_due_date_and_sorted(client: TestClient, user: User, add: Add) -> None:
    today = date(2026, 1, 31)
    for days, completed in ((1, False), (-1, True), (0, False), (None, False)):
        due = None if days is None else today + timedelta(days)
        add(f"Due {days}", due_date=due, completed=completed)

    def asked(**parameters: Any) -> list[str]:
        return titles(client.get(PATH, params={"sort": "due_date", **parameters}, headers=as_user(user)))

    assert asked() == ["Due -1", "Due 0", "Due 1", "Due None"]
    assert asked(sort="-due_date") == ["Due 1", "Due 0", "Due -1", "Due None"]
    assert asked(completed="true") == ["Due -1"]
    assert asked(completed="false", due_date__lte=today) == ["Due 0"]
    for operation, expected in {
        "": ["Due 0"],
        "__ne": ["Due -1", "Due 1", "Due None"],
        "__lt": ["Due -1"],
        "__lte": ["Due -1", "Due 0"],
        "__gt": ["Due 1"],
        "__gte": ["Due 0", "Due 1"],
        "__in": ["Due 0"],
    }.items():
        assert asked(**{f"due_date{operation}": today}) == expected, operation
    assert asked(due_date__isnull="true") == ["Due None"]
    assert asked(due_date__isnull="false") == ["Due -1", "Due 0", "Due 1"]


def test_csv_that_was_exported_can_be_imported(client: TestClient, user: User, add: Add) -> None:
    add("Done, at last", description="=1+1\nsecond line", due_date="2026-02-28", completed=True)
    add("Not yet")
    headers = as_user(user)
    columns = "title,description,due_date,completed"
    content = f'{columns}\n"Done, at last","=1+1\nsecond line",2026-02-28,true\nNot yet,,,false\n'
    csv = headers | {"Content-Type": "text/csv"}
    assert client.post(f"{PATH}/import", content=content, headers=csv).json() == {"rows": 2, "dry_run": False}
    items = client.get(PATH, params={"sort": "id"}, headers=headers).json()["items"]
    kept = [[item[name] for name in columns.split(",")] for item in items]
    assert kept[:2] == kept[2:]
    exported = client.get(f"{PATH}/export", params={"completed": "true"}, headers=headers).text
    assert exported.count("Done, at last") == 2
    assert "'=1+1" in exported


# Nobody else


@pytest.fixture
def secret(client: TestClient, session: Session, user: User, add: Add) -> Iterator[Task]:
    """A task of somebody, who also has a deleted one. Neither has changed when the test is over."""
    secret = add("Buy the ring", due_date="2026-02-14")
    gone = add("Buy the ring")
    crud.task.remove(session, gone.id, user)
    session.commit()
    yield secret
    session.expire_all()
    kept = session.scalars(select(Task).where(Task.owner_id == user.id).order_by(Task.id)).all()
    assert [(task.version, task.completed, task.deleted_at is None) for task in kept] == [
        (1, False, True),
        (2, False, False),
    ]


def test_others_find_as_much_as_if_there_were_nothing(
    client: TestClient, secret: Task, stranger: dict[str, str]
) -> None:
    for parameters in (
        {},
        {"q": "ring"},
        {"id": secret.id},
        {"due_date": "2026-02-14"},
        {"title__icontains": "ring"},
        {"deleted": "only"},
        {"sort": "-due_date", "offset": "0"},
    ):
        empty = client.get(PATH, params={**parameters, "count": "exact"}, headers=stranger)
        assert empty.json() == {"items": [], "next_cursor": None, "total": 0}
    assert client.get(f"{PATH}/export", params={"format": "jsonl"}, headers=stranger).content == b""
    assert client.get(f"{PATH}/export", params={"format": "jsonl", "deleted": "only"}, headers=stranger).content == b""


def test_task_of_somebody_else_is_answered_like_one_that_was_never_there(
    client: TestClient, secret: Task, stranger: dict[str, str]
) -> None:
    def asked(id: int) -> list[tuple[int, str, object]]:
        one, deleted, many = f"{PATH}/{id}", f"{PATH}/{id + 1}", f"{PATH}/batch"
        change = {"completed": True}
        matches = stranger | {"If-Match": '"1"'}
        answers = [
            client.get(one, headers=stranger),
            client.get(one, headers=stranger | {"If-None-Match": '"1"'}),
            client.head(one, headers=stranger),
            client.patch(one, json=change, headers=stranger),
            client.patch(one, json=change, headers=matches),
            client.patch(one, json=change, headers=stranger | {"If-Match": '"7"'}),
            client.put(one, json={"title": "Buy peas"}, headers=stranger),
            client.delete(one, headers=stranger),
            client.delete(one, headers=stranger | {"If-Match": '"7"'}),
            client.post(f"{one}/restore", headers=stranger),
            client.post(f"{deleted}/restore", headers=stranger),
            client.patch(many, json={"items": [{"id": id, "version": 1, **change}]}, headers=stranger),
            client.delete(many, params={"id": id}, headers=stranger),
        ]
        return [
            (answer.status_code, answer.reason_phrase, answer.content and answer.json()["detail"]) for answer in answers
        ]

    assert {status for status, *_ in asked(secret.id)} == {404}
    assert asked(secret.id) == asked(secret.id + 1_000)


def test_cursor_of_somebody_else_leads_to_nothing_of_his(
    client: TestClient, user: User, add: Add, stranger: dict[str, str]
) -> None:
    for number in range(3):
        add(f"Task {number}")
    cursor = client.get(PATH, params={"limit": 1}, headers=as_user(user)).json()["next_cursor"]
    page = client.get(PATH, params={"limit": 1, "cursor": cursor, "count": "exact"}, headers=stranger)
    assert page.json() == {"items": [], "next_cursor": None, "total": 0}


def test_what_others_have_takes_nothing_away_from_one(
    client: TestClient, secret: Task, stranger: dict[str, str]
) -> None:
    """No name is taken, no key was used: an error would tell."""
    sent, headers = {"title": secret.title}, stranger | {"Idempotency-Key": "first"}
    assert client.post(PATH, json=sent, headers=headers).status_code == 201
    assert client.post(PATH, json=sent, headers=headers).headers["Idempotency-Replayed"] == "true"
    assert titles(client.get(PATH, headers=stranger)) == [secret.title]


def test_idempotency_key_of_somebody_else_replays_nothing(
    client: TestClient, user: User, stranger: dict[str, str]
) -> None:
    sent = {"title": "Buy the ring"}
    key = {"Idempotency-Key": "guessed"}
    own = client.post(PATH, json=sent, headers=as_user(user) | key)
    other = client.post(PATH, json=sent, headers=stranger | key)
    assert "Idempotency-Replayed" not in other.headers
    assert own.json()["id"] != other.json()["id"]


def test_tasks_go_with_their_owner(client: TestClient, session: Session, user: User, superuser: User, add: Add) -> None:
    add()
    add(owner=superuser)
    assert client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)).status_code == 204
    assert session.scalars(select(Task.owner_id)).all() == [superuser.id]


def test_a_resource_is_short() -> None:
    """What is written by hand for a resource with an owner, without empty lines, imports, docstrings and comments."""
    lines = [
        line
        for path in (ROOT / "app").rglob("*task.py")
        for line in path.read_text().splitlines()
        if line.strip() and not line.startswith(("from ", "import ", '"""', "#"))
    ]
    assert len(lines) <= 60
