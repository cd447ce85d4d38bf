"""gunicorn's worker: uvicorn, with bounds on the head of a request, and an end that loses no request."""

import json
import logging
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn_worker import UvicornWorker  # pyright: ignore[reportMissingTypeStubs]

from app.core.config import settings
from app.schemas.problem import phrase

MAX_TARGET = 8 * 1024  # bytes
MAX_HEAD = 32 * 1024  # bytes
MAX_HEADERS = 100
DRAIN_TIME = 1.0  # seconds
ACCEPTS = 32


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 in which the head of a request has bounds, which the parser itself does not set.

    A longer target than `MAX_TARGET` is answered 414 (RFC 9110); more headers than `MAX_HEADERS`, or a longer
    head than `MAX_HEAD`, 431 (RFC 6585). Then the connection is closed: what follows cannot be told apart.
    """

    refusal = HTTPStatus.BAD_REQUEST
    unparsed = 0
    """Bytes since the parser last had something whole; it holds them, be they a head or a trailer."""
    draining = False

    def data_received(self, data: bytes) -> None:
        self.unparsed += len(data)
        super().data_received(data)
        if self.unparsed > MAX_HEAD and not self.transport.is_closing():
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("The head of the request is too long.")

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self.refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self.unparsed = 0
        if sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_headers_complete()
        self.headers = []  # the request keeps its own; trailers must not join them (RFC 9110, section 6.5.1)
        if self.draining or (self.parser and self.parser.should_upgrade()):  # upgrade: the parser stops there
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unparsed = 0
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """An offer that is not taken up is no fault, and nothing for the log."""

    def refuse(self, status: HTTPStatus) -> None:
        """Stop the parser, which has `send_400_response` called."""
        self.refusal = status
        raise ValueError(status.phrase)

    def send_400_response(self, msg: str) -> None:
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

    def shutdown(self) -> None:
        """Answer the request that may be on its way, and say with the answer that the connection ends.

        Upstream closes an idle connection at once, which is an error for a client who just then sends one.
        """
        self.draining = True
        if self.cycle:
            self.cycle.keep_alive = False
        self.loop.call_later(DRAIN_TIME, super().shutdown)


class ApiWorker(UvicornWorker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logging.getLogger("uvicorn.error").propagate = True  # see RootLogger in gunicorn_conf.py

    def init_process(self) -> None:
        # libuv accepts one connection per socket and turn of its loop: newcomers to a busy worker would wait for
        # seconds, at 1,000 clients for more than eight. So it gets the same socket many times over.
        copies = [one.dup() for one in self.sockets for _ in range(ACCEPTS - 1)]
        self.sockets = [*self.sockets, *copies]
        super().init_process()

    CONFIG_KWARGS = UvicornWorker.CONFIG_KWARGS | {
        "loop": "uvloop",
        "http": BoundedProtocol,
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
        "timeout_notify": 1,  # often, since a worker that shuts down gives no more signs of life
        "timeout_graceful_shutdown": int(settings.REQUEST_TIMEOUT) + 3,
    }
