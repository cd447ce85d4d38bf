"""A WebSocket of the service, on which each wait has an end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
"""The headers of a client that does all else by hand."""


class Talk:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, message: Any) -> None:
        self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def hear(self, *types: str, seconds: float = 30) -> Any:
        """The next message, or the next of one of these types."""
        while True:
            message = json.loads(self.connection.recv(timeout=seconds))
            if not types or message["type"] in types:
                return message

    def code(self, seconds: float = 30) -> int:
        """That with which the other side closes it, whatever is said before."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(timeout=seconds)
        code = self.connection.close_code
        assert code is not None
        return code


@contextmanager
def websocket(
    port: int, path: str, headers: dict[str, str] | None = None, origin: Any = None, **options: Any
) -> Iterator[Talk]:
    uri = f"ws://127.0.0.1:{port}{path}"
    options = {"open_timeout": 20, "close_timeout": 2, "proxy": None, "compression": None, **options}
    with connect(uri, additional_headers=headers or {}, origin=origin, **options) as connection:
        yield Talk(connection)
