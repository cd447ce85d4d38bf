"""A resource below another one, with everything that a resource can do: here steps of tasks, which are private."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, MetaData, Table, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import crud
from app.api import errors
from app.api.deps import CurrentUser
from app.api.resource import add_resource
from app.api.resource.nesting import Within
from app.api.routing import Router
from app.crud.base import CRUDBase
from app.db.base import Base, Identity
from app.db.soft_delete import SoftDelete
from app.middleware.deadline import Deadline
from app.models import User
from app.schemas.task import TaskCreate
from app.schemas.types import UNSENT, Input, Line, Read
from tests.conftest import as_user


class Step(SoftDelete, Base):
    __tablename__ = "step"
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)  # it is in no migration

    task_id: Mapped[int] = mapped_column(Identity)
    label: Mapped[str]


class StepCreate(Input):
    label: Line


class StepUpdate(Input):
    label: Line = UNSENT


class StepRead(Read):
    label: str


router = Router("/api/v1/tasks/{task_id:id}/steps", tags=["steps"])
add_resource(
    router,
    CRUDBase[Step, StepCreate, StepUpdate](Step),
    create=StepCreate,
    update=StepUpdate,
    read=StepRead,
    reader=CurrentUser,
    writer=CurrentUser,
    within=Within(crud.task, "task_id"),
)
app = FastAPI()
app.include_router(router)
app.add_middleware(Deadline, seconds=25)
errors.install(app)
client = TestClient(app)

Make = Callable[..., User]
Headers = dict[str, str]


@pytest.fixture
def tasks(connection: Connection, session: Session, user: User) -> tuple[str, str]:
    """The steps of one task of the user's, and of another one."""
    assert isinstance(Step.__table__, Table)
    Step.metadata.create_all(connection)
    ids = [crud.task.create(session, TaskCreate(title="Make soup"), user).id for _ in range(2)]
    session.commit()
    here, there = (f"/api/v1/tasks/{id}/steps" for id in ids)
    return here, there


@pytest.fixture
def headers(user: User) -> Headers:
    return as_user(user)


def labels(place: str, headers: Headers, **parameters: Any) -> list[str]:
    answer = client.get(place, params={"count": "exact", **parameters}, headers=headers)
    assert answer.status_code == 200, answer.text
    found = [item["label"] for item in answer.json()["items"]]
    assert answer.json()["total"] == len(found)
    return found


def test_many_at_once_stay_in_their_place(tasks: tuple[str, str], headers: Headers) -> None:
    here, there = tasks
    items = [{"label": label} for label in ("Peel", "Cut", "Cook")]
    created = client.post(f"{here}/batch", json={"items": items}, headers=headers)
    assert created.status_code == 201, created.text
    ids = [item["id"] for item in created.json()["items"]]
    assert labels(here, headers) == ["Peel", "Cut", "Cook"]
    assert labels(there, headers) == []
    change = {"items": [{"id": ids[0], "label": "Wash"}]}
    assert client.patch(f"{there}/batch", json=change, headers=headers).status_code == 404
    assert client.delete(f"{there}/batch", params={"id": ids}, headers=headers).status_code == 404
    assert client.patch(f"{here}/batch", json=change, headers=headers).status_code == 200
    assert client.delete(f"{here}/batch", params={"id": ids[1:]}, headers=headers).status_code == 204
    assert labels(here, headers) == ["Wash"]


def test_files_stay_in_their_place(tasks: tuple[str, str], headers: Headers) -> None:
    here, there = tasks
    sent = client.post(f"{here}/import", content="label\nPeel\nCut\n", headers=headers | {"Content-Type": "text/csv"})
    assert sent.status_code == 201, sent.text
    exported = {place: client.get(f"{place}/export", headers=headers) for place in tasks}
    assert [answer.text.count("\n") for answer in exported.values()] == [3, 1]
    assert 'filename="steps.csv"' in exported[here].headers["Content-Disposition"]
    assert labels(there, headers) == []


def test_what_was_deleted_comes_back_to_its_place(tasks: tuple[str, str], headers: Headers) -> None:
    here, there = tasks
    id = client.post(here, json={"label": "Peel"}, headers=headers).json()["id"]
    assert client.delete(f"{here}/{id}", headers=headers).status_code == 204
    assert labels(here, headers, deleted="only") == ["Peel"]
    assert labels(there, headers, deleted="only") == []
    assert client.post(f"{there}/{id}/restore", headers=headers).status_code == 404
    assert client.post(f"{here}/{id}/restore", headers=headers).status_code == 200
    assert labels(here, headers) == ["Peel"]


def test_nothing_is_there_below_what_one_does_not_see(
    tasks: tuple[str, str], headers: Headers, make_user: Make, session: Session
) -> None:
    here, _ = tasks
    id = client.post(here, json={"label": "Peel"}, headers=headers).json()["id"]
    stranger = as_user(make_user("root", is_superuser=True))
    item = {"label": "Cut"}
    answers = [
        client.request(method, f"{here}{path}", headers=stranger, json=body)
        for method, path, body in (
            ("GET", "", None),
            ("POST", "", item),
            ("GET", f"/{id}", None),
            ("PATCH", f"/{id}", item),
            ("PUT", f"/{id}", item),
            ("DELETE", f"/{id}", None),
            ("POST", f"/{id}/restore", None),
            ("POST", "/batch", {"items": [item]}),
            ("PATCH", "/batch", {"items": [{"id": id, **item}]}),
            ("DELETE", f"/batch?id={id}", None),
            ("GET", "/export", None),
        )
    ]
    file = stranger | {"Content-Type": "text/csv"}
    answers.append(client.post(f"{here}/import", content="label\nCut\n", headers=file))
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["detail"] for answer in answers} == {"There is no such task"}
    assert session.scalars(select(Step.label)).all() == ["Peel"]
