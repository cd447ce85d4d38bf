"""The service answers to its own names only."""

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from app.main import app
from app.middleware.allowed_hosts import AllowedHosts

client = TestClient(AllowedHosts(app, ["larder.example", "*.Larder.example", "127.0.0.1", "[::1]"]))


@pytest.mark.parametrize(
    "host", ["larder.example", "LARDER.example:443", "a.b.larder.example", "127.0.0.1:8000", "[::1]", "[::1]:80"]
)
def test_own_name(host: str) -> None:
    assert client.get("/api/v1/nothing", headers={"Host": host}).status_code == 404


@pytest.mark.parametrize("host", ["", "evil.example", "larder.example.evil.example", "evil-larder.example", "[::2]:80"])
def test_other_name(host: str) -> None:
    answer = client.get("/api/v1/nothing", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_probe_knows_only_an_address() -> None:
    assert client.get("/health/live", headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/healthy", headers={"Host": "10.1.2.3:8000"}).status_code == 400


def test_any_name_unless_told_otherwise(lifespan: TestClient) -> None:
    assert lifespan.get("/api/v1/nothing", headers={"Host": "whatever.example"}).status_code == 404


def test_websocket_needs_a_name_too() -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/api/v1/recipes/1/live", headers={"Host": "evil.example"}),
    ):
        pass
    assert refused.value.status_code == 400
