"""Rows from a file: all of them or none, whatever the file holds."""

import asyncio
import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from app import crud
from app.core.config import settings
from app.crud.query import ListQuery
from app.main import app
from app.models import User
from tests.api.test_recipes import PATH, assert_problem
from tests.conftest import ROOT, as_user

IMPORT = f"{PATH}/import"
HEADER = b"label,source,url\n"
GOOD = b"Soup,Aunt,https://example.com/\n"
JSON = b'{"label":"Soup","source":"Aunt","url":"https://example.com/"}\n'
CSV_TYPE, JSONL_TYPE = "text/csv", "application/jsonl"

SAMPLE = ROOT / "tests/data"
REAL = "LARDER_REAL_RECIPES"
"""Names a folder with `recipes.csv` and `recipes.jsonl`, the same real recipes in both."""

Send = Callable[..., Response]


@pytest.fixture
def send(client: TestClient, user: User) -> Send:
    def send(content: Any, media_type: str = CSV_TYPE, query: str = "", **headers: str) -> Response:
        headers = {"Content-Type": media_type, **as_user(user), **headers}
        return client.post(f"{IMPORT}{query}", content=content, headers=headers)

    return send


# Good


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (CSV_TYPE, HEADER + GOOD * 1200),
        ("Text/CSV; charset=utf-8; header=present", HEADER + GOOD * 1200),
        (JSONL_TYPE, JSON * 1200),
        ("application/x-ndjson", JSON * 1200),
    ],
    ids=["csv", "csv-with-parameters", "jsonl", "ndjson"],
)
def test_imported_rows_are_the_callers(
    send: Send, session: Session, user: User, media_type: str, content: bytes
) -> None:
    answer = send(content, media_type)
    assert (answer.status_code, answer.json()) == (201, {"rows": 1200, "dry_run": False})
    rows = crud.recipe.get_multi(session, ListQuery(limit=2000, filters={"submitter_id": user.id}))
    assert {(row.label, row.source, row.url, row.version) for row in rows} == {
        ("Soup", "Aunt", "https://example.com/", 1)
    }
    assert len(rows) == 1200


def folders() -> list[Path]:
    return [SAMPLE, *(Path(os.environ[name]) for name in [REAL] if name in os.environ)]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("folder", folders(), ids=str)
