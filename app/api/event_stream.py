"""Server-sent events, as the HTML standard has them."""

import asyncio
import random
import time

from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from app.live.hub import Hub
from app.live.listener import End, Event, Listener

HEARTBEAT = 15.0
"""Seconds. What is in between takes a connection that is silent for long as dead."""

LONGEST = 3600.0
"""Seconds, a tenth more or less, after which a client has to come again: so they spread over new workers and hosts."""

COME_AGAIN = 2000
"""Milliseconds after which a client comes again when the stream has ended."""

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

WITHOUT_BODY = "without_body"
"""Where the scope says that nobody waits for a body."""


class EventStream(Response):
    """What a listener hears, from after the last event that he has had until it is over or he has gone.

    Starlette's own streams take a group of two tasks each, and 1,000 of these are idle most of the time.
    """

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener, after: int | None) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["Content-Length"]
        self.hub = hub
        self.listener = listener
        self.after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        missed = await self.hub.join(self.listener, self.after)
        waiting = asyncio.create_task(self._wait_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if not scope.get(WITHOUT_BODY):
                await send(self._first(missed is None))
                for event in missed or ():
                    await send(_event(event))
                missed = None
                await self._go_on(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            waiting.cancel()
            self.hub.leave(self.listener)

    def _first(self, is_reset: bool) -> Message:
        """A browser keeps the number and sends it when it comes again, also if nothing happens until then."""
        number = self.listener.position if is_reset or self.after is None else self.after
        name = "reset" if is_reset else "ready"
        return _body(f"retry: {COME_AGAIN}\nid: {number}\nevent: {name}\ndata: {{}}\n\n")

    async def _go_on(self, send: Send) -> None:
        end = time.monotonic() + LONGEST * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
        while (left := end - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(HEARTBEAT, left)):
                    message = await self.listener.next()
            except TimeoutError:
                await send(_body(":\n\n"))
                continue
            if not isinstance(message, Event):
                return
            await send(_event(message))

    async def _wait_until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.listener.finish(End.left)


def _event(event: Event) -> Message:
    return _body(f"id: {event.number}\nevent: {event.what}\ndata: {event.text}\n\n")


def _body(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
