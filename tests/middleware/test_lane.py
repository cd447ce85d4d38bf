"""The short way to an endpoint answers as the long one does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.main import app
from app.models import User
from tests.conftest import as_user

RECIPES = "/api/v1/recipes"
SOUP = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}

REQUESTS: dict[str, dict[str, Any]] = {
    "a list": {"url": RECIPES},
    "a list, with a slash": {"url": f"{RECIPES}/"},
    "a filtered list": {"url": f"{RECIPES}?source=Grandmother&label__icontains=s&sort=-label&count=exact"},
    "a list with what nobody takes": {"url": f"{RECIPES}?colour=green"},
    "a list with limits": {"url": f"{RECIPES}?limit=0&offset=-1"},
    "a list with a foreign cursor": {"url": f"{RECIPES}?cursor=AAAA"},
    "nothing under a key": {"url": f"{RECIPES}/999999"},
    "a key of zero": {"url": f"{RECIPES}/0"},
    "a negative key": {"url": f"{RECIPES}/-1"},
    "a key too long": {"url": f"{RECIPES}/{'9' * 400}"},
    "a key that is none": {"url": f"{RECIPES}/soup"},
    "a key and a query": {"url": f"{RECIPES}/1?colour=green"},
    "an unknown relation": {"url": f"{RECIPES}/1?expand=mother"},
    "a bad entity tag": {"url": f"{RECIPES}/1", "headers": {"If-None-Match": "soup"}},
    "HEAD": {"method": "HEAD", "url": RECIPES},
    "a method that is not allowed": {"method": "PUT", "url": RECIPES},
    "OPTIONS": {"method": "OPTIONS", "url": RECIPES},
    "no such path": {"url": "/api/v1/soups"},
    "no credentials, or a recipe that is too long": {
        "method": "POST",
        "url": RECIPES,
        "json": SOUP | {"label": "x" * 257},
    },
    "bad credentials": {"method": "POST", "url": RECIPES, "json": SOUP, "headers": {"Authorization": "Bearer x"}},
    "no bearer": {"method": "POST", "url": RECIPES, "json": SOUP, "headers": {"Authorization": "Basic eDp4"}},
    "no body": {"method": "POST", "url": RECIPES, "headers": {"Content-Type": "application/json"}},
    "no JSON": {"method": "POST", "url": RECIPES, "content": b"{", "headers": {"Content-Type": "application/json"}},
    "no UTF-8": {
        "method": "POST",
        "url": RECIPES,
        "content": b'"\xff',
        "headers": {"Content-Type": "application/json"},
    },
    "JSON too deep": {
        "method": "POST",
        "url": RECIPES,
        "content": b"[" * 100_000,
        "headers": {"Content-Type": "application/json"},
    },
    "another type": {"method": "POST", "url": RECIPES, "content": b"x", "headers": {"Content-Type": "text/plain"}},
    "a list for an object": {"method": "POST", "url": RECIPES, "json": []},
    "fields missing, unknown and wrong": {"method": "POST", "url": RECIPES, "json": {"label": 1, "colour": "green"}},
    "a wrong key and a wrong body": {"method": "PATCH", "url": f"{RECIPES}/0", "json": {"label": None}},
    "a bad key for what is sent again": {
        "method": "POST",
        "url": RECIPES,
        "json": SOUP,
        "headers": {"Idempotency-Key": "a b"},
    },
    "a superseded route": {"url": f"{RECIPES}/search?keyword=soup"},
    "accounts": {"url": "/api/v1/users"},
    "me": {"url": "/api/v1/auth/me"},
    "a page": {"url": "/"},
    "a page that is not there": {"url": "/recipes/999999", "headers": {"Accept": "text/html"}},
}


@pytest.fixture
def long_way() -> Iterator[None]:
    """While some dependency is overridden, everything goes FastAPI's way."""
    app.dependency_overrides[test_short_way_answers_as_the_long_one] = lambda: None
    yield
    app.dependency_overrides.clear()


def told(answer: Response) -> tuple[int, dict[str, str], object]:
    """All that two answers to the same request have in common."""
    own = ("x-request-id", "x-process-time", "content-length")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    try:
        body = json.loads(answer.content)
    except ValueError:
        return answer.status_code, headers, len(answer.content)
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, headers, body


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("signed_in", [False, True], ids=["anonymous", "signed in"])
def test_short_way_answers_as_the_long_one(
    client: TestClient, user: User, name: str, signed_in: bool, request: pytest.FixtureRequest
) -> None:
    asked = {"method": "GET", **REQUESTS[name]}
    if signed_in:
        asked["headers"] = as_user(user) | asked.get("headers", {})
    short = told(client.request(**asked))
    request.getfixturevalue("long_way")
    assert told(client.request(**asked)) == short
