"""Problems, as RFC 9457 has them."""

import pytest
from fastapi.testclient import TestClient

from app.core.config import settings

TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


@pytest.mark.parametrize("status", TITLES)
def test_title_is_that_of_rfc_9110_on_any_python(client: TestClient, status: int) -> None:
    content = b"{}" if status == 422 else bytes(settings.MAX_BODY_SIZE + 1)
    answer = client.post("/api/v1/auth/signup", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["title"] == TITLES[status]
