"""What nobody foresaw is a 500 that gives nothing away, and never half of a 200 that looks whole."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from app.middleware.unexpected import Unexpected


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.add_middleware(Unexpected)

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError("hush")

    @app.get("/breaks-off")
    def breaks_off() -> StreamingResponse:
        def lines() -> Iterator[bytes]:
            yield b"the first\n"
            raise RuntimeError("hush")

        return StreamingResponse(lines())

    return TestClient(app)


def test_before_the_answer_has_begun(client: TestClient) -> None:
    answer = client.get("/fails")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "hush" not in answer.text


def test_after_the_answer_has_begun(client: TestClient) -> None:
    with pytest.raises(RuntimeError):  # to the server, which cuts the connection
        client.get("/breaks-off")
