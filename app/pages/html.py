"""How a template becomes a page."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.api import cookie
from app.core.config import settings
from app.core.media_url import media_url
from app.pages import assets

NO_STORE = {"Cache-Control": "no-store"}
"""For pages that are somebody's own, and for those that say what went wrong."""

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
CALLER = "caller"
"""Where the scope has who is signed in, on pages that ask for that."""

PROVIDER = urlsplit(settings.OIDC_ISSUER).hostname
"""Where one may sign in too, in words for people."""


def page(
    request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
) -> HTMLResponse:
    common = {
        "asset": assets.address,
        "media_url": media_url,
        "provider": PROVIDER,
        # All that a page for everybody depends on is whether there is a cookie; whether it is good, only /account asks.
        "has_cookie": cookie.value(request) is not None,
        "caller": request.scope.get(CALLER),
    }
    content = templates.get_template(template).render(common | values)
    return HTMLResponse(content, status, {"Vary": "Cookie", **(headers or {})})


def to(path: str) -> RedirectResponse:
    """Where a browser goes after a form, so that to reload is not to send it again."""
    return RedirectResponse(path, 303, NO_STORE)
