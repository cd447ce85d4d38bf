"""Two courtesies of HTTP that routes need not know: HEAD wherever GET, and /recipes/ for /recipes."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.event_stream import WITHOUT_BODY


class Head:
    """Answers HEAD as GET without its body (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        def send_without_body(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            return send(message)

        # A copy: the server looks at its own scope to know that no body will come.
        await self.app({**scope, "method": "GET", WITHOUT_BODY: True}, receive, send_without_body)


class TrailingSlash:
    """Takes /api/v1/recipes/ for /api/v1/recipes, without a redirect (which would lose the body of a POST)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"].endswith("/") and scope["path"] != "/":
            scope["path"] = scope["path"][:-1]
        await self.app(scope, receive, send)
