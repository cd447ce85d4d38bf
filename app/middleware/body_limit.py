"""No request body is larger than what was agreed."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.allowance import MAX_BODY_SIZE
from app.middleware.headers import header


class BodyLimit:
    """Answers 413 to a body of more than `size` bytes: before the first is read if it says so, else while reading."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        self.app = app
        self.size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope[MAX_BODY_SIZE] = self.size
        announced = header(scope, b"content-length")
        # Zeros that lead may be so many that Python would make no number of them.
        size = int(announced.lstrip(b"0") or b"0") if announced.isdigit() else 0

        async def receive_limited() -> Message:
            nonlocal size
            _refuse(size, scope)
            message = await receive()
            if not announced:
                size += len(message.get("body", b""))
                _refuse(size, scope)
            return message

        await self.app(scope, receive_limited, send)


def _refuse(size: int, scope: Scope) -> None:
    if size > scope[MAX_BODY_SIZE]:
        # The rest stays unread, so the connection cannot be used again. FastAPI turns any other exception into a 400.
        raise HTTPException(413, f"The body is larger than {scope[MAX_BODY_SIZE]} bytes", {"Connection": "close"})