def test_real_recipes_come_out_as_they_went_in(client: TestClient, send: Send, folder: Path, format: str) -> None:
    rows = [json.loads(line) for line in (folder / "recipes.jsonl").read_text().splitlines()]
    with (folder / "recipes.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == rows
    content = (folder / f"recipes.{format}").read_bytes()
    answer = send(content, {"csv": CSV_TYPE, "jsonl": JSONL_TYPE}[format])
    assert (answer.status_code, answer.json()["rows"]) == (201, len(rows))

    names = {"label", "source", "url"}
    lines = client.get(f"{PATH}/export?format=jsonl").text.splitlines()
    assert [{name: json.loads(line)[name] for name in names} for line in lines] == rows
    table = client.get(f"{PATH}/export?format=csv").text
    assert [{name: row[name] for name in names} for row in csv.DictReader(table.splitlines())] == rows


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no folder of real recipes")
def test_real_recipes_are_there() -> None:
    """Skipped loudly where only the small sample was tried."""


def test_dry_run_tries_everything_and_keeps_nothing(send: Send, count_recipes: Callable[[], int]) -> None:
    answer = send(HEADER + GOOD * 700, query="?dry_run=true")
    assert (answer.status_code, answer.json()) == (200, {"rows": 700, "dry_run": True})
    assert count_recipes() == 0
    assert_problem(send(HEADER + GOOD + b",,\n", query="?dry_run=true"), 422, "/3/label", "/3/source", "/3/url")
    assert count_recipes() == 0


@pytest.mark.parametrize("query", ["?dry_run=1", "?dry_run=yes", "?dry_run=", "?dryrun=true", "?dry_run=%00"])
def test_mistyped_dry_run_imports_nothing(send: Send, count_recipes: Callable[[], int], query: str) -> None:
    assert_problem(send(HEADER + GOOD, query=query), 422)
    assert count_recipes() == 0


def test_sent_again_under_its_key_it_is_not_done_again(send: Send, count_recipes: Callable[[], int]) -> None:
    first, second = (send(HEADER + GOOD, **{"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count_recipes() == 1
    assert_problem(send(HEADER + GOOD + GOOD, **{"Idempotency-Key": "once"}), 422, "header/Idempotency-Key")
    assert_problem(
        send(HEADER + GOOD, query="?dry_run=true", **{"Idempotency-Key": "once"}), 422, "header/Idempotency-Key"
    )


# All or nothing


@pytest.mark.parametrize("before", [0, 1, 499, 500, 501, 1100])
def test_one_bad_line_spoils_it_all(send: Send, count_recipes: Callable[[], int], before: int) -> None:
    answer = send(HEADER + GOOD * before + b"x,y,ftp://z\n" + GOOD)
    assert_problem(answer, 422, f"/{before + 2}/url")
    assert count_recipes() == 0


def test_at_most_a_hundred_errors_are_told(send: Send, count_recipes: Callable[[], int]) -> None:
    answer = send(HEADER + GOOD * 600 + b",,\n" * 1000)
    assert answer.status_code == 422
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers[:4] == ["/602/label", "/602/source", "/602/url", "/603/label"]
    assert len(pointers) == 100
    assert count_recipes() == 0


@pytest.mark.usefixtures("unique_label")
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize("line", [2, 300, 501, 502, 1000])
def test_taken_value_points_at_its_line(send: Send, count_recipes: Callable[[], int], query: str, line: int) -> None:
    assert send(HEADER + b"taken,Aunt,https://example.com/\n").status_code == 201
    labels = [f"soup {number}" for number in range(1100)]
    labels[line - 2] = "taken"
    content = HEADER + b"".join(f"{label},Aunt,https://example.com/\n".encode() for label in labels)
    assert_problem(send(content, query=query), 409, f"/{line}/label")
    assert count_recipes() == 1


@pytest.mark.usefixtures("unique_label")
def test_value_that_comes_twice_points_at_its_second_line(send: Send, count_recipes: Callable[[], int]) -> None:
    assert_problem(send(JSON + b"\n" + JSON, JSONL_TYPE), 409, "/3/label")
    assert count_recipes() == 0


def test_client_who_leaves_half_way_leaves_nothing(client: TestClient, user: User, session: Session) -> None:
    messages = [
        {"type": "http.request", "body": HEADER + GOOD, "more_body": True},
        {"type": "http.request", "body": GOOD * 5000, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"text/csv"), (b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
    headers += [(name.lower().encode(), value.encode()) for name, value in as_user(user).items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": IMPORT,
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400
    assert crud.recipe.count(session, ListQuery()) == 0


# Refused


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/json", "text/csvx", "multipart/form-data; boundary=x", "text/tab-separated-values"],
)
def test_other_media_type_is_415(send: Send, count_recipes: Callable[[], int], media_type: str) -> None:
    assert_problem(send(HEADER + GOOD, media_type), 415)
    assert count_recipes() == 0


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (CSV_TYPE, b""),
        (CSV_TYPE, b"\n"),
        (CSV_TYPE, HEADER),
        (CSV_TYPE, HEADER + b"\n\n"),
        (CSV_TYPE, JSON),
        (CSV_TYPE, b"\x00" * 100),
        (CSV_TYPE, b'"' * 100_001),
        (CSV_TYPE, HEADER + b'"' + GOOD * 3000),
        (CSV_TYPE, HEADER.decode().encode("utf-16")),
        (CSV_TYPE, b"label,source,url,submitter_id\nSoup,Aunt,https://example.com/,1\n"),
        (JSONL_TYPE, b""),
        (JSONL_TYPE, b" \n\n"),
        (JSONL_TYPE, HEADER + GOOD),
        (JSONL_TYPE, b"[" + JSON.strip() + b"]"),
        (JSONL_TYPE, JSON.replace(b",", b",\n")),
        (JSONL_TYPE, b"[" * 100_000),
        (JSONL_TYPE, b"\xff\xfe"),
    ],
    ids=lambda value: f"{value[:20]!r} of {len(value)}",
)
def test_file_that_is_none_is_422(
    send: Send, count_recipes: Callable[[], int], media_type: str, content: bytes
) -> None:
    answer = send(content, media_type)
    assert_problem(answer, 422)
    assert len(answer.content) < 20_000
    assert count_recipes() == 0


def test_cells_that_are_not_utf_8_are_pointed_at(send: Send) -> None:
    latin = HEADER + GOOD + "Crème,Tante,https://example.com/\n".encode("latin-1")
    assert_problem(send(latin), 422, "/3/label")


def test_larger_file_than_any_other_body_is_taken(send: Send, count_recipes: Callable[[], int]) -> None:
    line = b"x" * 200 + b"," + b"y" * 200 + b",https://example.com/" + b"z" * 1500 + b"\n"
    answer = send(HEADER + line * 1000)  # 1.9 MB
    assert answer.status_code == 201, answer.text
    assert count_recipes() == 1000


def test_too_large_file_is_413(send: Send, count_recipes: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.upload.settings", settings.model_copy(update={"MAX_IMPORT_SIZE": 5000}))
    content = HEADER + GOOD * 1000
    assert_problem(send(content), 413)
    assert_problem(send(iter([content[:4000], content[4000:]])), 413)
    assert count_recipes() == 0


def test_who_is_not_signed_in_imports_nothing(client: TestClient, count_recipes: Callable[[], int]) -> None:
    answer = client.post(IMPORT, content=HEADER + GOOD, headers={"Content-Type": CSV_TYPE})
    assert_problem(answer, 401)
    assert count_recipes() == 0


def test_users_cannot_be_imported(client: TestClient, superuser: User) -> None:
    headers = as_user(superuser) | {"Content-Type": CSV_TYPE}
    assert_problem(client.post("/api/v1/users/import", content=HEADER + GOOD, headers=headers), 404)
