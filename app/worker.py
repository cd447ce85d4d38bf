"""gunicorn's worker: uvicorn, with bounds on the head of a request, and an end that loses no request."""

import asyncio
import json
import logging
import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import uvloop
from gunicorn.arbiter import Arbiter
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker  # pyright: ignore[reportMissingTypeStubs]
from websockets.frames import Close, CloseCode, Frame, Opcode

from app.core import stopping
from app.core.bucket import Bucket
from app.core.config import settings
from app.schemas.problem import phrase

MAX_TARGET = 8 * 1024  # bytes
MAX_HEAD = 32 * 1024  # bytes
MAX_HEADERS = 100
MAX_AHEAD = 100  # requests
DRAIN_TIME = 1.0  # seconds
ACCEPTS = 32
STALLED = 30  # seconds for which a client may take nothing of what is to go out
MAX_FRAME = 16 * 1024  # bytes of a message, in one frame or many
MAX_FRAMES = 100  # that may come at once, be parts of one message, or come in each 10 seconds
PIECE = 1024  # bytes; of the smallest frames about as many as may come at once
LAST_CALL = 0.05  # seconds; less than uvicorn waits before it looks whether anybody is left


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 in which the head of a request has bounds, which the parser itself does not set.

    A longer target than `MAX_TARGET` is answered 414 (RFC 9110); more headers than `MAX_HEADERS`, or a longer
    head than `MAX_HEAD`, 431 (RFC 6585). Then the connection is closed: what follows cannot be told apart.

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

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.unparsed += len(data)
        super().data_received(data)
        if self.unparsed > MAX_HEAD and not self.transport.is_closing():
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_AHEAD:
            self.refuse(HTTPStatus.TOO_MANY_REQUESTS)
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
        self.unparsed = 0
        if sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        assert self.parser
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


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose messages have bounds, and whose opening is answered whatever is wrong with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bucket = Bucket(MAX_FRAMES, 10)

    def data_received(self, data: bytes) -> None:
        # In pieces, because 40,000 frames come with one read, and to take them apart would take seconds from all.
        for start in range(0, len(data), PIECE):
            if not self.transport.is_closing():
                self._take_in(data[start : start + PIECE])

    def _take_in(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            # Upstream only sends the refusal of a request that could be read.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():  # as above
            super().resume_writing()

    def handle_events(self) -> None:
        if not self.bucket.take(len(self.conn.events)) or len(self.frames) > MAX_FRAMES:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "Too many frames")
            self.handle_parser_exception()
        else:
            super().handle_events()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # its close frame was wrong, which upstream would fail at
            close = Close(CloseCode.PROTOCOL_ERROR, "")
            self.conn.send_frame(Frame(Opcode.CLOSE, close.serialize()))
            self.conn.close_sent = close
        super().handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:  # which upstream would write into the log, with all that led there
            self.frames = []
            self.conn.send_close(1007)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.initial_response and self.close_sent:
            self.handshake_complete = True  # it was refused: upstream would complain that it was not answered


class LosslessServer(Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in those whom the kernel has let in meanwhile: it hangs up on them when the socket is closed."""
        stopping.stop()  # those who would stay for ever
        if sockets:
            asyncio.get_running_loop().call_later(LAST_CALL, self._take_in, sockets[0].dup())
        await super().shutdown(sockets)

    def _take_in(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):  # nobody is left
            listener.setblocking(False)
            while True:
                connection, _ = listener.accept()
                task = asyncio.get_running_loop().create_task(self._answer_once(connection))
                self.server_state.tasks.add(task)
                task.add_done_callback(self.server_state.tasks.discard)

    async def _answer_once(self, connection: socket.socket) -> None:
        protocol = BoundedProtocol(self.config, self.server_state, self.lifespan.state)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)
        protocol.shutdown()


class ApiWorker(UvicornWorker):
    place = 0
    """Its number among those that run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logging.getLogger("uvicorn.error").propagate = True  # see RootLogger in gunicorn_conf.py

    def init_process(self) -> None:
        self._hang_up_on_those_who_take_nothing()
        # libuv accepts one connection per socket and turn of its loop: newcomers to a busy worker would wait for
        # seconds, at 1,000 clients for more than eight. So it gets the same socket many times over.
        copies = [one.dup() for one in self.sockets for _ in range(ACCEPTS - 1)]
        self.sockets = [*self.sockets, *copies]
        super().init_process()

    def _hang_up_on_those_who_take_nothing(self) -> None:
        """Has the system do so with connections on which nothing of what is to be sent went out for a while."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux; it is inherited by the connections
            for one in self.sockets:
                if one.family in (socket.AF_INET, socket.AF_INET6):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED * 1000)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = LosslessServer(self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    CONFIG_KWARGS = UvicornWorker.CONFIG_KWARGS | {
        "loop": uvloop.__name__,  # imported above: what is there before the fork is shared
        "http": BoundedProtocol,
        "ws": BoundedWebSocket,
        "ws_max_size": MAX_FRAME,
        "ws_per_message_deflate": False,  # takes memory for each connection, and messages are short
        "lifespan": "on",
        "server_header": False,
        "timeout_notify": 1,  # often, since a worker that shuts down gives no more signs of life
        "timeout_graceful_shutdown": int(settings.REQUEST_TIMEOUT) + 3,
    }
