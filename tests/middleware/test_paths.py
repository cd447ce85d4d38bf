"""HEAD wherever GET, and /recipes/ for /recipes."""

import pytest
from fastapi.testclient import TestClient

PATHS = ["/", "/health/live", "/api/v1/recipes", "/api/v1/openapi.json", "/docs", "/api/v1/nothing", "/api/v1/auth/me"]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_its_body(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    for answer in (get, head):
        del answer.headers["X-Request-ID"], answer.headers["X-Process-Time"]
    assert head.headers == get.headers


def test_head_where_there_is_no_get(client: TestClient) -> None:
    answer = client.head("/api/v1/auth/login")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/api/v1/recipes", "/api/v1/auth/me", "/health/live", "/docs"])
def test_trailing_slash_changes_nothing(client: TestClient, path: str) -> None:
    with_slash = client.get(f"{path}/", follow_redirects=False)
    assert with_slash.status_code == client.get(path).status_code
    assert with_slash.status_code != 307


def test_trailing_slash_keeps_the_body(client: TestClient) -> None:
    answer = client.post("/api/v1/auth/signup/", json={"email": "ann@example.com", "password": "correct horse"})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/recipes/%7B%7D",
        "/api/v1/recipes/%7B%7D/comments",
        "/api/v1/recipes/%7B%7D/comments/1",
        "/recipes/%7B%7D",
        "/api/v1/recipes/01",
        f"/api/v1/recipes/{'0' * 250}1/comments",
        "/api/v1/recipes%0A",
        "/api/v1/recipes%0A/",
        "/api/v1/recipes/1%0A",
        "/api/v1/recipes/1/comments%0A",
        "/account%0A",
    ],
)
def test_what_is_nearly_a_path_is_none(client: TestClient, path: str) -> None:
    """A line break at its end would get into the headers that name it; zeros make it longer than a path is kept."""
    assert client.get(path, follow_redirects=False).status_code == 404
