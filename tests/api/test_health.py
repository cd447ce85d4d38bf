"""Whether the service lives, and whether it can work. What an outage does to both is in `tests/service`."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from app.db import session as database


def test_live_and_ready(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_without_schema_it_lives_but_is_not_ready(lifespan: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = create_engine("sqlite://")
    monkeypatch.setattr(database, "engine", empty)
    assert lifespan.get("/health/live").status_code == 200
    answer = lifespan.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    empty.dispose()
