"""No body is a 5xx, none is echoed, and none leaves anything behind."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Recipe, User
from tests.api.test_recipes import PATH, SOUP, assert_problem
from tests.conftest import as_user

DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"42",
        b"NaN",
        b"{",
        b'{"label"}',
        b"\xff\xfe",
        b"\x00",
        b'"' + b"x" * 100_000 + b'"',
        b"[" * DEEP,
        b'{"label":' * DEEP,
        b'{"label": NaN}',
        b'{"label": 1e999, "source": "x", "url": "https://example.com"}',
        b'{"label": ' + b"9" * 400 + b', "source": "x", "url": "https://example.com"}',
        b'{"label": ' + b"9" * 5000 + b', "source": "x", "url": "https://example.com"}',
        b'{"label": "\\ud800", "source": "x", "url": "https://example.com"}',
        b'{"\\ud800": 1}',
        b'{"label": "\\u0000", "source": "x", "url": "https://example.com"}',
        b'{"label": "\xed\xa0\x80", "source": "x", "url": "https://example.com"}',
        b'{"' + b"x" * 10_000 + b'": 1}',
    ],
    ids=lambda body: f"{body[:24]!r} of {len(body)} bytes",
)
def test_hostile_body_is_a_problem_and_no_row(client: TestClient, session: Session, user: User, body: bytes) -> None:
    headers = as_user(user) | {"Content-Type": "application/json"}
    for method, path in [("POST", PATH), ("PUT", f"{PATH}/1"), ("PATCH", f"{PATH}/1")]:
        answer = client.request(method, path, content=body, headers=headers)
        assert answer.status_code in {400, 422}, answer.text
        assert_problem(answer, answer.status_code)
        assert len(answer.content) < 2000
    assert session.scalar(select(func.count()).select_from(Recipe)) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", ""),
        ("label", " \t "),
        ("label", "x" * 257),
        ("label", "a\x00b"),
        ("label", "a\nb"),
        ("label", "\x7f"),
        ("label", 5),
        ("label", True),
        ("label", ["x"]),
        ("label", {"x": 1}),
        ("label", None),
        ("source", "x" * 300),
        ("url", "javascript:alert(1)"),
        ("url", "JAVASCRIPT://example.com/%0aalert(1)"),
        ("url", "data:text/html,x"),
        ("url", "ftp://example.com/"),
        ("url", "//example.com/"),
        ("url", "https://"),
        ("url", "https://user:password@example.com/"),
        ("url", "https://example.com/ x"),
        ("url", "https://example.com/\n"),
        ("url", "https://example.com/".ljust(2049, "x")),
        ("url", " https://example.com/"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_bad_value_is_422_and_points_at_its_field(client: TestClient, user: User, field: str, value: object) -> None:
    answer = client.post(PATH, json=SOUP | {field: value}, headers=as_user(user))
    assert_problem(answer, 422, f"/{field}")


def test_rejected_value_is_never_echoed(client: TestClient, user: User) -> None:
    answer = client.post(PATH, json=SOUP | {"label": "sesame\n", "url": "sesame"}, headers=as_user(user))
    assert "sesame" not in answer.text


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/xml", "multipart/form-data", "application/jsonx", "json"]
)
def test_body_of_another_type_is_415(client: TestClient, user: User, kind: str) -> None:
    headers = as_user(user) | {"Content-Type": kind}
    assert_problem(client.post(PATH, content=b'{"label": "x"}', headers=headers), 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.larder+json", "Application/JSON"])
def test_any_json_type_is_taken(client: TestClient, user: User, kind: str) -> None:
    headers = as_user(user) | {"Content-Type": kind}
    body = b'{"label": "x", "source": "y", "url": "https://example.com"}'
    assert client.post(PATH, content=body, headers=headers).status_code == 201
