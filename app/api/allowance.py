"""How much a request may send, and how long it may take: the middleware says it of each, a route may allow more."""

import asyncio

from fastapi import Request

MAX_BODY_SIZE = "max_body_size"
"""Where the scope has the bytes that its body may have."""

DEADLINE = "deadline"
"""Where the scope has the timer (`asyncio.Timeout`)."""


def allow(request: Request, size: int, seconds: float) -> None:
    """A body of so many bytes, before the first of them is read, and so many seconds from now on."""
    request.scope[MAX_BODY_SIZE] = size
    request.scope[DEADLINE].reschedule(asyncio.get_running_loop().time() + seconds)
