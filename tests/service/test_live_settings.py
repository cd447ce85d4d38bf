"""Streams and conversations under settings of their own: other origins, limits, silence."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import in_session
from tests.support import wait_until
from tests.support.larder import PATH, comments
from tests.support.own_service import as_superuser
from tests.support.service import Service
from tests.support.stream import Stream
from tests.support.talk import UPGRADE, websocket

KITCHEN = "https://kitchen.example"
LIVE = "/api/v1/recipes/1/live"


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Service]:
    with Service(DATABASE_URL=url, RATE_LIMITS="comment=2/minute", CORS_ORIGINS=KITCHEN) as service:
        yield service


def token() -> str:
    return in_session(user_id=1, session_id=1)["Authorization"].removeprefix("Bearer ")


def test_page_of_a_named_origin_listens_and_writes_with_a_token(service: Service) -> None:
    with websocket(service.port, LIVE, origin=KITCHEN) as page:
        page.say({"type": "authenticate", "token": token()})
        page.hear("authenticated")
        page.say({"type": "typing", "ref": "x"})
        page.say({"type": "nonsense"})
        assert page.hear("problem")["problem"]["status"] == 422
    with Stream(service.port, PATH.format(1), {**as_superuser(), "Origin": KITCHEN}).begin() as stream:
        assert stream.take(1)[0].event == "ready"
        assert f"\r\naccess-control-allow-origin: {KITCHEN}\r\n" in stream.head


def test_page_of_a_named_origin_may_send_what_a_stream_takes(service: Service) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,last-event-id"}
    answer = service.client.options(PATH.format(1), headers={"Origin": KITCHEN, **asked})
    assert answer.status_code == 200, answer.text
    assert "last-event-id" in answer.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "http://kitchen.example", f"{KITCHEN}:444", "null"])
def test_page_of_another_origin_does_not_with_a_token_either(service: Service, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, websocket(service.port, LIVE, as_superuser(), origin):
        pass
    assert refused.value.response.status_code == 403
    with Stream(service.port, PATH.format(1), {**as_superuser(), "Origin": origin}).begin() as stream:
        assert "access-control-allow-origin" not in stream.head  # so the browser keeps it from the page


def test_cookie_does_not_help_a_page_of_a_named_origin(service: Service) -> None:
    form = {"username": "admin@example.com", "password": "only for the tests"}
    answer = service.client.post("/login", data=form, headers={"Origin": service.url})
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    service.client.cookies.clear()
    with websocket(service.port, LIVE, cookie, KITCHEN) as page:
        page.say({"type": "comment", "text": "Not mine"})
        assert page.hear("ack", "problem")["problem"]["status"] == 401


def test_comments_by_a_conversation_and_by_requests_count_together(service: Service) -> None:
    def answer(talk: Any) -> Any:
        talk.say({"type": "comment", "text": "Again", "ref": "r"})
        return talk.hear("ack", "problem")

    with websocket(service.port, LIVE, as_superuser()) as talk:
        sent = service.client.post(comments(1), json={"text": "By a request"}, headers=as_superuser())
        assert sent.status_code == 201, sent.text
        assert answer(talk)["type"] == "ack"
        refused = answer(talk)
        assert (refused["type"], refused["ref"], refused["problem"]["status"]) == ("problem", "r", 429)
        assert talk.connection.close_code is None
        assert answer(talk)["problem"]["status"] == 429, "it goes on"
    sent = service.client.post(comments(1), json={"text": "By a request"}, headers=as_superuser())
    assert sent.status_code == 429


def test_one_address_does_not_take_the_places_of_all(url: str) -> None:
    stream, other = PATH.format(1), {"X-Forwarded-For": "192.0.2.1"}
    with Service("tests.support.cramped:app", DATABASE_URL=url) as service, ExitStack() as stack:
        heard = stack.enter_context(Stream(service.port, stream, as_superuser()).begin())
        stack.enter_context(websocket(service.port, LIVE))
        answer = service.client.get(stream)
        assert answer.status_code == 429, answer.text
        assert (answer.json()["status"], answer.headers["Retry-After"]) == (429, "60")
        with pytest.raises(InvalidStatus) as refused, websocket(service.port, LIVE):
            pass
        assert refused.value.response.status_code == 429
        with Stream(service.port, stream, other).begin(), websocket(service.port, LIVE, other):
            pass
        heard.connection.close()
        wait_until(lambda: service.client.head(stream).status_code == 200)


@pytest.mark.slow
def test_conversation_ends_when_a_ping_is_not_answered(service: Service) -> None:
    """A first ping comes after 20 seconds, and has 20 to be answered."""
    path = "/api/v1/recipes/2/live"
    with Stream(service.port, path, UPGRADE) as silent, websocket(service.port, path) as other:
        while other.hear("presence", seconds=5)["count"] != 2:
            pass
        start, said = time.monotonic(), b""
        silent.connection.settimeout(50)
        while data := silent.connection.recv(65536):
            said += data
        assert 35 < time.monotonic() - start < 50
        assert re.search(rb"\x89\x04.{4}", said, re.DOTALL), "it was pinged"
        assert said.endswith(b"\x88\x18\x03\xf3keepalive ping timeout"), said
        assert other.hear("presence")["count"] == 1
