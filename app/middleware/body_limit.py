"""No request body is larger than what was agreed."""

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import problem


class BodyLimit:
    """Answers 413 to a body of more than `size` bytes: at once if it says so, else while it is being read."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        self.app = app
        self.size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        announced = Headers(scope=scope).get("Content-Length", "0")
        if announced.isdigit() and len(announced) < 20 and int(announced) <= self.size:
            return await self.app(scope, self._limited(receive), send)
        # The rest of the body is not read, so the connection cannot be used again.
        answer = problem(Request(scope), 413, self._detail, {"Connection": "close"})
        await answer(scope, receive, send)

    @property
    def _detail(self) -> str:
        return f"The body is larger than {self.size} bytes"

    def _limited(self, receive: Receive) -> Receive:
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.size:
                # FastAPI turns any other exception into a 400.
                raise HTTPException(413, self._detail, {"Connection": "close"})
            return message

        return receive_limited
