"""The cookie of a browser that is signed in. The API takes none: what a foreign page may send, it may not do.

But a WebSocket does, from a page of this very site: see `app.api.handshake`.
"""

from typing import Any

from fastapi import Request, Response
from fastapi.requests import HTTPConnection

from app.core.config import settings


def value(request: HTTPConnection) -> str | None:
    return request.cookies.get(_name(request))


def put(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(_name(request), value, seconds, **_rules(request))


def take_away(request: Request, response: Response) -> None:
    response.delete_cookie(_name(request), **_rules(request))


def _name(request: HTTPConnection) -> str:
    """With a prefix for which browsers make sure that this very host set the cookie, over TLS (RFC 6265bis)."""
    return "__Host-larder" if _is_secure(request) else "larder"


def _rules(request: Request) -> dict[str, Any]:
    """Lax: who follows a link to here, from a mail for instance, is still signed in."""
    return {"path": "/", "secure": _is_secure(request), "httponly": True, "samesite": "lax"}


def _is_secure(request: HTTPConnection) -> bool:
    # X-Forwarded-Proto has been read by then, where FORWARDED_ALLOW_IPS has whoever sent it.
    return request.url.scheme in ("https", "wss") or settings.PUBLIC_URL.startswith("https:")
