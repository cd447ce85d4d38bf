"""What a browser may do with an answer."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.page_policy import POLICY

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": POLICY,
}
RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
RAW_API = [*RAW, (b"cache-control", b"no-store")]


STARTS = {"http.response.start", "websocket.http.response.start"}
"""The second of a WebSocket that is refused: what is accepted is no answer."""


class SecurityHeaders:
    """Adds each header that the answer does not set itself. What the API says is nobody's to keep unless it says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        defaults = RAW_API if scope["path"].startswith("/api/") else RAW

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] in STARTS:
                own = dict(message["headers"])
                message["headers"] = [*message["headers"], *[one for one in defaults if one[0] not in own]]
            return send(message)

        await self.app(scope, receive, send_with_headers)
