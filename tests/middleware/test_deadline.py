"""No request takes for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from starlette.types import Message

from app.middleware.deadline import Deadline
from tests.support.service import Service


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.add_middleware(Deadline, seconds=0.5)

    @app.get("/hangs")
    async def hangs() -> None:
        await asyncio.sleep(10)

    @app.get("/streams")
    async def streams() -> StreamingResponse:
        async def drops() -> AsyncIterator[bytes]:
            for _ in range(5):
                await asyncio.sleep(0.15)
                yield b"."

        return StreamingResponse(drops())

    @app.post("/reads")
    async def reads(request: Request) -> int:
        return len(await request.body())

    @app.get("/fails")
    async def fails() -> None:
        raise TimeoutError("of its own")

    return TestClient(app)


def test_request_that_hangs_is_ended(client: TestClient) -> None:
    answer = client.get("/hangs")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"]


def test_stream_that_has_begun_may_take_its_time(client: TestClient) -> None:
    assert client.get("/streams").text == "....."


def test_other_timeouts_are_left_alone(client: TestClient) -> None:
    with pytest.raises(TimeoutError, match="of its own"):
        client.get("/fails")


def test_body_that_does_not_come_is_not_waited_for(client: TestClient) -> None:
    async def ask() -> list[Message]:
        async def never() -> Message:
            await asyncio.sleep(10)
            raise AssertionError

        async def keep(message: Message) -> None:
            sent.append(message)

        sent: list[Message] = []
        scope = {"type": "http", "method": "POST", "path": "/reads", "query_string": b"", "headers": []}
        await client.app(scope, never, keep)
        return sent

    start, _ = asyncio.run(ask())
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert b"application/problem+json" in dict(start["headers"])[b"content-type"]


def test_client_who_stops_sending_is_let_go(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/recipes HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\nx"
        )
        with connection.makefile("rb") as answer:
            head = answer.read()  # until the other side closes
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"\r\ncontent-type: application/problem+json" in head
