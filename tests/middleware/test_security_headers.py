"""What a browser may do with an answer."""

import pytest
from fastapi.testclient import TestClient

from app.middleware.security_headers import HEADERS


@pytest.mark.parametrize("path", ["/", "/health/live", "/api/v1/recipes", "/api/v1/nothing", "/nothing"])
def test_every_answer_has_them(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert [name for name in HEADERS if name not in answer.headers] == []
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nobody_keeps_what_the_api_says(client: TestClient) -> None:
    assert client.get("/api/v1/recipes").headers["Cache-Control"] == "no-store"
