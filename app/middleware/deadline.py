"""No request takes for ever."""

import asyncio
from collections.abc import Awaitable

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.allowance import DEADLINE
from app.api.errors import problem


class Deadline:
    """Answers 503 when the response has not begun after `seconds`, or 408 when the body has not come by then.

    A job that still runs will not commit. Whatever streams is free to take its time once it has begun.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        timer = scope[DEADLINE] = asyncio.timeout(self.seconds)
        waits_for_client = False

        async def receive_noting() -> Message:
            nonlocal waits_for_client
            waits_for_client = True
            message = await receive()
            waits_for_client = False
            return message

        def send_in_time(message: Message) -> Awaitable[None]:
            timer.reschedule(None)
            return send(message)

        try:
            async with timer:
                await self.app(scope, receive_noting, send_in_time)
        except TimeoutError:
            if not timer.expired():
                raise
            answer = problem(Request(scope), 503, "The request took too long", {"Retry-After": "1"})
            if waits_for_client:
                answer = problem(Request(scope), 408, "The body took too long to come", {"Connection": "close"})
            await answer(scope, receive, send)
