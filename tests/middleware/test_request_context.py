"""Each request has an id, a duration and one line in the log."""

import asyncio
import json
import re
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars, get_contextvars

from app.middleware.request_context import RequestContext
from tests.support import wait_until
from tests.support.service import Service

MADE = re.compile(r"[0-9a-f]{32}")


def log_lines(service: Service, request_id: str) -> list[dict[str, Any]]:
    """The lines about one request, once the last of them is there. In production each line of the log is JSON."""
    lines: list[dict[str, Any]] = []

    def is_complete() -> bool:
        everything = [json.loads(line) for line in service.output.splitlines()]
        lines[:] = [line for line in everything if line.get("request_id") == request_id]
        return bool(lines) and lines[-1]["logger"] == "app.access"

    wait_until(is_complete)
    return lines


@pytest.mark.parametrize("given", ["1", "a" * 128, "3f2a-9c.B_7+/=", "01JD8Z0VQ4"])
def test_good_request_id_is_taken_over(service: Service, given: str) -> None:
    answer = service.client.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a\tb", 'a"b', "{}", "\u00e9", None])
def test_other_request_id_is_replaced(service: Service, given: str | None) -> None:
    headers = [] if given is None else [(b"X-Request-ID", given.encode())]
    answer = service.client.get("/health/live", headers=headers)
    assert MADE.fullmatch(answer.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/health/live", {}, 200),
        ("/api/v1/recipes", {"Host": "elsewhere.example"}, 400),
        ("/api/v1/nothing", {}, 404),
        ("/api/v1/recipes?limit=0", {}, 422),
        ("/api/v1/recipes", {}, 500),  # there are no tables
        ("/health/ready", {}, 503),
    ],
)
def test_every_answer_has_them(service: Service, path: str, headers: dict[str, str], status: int) -> None:
    answer = service.client.get(path, headers=headers)
    assert answer.status_code == status
    request_id = answer.headers["X-Request-ID"]
    assert status == 200 or answer.json()["request_id"] == request_id
    assert 0 < float(answer.headers["X-Process-Time"]) < answer.elapsed.total_seconds()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert log_lines(service, request_id)[-1]["status"] == status


def test_line_in_the_log_says_what_matters_and_no_secret(service: Service) -> None:
    headers = {"X-Request-ID": "what-matters", "Authorization": "Bearer hush", "Cookie": "hush"}
    service.client.put("/api/v1/recipes?token=hush", headers=headers, json={"password": "hush"})
    [line] = log_lines(service, "what-matters")
    assert line | {"method": "PUT", "path": "/api/v1/recipes", "status": 405, "client": "127.0.0.1"} == line
    assert 0 < line["seconds"] < 1
    assert "hush" not in service.output


def test_cause_of_a_500_is_in_the_log_and_nowhere_else(service: Service) -> None:
    answer = service.client.get("/api/v1/recipes", headers={"X-Request-ID": "five-hundred"})
    assert "no such table" not in answer.text
    error, access = log_lines(service, "five-hundred")
    assert (error["level"], access["level"]) == ("error", "info")
    assert "no such table" in json.dumps(error["exception"])


def test_lines_about_nothing_else_have_the_id_of_a_request() -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(get_contextvars())
        if scope["path"] == "/fails":
            raise LookupError

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    async def ask(path: str) -> None:
        headers = [(b"x-request-id", path.encode())]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        await RequestContext(app)(scope, receive, send)

    async def ask_one_after_the_other() -> None:
        await ask("/works")
        seen.append(get_contextvars())
        with pytest.raises(LookupError):
            await ask("/fails")
        seen.append(get_contextvars())
        with bound_contextvars(request_id="outer"):
            await ask("/works")
            seen.append(get_contextvars())

    asyncio.run(ask_one_after_the_other())
    assert [one.get("request_id") for one in seen] == ["/works", None, "/fails", None, "/works", "outer"]
