"""What OpenAPI promises holds, for whoever calls and whatever he sends."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings

from app.main import app
from app.models import User
from tests.conftest import as_user

schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)

# `ideas` asks another service; tests/api/test_ideas.py gives it one of its own.
ours = schema.exclude(path_regex="/ideas")


@pytest.fixture(params=["anonymous", "user", "superuser"])
def credentials(request: pytest.FixtureRequest, make_user: Callable[..., User]) -> dict[str, str]:
    if request.param == "anonymous":
        return {}
    return as_user(make_user("caller", is_superuser=request.param == "superuser"))


@ours.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(
    case: schemathesis.Case[Any], client: TestClient, credentials: dict[str, str]
) -> None:
    case.call_and_validate(headers=credentials)
