"""An HTTP server on loopback that answers as Reddit does, or as badly as a test wants it to."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import parse_qs

Answer = Callable[["Handler"], None]


class Received(NamedTuple):
    subreddit: str
    path: str
    headers: dict[str, str]
    time: float


class Server(ThreadingHTTPServer):
    """Answers as its handler does; `answers` is for what it should answer instead."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type["Handler"]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, Answer] = {}
        self.connections = 0
        self.closing = threading.Event()

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to report."""


class RedditServer(Server):
    """Answers with one post about each subreddit."""

    def __init__(self) -> None:
        super().__init__(RedditHandler)
        self.received: list[Received] = []

    def asked(self, subreddit: str) -> int:
        return [one.subreddit for one in self.received].count(subreddit)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer({name: values[0] for name, values in parse_qs(body).items()})

    def answer(self, form: dict[str, str]) -> None:
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def respond(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def wait(self, seconds: float) -> None:
        cast(Server, self.server).closing.wait(seconds)


class RedditHandler(Handler):
    def answer(self, form: dict[str, str]) -> None:
        server = cast(RedditServer, self.server)
        subreddit = self.path.split("/")[2]
        server.received.append(Received(subreddit, self.path, dict(self.headers), time.monotonic()))
        server.answers.get(subreddit, post(f"About {subreddit}"))(self)


ServerT = TypeVar("ServerT", bound=Server)


@contextlib.contextmanager
def serving(server: ServerT) -> Iterator[ServerT]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def reddit_server() -> contextlib.AbstractContextManager[RedditServer]:
    return serving(RedditServer())


# Answers


def post(title: object, score: object = 7, url: object = "https://example.com/") -> Answer:
    listing = {"data": {"children": [{"kind": "t3", "data": {"title": title, "score": score, "url": url, "ups": 9}}]}}
    return body(json.dumps(listing).encode())


def body(content: bytes, status: int = 200, **headers: str) -> Answer:
    return lambda handler: handler.respond(status, content, **headers)


def raw(content: bytes) -> Answer:
    """Something that need not be HTTP, and then nothing more."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


def status(code: int) -> Answer:
    return body(b"no", code)


def slow(seconds: float, then: Answer) -> Answer:
    def answer(handler: Handler) -> None:
        handler.wait(seconds)
        then(handler)

    return answer


def meeting(others: threading.Barrier, then: Answer) -> Answer:
    """Once all who are to come have come."""

    def answer(handler: Handler) -> None:
        others.wait(10)
        then(handler)

    return answer


def after(event: threading.Event, then: Answer) -> Answer:
    def answer(handler: Handler) -> None:
        event.wait(60)
        then(handler)

    return answer


def first(*answers: Answer) -> Answer:
    """One answer after the other; the last one for ever."""
    left = list(answers)

    def answer(handler: Handler) -> None:
        now = left.pop(0) if len(left) > 1 else left[0]
        now(handler)

    return answer


def reset(handler: Handler) -> None:
    """Hangs up as a crashed host does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def endless(chunk: bytes, pause: float = 0) -> Answer:
    """A body that never ends, until the client hangs up."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while not cast(Server, handler.server).closing.wait(pause):
            handler.wfile.write(chunk)

    return answer
