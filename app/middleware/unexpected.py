"""What nobody foresaw."""

from collections.abc import Awaitable

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import unexpected


class Unexpected:
    """Answers 500 to an exception that nothing else caught; a layer of its own, so that others add their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        def send_noting(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception as error:
            answer = unexpected(Request(scope), error)
            if begun:
                raise  # too late for an answer: the server cuts the connection, so that nobody takes it for whole
            await answer(scope, receive, send)
