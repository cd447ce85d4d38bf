"""The outermost layer: each request has an id, a duration and one line in the log."""

import re
import secrets
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("app.access")

GOOD_ID = re.compile(r"[\w.+/=-]{1,128}", re.ASCII)
CLIENT_LEFT = 499
"""What nginx writes into its log for a request that nobody waited for."""


class RequestContext:
    """Takes over a well-formed X-Request-ID or makes one; answers with it, with X-Process-Time in seconds, and logs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start = perf_counter()
        given = Headers(scope=scope).get("X-Request-ID", "")
        request_id = given if GOOD_ID.fullmatch(given) else secrets.token_hex(16)
        scope["request_id"] = request_id
        status = CLIENT_LEFT

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Process-Time"] = f"{perf_counter() - start:.6f}"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(perf_counter() - start, 6),
                    client=scope["client"][0] if scope.get("client") else None,
                )
