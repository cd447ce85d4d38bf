"""What a browser may do with an answer."""

import pytest
from fastapi import Response
from fastapi.testclient import TestClient

from app.middleware.security_headers import HEADERS, SecurityHeaders


@pytest.mark.parametrize("path", ["/", "/health/live", "/api/v1/recipes", "/api/v1/nothing", "/nothing"])
def test_every_answer_has_them(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert [name for name in HEADERS if name not in answer.headers] == []
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nobody_keeps_what_the_api_says(client: TestClient) -> None:
    assert client.get("/api/v1/recipes").headers["Cache-Control"] == "no-store"


def test_what_an_answer_says_itself_stands() -> None:
    own = Response(headers={"Cache-Control": "max-age=60", "X-Frame-Options": "SAMEORIGIN"})
    own.headers.append("Vary", "Accept")
    own.headers.append("Vary", "Origin")
    client = TestClient(SecurityHeaders(own))
    first, second = (client.get("/api/v1/recipes") for _ in range(2))
    assert first.headers.get_list("Cache-Control") == ["max-age=60"]
    assert first.headers.get_list("X-Frame-Options") == ["SAMEORIGIN"]
    assert first.headers.get_list("Vary") == ["Accept", "Origin"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers.multi_items() == second.headers.multi_items()
