"""A script of another origin may use the API if, and only if, the settings name its origin."""

import pytest
from fastapi.testclient import TestClient

from tests.support.service import Service

KITCHEN = "https://kitchen.example"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,content-type"}


def test_named_origin(service: Service) -> None:
    preflight = service.client.options("/api/v1/recipes/1", headers={"Origin": KITCHEN, **PREFLIGHT})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == KITCHEN
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert preflight.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/nothing", "/api/v1/recipes"])
def test_named_origin_may_read_answers_and_errors(service: Service, path: str) -> None:
    answer = service.client.get(path, headers={"Origin": KITCHEN})
    assert answer.headers["Access-Control-Allow-Origin"] == KITCHEN
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After"} <= {*exposed}
    assert "Access-Control-Allow-Credentials" not in answer.headers  # there are no cookies to send
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["http://kitchen.example", "https://kitchen.example.evil.example", "null"])
def test_other_origin(service: Service, origin: str) -> None:
    answer = service.client.get("/health/live", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert service.client.options("/api/v1/recipes/1", headers={"Origin": origin, **PREFLIGHT}).status_code == 400


def test_no_origin_unless_told_otherwise(lifespan: TestClient) -> None:
    answer = lifespan.options("/api/v1/recipes", headers={"Origin": KITCHEN, **PREFLIGHT})
    assert answer.status_code == 405
    assert "Access-Control-Allow-Origin" not in answer.headers
