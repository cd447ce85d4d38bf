"""Who opens a WebSocket, and from where.

A browser sends cookies to whatever site a page connects to, and the same-origin policy does not keep the page from
doing so. So each page says where it comes from (RFC 6455, section 10.2), and only those of this site get by with a
cookie.
"""

from dataclasses import dataclass
from functools import partial

from fastapi import WebSocket

from app.api import cookie
from app.api.deps import Bearer, Credentials, Holds, KeyHeader, get_credentials, signed_in
from app.api.job import Job
from app.core.api_key import ApiKey
from app.core.config import settings
from app.core.errors import NotAllowed
from app.core.principal import SignedIn
from app.core.refresh_token import BrowserToken
from app.core.scopes import Scope
from app.core.security import AccessToken, write_access_token
from app.crud import login_session
from app.db.session import ReadSessions, WriteSessions
from app.live.listener import Grant

READS = Holds(Scope.recipes_read)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there, if he has signed in."""

    caller: SignedIn | None = None
    grant: Grant | None = None
    credentials: str | None = None
    """A token or key; None for who has a cookie."""

    @property
    def bearer(self) -> str | None:
        """What the API takes from him."""
        if self.credentials is None and self.caller and self.caller.session_id:
            return write_access_token(AccessToken(self.caller.id, self.caller.session_id))[0]
        return self.credentials


async def shake_hands(websocket: WebSocket) -> Visitor:
    """Raises `NotAllowed` for a page of another site, and `NotAuthenticated` for credentials that are not good."""
    is_own = _is_own_page(websocket)
    token, key = await Bearer()(websocket), await KeyHeader()(websocket)
    if token is not None or key is not None:
        return await _visitor(await get_credentials(token, key), token or key)
    if is_own and (text := cookie.value(websocket)):
        caller = await Job(WriteSessions, partial(login_session.in_browser, token=BrowserToken.read(text))).run()
        return Visitor(caller, Grant(caller.id, caller.session_id))
    return Visitor()


async def authenticate(token: str) -> Visitor:
    return await _visitor(await get_credentials(token, None), token)


def grant(credentials: Credentials | None, caller: SignedIn | None) -> Grant | None:
    """The right by which a caller is there."""
    if credentials is None or caller is None:
        return None
    if isinstance(credentials, ApiKey):
        return Grant(caller.id, key_hash=credentials.hash)
    return Grant(caller.id, caller.session_id, expires=credentials.expires)


async def _visitor(credentials: Credentials | None, text: str | None) -> Visitor:
    caller = READS.check(await Job(ReadSessions, partial(signed_in, credentials)).run())
    return Visitor(caller, grant(credentials, caller), text)


def _is_own_page(websocket: WebSocket) -> bool:
    origin = websocket.headers.get("Origin")
    if origin is None:
        return False  # no browser
    scheme = "https" if websocket.url.scheme == "wss" else "http"
    if origin in (f"{scheme}://{websocket.headers.get('Host')}", settings.PUBLIC_URL):
        return True
    if origin not in settings.CORS_ORIGINS:
        raise NotAllowed("Pages of this origin may not connect")
    return False
