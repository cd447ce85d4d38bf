"""The outermost layer: each request has an id, a duration and one line in the log."""

import os
import random
import re
from collections.abc import Awaitable
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from app.api.rate_limit import FIELDS
from app.middleware.headers import header

log = structlog.get_logger("app.access")

GOOD_ID = re.compile(rb"[\w.+/=-]{1,128}")
ids = random.Random()  # noqa: S311 - nobody has to be kept from guessing
"""Seeded by the system, in each process anew; to ask the system each time would let other threads run meanwhile."""

os.register_at_fork(after_in_child=ids.seed)

CLIENT_LEFT = 499
"""What nginx writes into its log for a request that nobody waited for."""

STARTS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
"""The messages that have the headers of an answer. A WebSocket is a request until it is accepted."""


class RequestContext:
    """Takes over a well-formed X-Request-ID or makes one; answers with it, with X-Process-Time in seconds, and logs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        start = perf_counter()
        given = header(scope, b"x-request-id")
        request_id = given.decode() if GOOD_ID.fullmatch(given) else f"{ids.getrandbits(128):032x}"
        scope["request_id"] = request_id
        scope[FIELDS] = []
        status = CLIENT_LEFT

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] in STARTS:
                status = message.get("status", 101)
                message["headers"] = [
                    *message.get("headers", ()),
                    *scope[FIELDS],
                    (b"x-request-id", request_id.encode()),
                    (b"x-process-time", b"%.6f" % (perf_counter() - start)),
                ]
            return send(message)

        tokens = bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            log.info(
                "request",
                method=scope.get("method", "WEBSOCKET"),
                path=scope["path"],
                status=status,
                seconds=round(perf_counter() - start, 6),
                client=scope["client"][0] if scope.get("client") else None,
            )
            reset_contextvars(**tokens)
