"""HTTP/1.1 in which the head of a request has bounds, which the parser itself does not set."""

import asyncio
import json
from http import HTTPStatus
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.schemas.problem import phrase

MAX_TARGET = 8 * 1024  # bytes
MAX_HEAD = 32 * 1024  # bytes
MAX_HEADERS = 100
MAX_AHEAD = 100  # requests
HEAD_TIME = 20.0  # seconds
DRAIN_TIME = 1.0  # seconds


class BoundedHttp(HttpToolsProtocol):
    """A longer target than `MAX_TARGET` is answered 414 (RFC 9110); more headers than `MAX_HEADERS`, or a longer
    head than `MAX_HEAD`, 431 (RFC 6585); one that takes longer than `HEAD_TIME`, 408; one of HTTP/1.1 without Host, or
    with two, 400 (RFC 9112, section 3.2). Then the connection is closed: what follows cannot be told apart.

    It also ends after the answers that it owes once more than `MAX_AHEAD` requests wait for their turn on it. Upstream
    takes any number: a client who sends and does not read would fill the memory, and be worked for when he has left.
    """

    refusal = HTTPStatus.BAD_REQUEST
    unparsed = 0
    """Bytes since the parser last had something whole; it holds them, be they a head or a trailer."""
    draining = False
    in_turn: RequestResponseCycle | None = None
    """The request that is being answered; `cycle` is the last one that has come."""
    refused = False
    """Whether nothing that still comes is read."""
    in_head = False
    """Whether a head has begun to come, and not yet come."""
    patience: asyncio.TimerHandle | None = None
    """Ends when the rest of a head, or the first one, does not come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.unparsed += len(data)
        super().data_received(data)
        if self.unparsed > MAX_HEAD and not self.transport.is_closing():
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("The head of the request is too long.")
        elif self.in_head and self.patience is None:
            self._wait()

    def _wait(self) -> None:
        self.patience = self.loop.call_later(HEAD_TIME, self._give_up)

    def _give_up(self) -> None:
        if self.in_head:
            self.refusal = HTTPStatus.REQUEST_TIMEOUT
            self.send_400_response("The head of the request did not come in time.")
        else:
            self.transport.close()

    def _stop_waiting(self) -> None:
        self.in_head = False
        if self.patience:
            self.patience.cancel()
            self.patience = None

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_AHEAD:
            self.refuse(HTTPStatus.TOO_MANY_REQUESTS)
        self.in_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self.refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        assert self.parser
        self.unparsed = 0
        self._stop_waiting()
        size = hosts = 0
        for name, value in self.headers:
            size += len(name) + len(value)
            hosts += name == b"host"
        if size > MAX_HEAD:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            self.refuse(HTTPStatus.BAD_REQUEST)
        upgrades = self.parser.should_upgrade()
        to_websocket = upgrades and self._should_upgrade()
        super().on_headers_complete()
        if to_websocket:
            return  # the headers go along
        self.headers = []  # the request keeps its own; trailers must not join them (RFC 9110, section 6.5.1)
        if self.draining or upgrades:  # upgrade: the parser stops there
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.in_turn = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        if self.in_turn:  # upstream tells the last one in line
            self.in_turn.disconnected = True
            self.in_turn.message_event.set()

    def on_body(self, body: bytes) -> None:
        self.unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unparsed = 0
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """To a WebSocket, and not while an answer to an earlier request is on its way."""
        earlier = cast("RequestResponseCycle | None", self.cycle)
        return (earlier is None or earlier.response_complete) and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """An offer that is not taken up is no fault, and nothing for the log."""

    def refuse(self, status: HTTPStatus) -> None:
        """Stop the parser, which has `send_400_response` called."""
        self.refusal = status
        raise ValueError(status.phrase)

    def send_400_response(self, msg: str) -> None:
        self.refused = True
        before = cast("RequestResponseCycle | None", self.cycle)
        if before and not (before.response_complete or before.more_body):
            # The answers come in the order of the requests. A client may send again what was not answered when the
            # connection ends (RFC 9112, section 9.3.2).
            before.keep_alive = False
            return
        status = self.refusal
        problem = {"type": "about:blank", "title": phrase(status), "status": status.value, "detail": msg}
        body = json.dumps(problem).encode()
        head = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *self.server_state.default_headers,
        ]
        lines = b"".join(b"%b: %b\r\n" % pair for pair in head)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():  # or whoever waits would write before he hears that it is lost
            super().resume_writing()

    def shutdown(self) -> None:
        """Answer the request that may be on its way, and say with the answer that the connection ends.

        Upstream closes an idle connection at once, which is an error for a client who just then sends one.
        """
        self.draining = True
        if self.cycle:
            self.cycle.keep_alive = False
        self.loop.call_later(DRAIN_TIME, super().shutdown)
