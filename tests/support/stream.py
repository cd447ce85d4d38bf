"""Server-sent events as they come, on a socket of one's own that reads no more than it is asked for."""

import json
import re
import socket
import time
from typing import Any, NamedTuple, Self

CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


class Said(NamedTuple):
    id: int | None
    event: str
    data: Any


class Stream:
    """A GET request whose answer goes on and on. Raises `TimeoutError` when nothing comes for 10 seconds."""

    def __init__(self, port: int, path: str, headers: dict[str, str] | None = None, room: int = 0) -> None:
        """`room` is for how many bytes the system keeps that were not asked for; it decides when 0."""
        self.connection = socket.socket()
        if room:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.connection.settimeout(10)
        self.connection.connect(("127.0.0.1", port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode())
        self._text = ""
        self._raw = b""
        self.is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def begin(self) -> Self:
        """Reads the head, and says so if it is not that of a stream."""
        while b"\r\n\r\n" not in self._raw:
            self._receive()
        head, _, self._raw = self._raw.partition(b"\r\n\r\n")
        self.head = head.decode().lower()
        assert self.head.startswith("http/1.1 200"), self.head
        return self

    def next(self) -> Said | None:
        """The next event; None at the end of the stream."""
        while True:
            block, end, rest = self._text.partition("\n\n")
            if not end:
                if self.is_over:
                    return None
                self._read_chunk()
                continue
            self._text = rest
            fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
            if "event" in fields:
                number = int(fields["id"]) if "id" in fields else None
                return Said(number, fields["event"], json.loads(fields["data"]))

    def take(self, count: int) -> list[Said]:
        said = [self.next() for _ in range(count)]
        assert None not in said, "the stream has ended"
        return [one for one in said if one]

    def ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.connection.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                if self.next() is None:
                    return True
            except TimeoutError:
                break
        return False

    def _read_chunk(self) -> None:
        while not (found := CHUNK.match(self._raw)):
            if not self._receive():
                return
        size = int(found[1], 16)
        while len(self._raw) < found.end() + size + 2:
            if not self._receive():
                return
        self._text += self._raw[found.end() : found.end() + size].decode()
        self._raw = self._raw[found.end() + size + 2 :]
        self.is_over = self.is_over or size == 0

    def _receive(self) -> bool:
        data = self.connection.recv(65536)
        self._raw += data
        self.is_over = self.is_over or not data
        return bool(data)
