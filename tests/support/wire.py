"""HTTP/1.1 to the service, with nothing between the test and the wire: fast, and free to hang up at any time."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    """Their names are in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, made anew when it has ended. Raises `ConnectionError` for a request without an answer.

    It knows no more of HTTP than what this service answers: bodies with a Content-Length.
    """

    def __init__(self, port: int, **options: Any) -> None:
        """The options are those of `loop.create_connection`, such as `ssl`."""
        self.port = port
        self.options = options
        self.reader: asyncio.StreamReader | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()

    async def request(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Answer:
        await self.send(method, path, headers, body)
        return await self.receive()

    async def send(self, method: str, path: str, headers: dict[str, str], body: object = None) -> None:
        if self.reader and self.reader.at_eof():
            self.hang_up()  # it has been idle for too long
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, **self.options)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = {"Host": "localhost", "Content-Length": len(content), "Content-Type": "application/json", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)

    async def receive(self) -> Answer:
        assert self.reader
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.hang_up()
            raise ConnectionError("no answer") from error
        if headers.get("connection") == "close":
            self.hang_up()
        return Answer(int(first.split(" ")[1]), headers, body)

    def hang_up(self) -> None:
        if self.reader is not None:
            self.reader = None
            with contextlib.suppress(RuntimeError):
                self.writer.close()
