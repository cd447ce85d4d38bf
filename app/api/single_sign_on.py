"""The two halves of a sign-in at a provider: the browser leaves, and it comes back.

What is between them travels with the browser in a cookie, so that any worker can go on. While the provider is asked, no
thread and no connection is held. A page may have its own two routes, with a callback path of its own.
"""

import secrets
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Response

from app.api.hashing import hashing
from app.api.job import Job
from app.api.route import origin_of
from app.core.config import settings
from app.core.errors import NotFound
from app.core.origin import asked_from
from app.core.pending_sign_in import LIFETIME, PendingSignIn
from app.core.refresh_token import RefreshToken
from app.core.security import AccessToken
from app.crud import linked_identity, login_session
from app.crud.login_session import Opened
from app.db.session import Session, WriteSessions
from app.mail import letters
from app.schemas.single_sign_on import Claims, ProviderAnswer

if TYPE_CHECKING:
    from app.clients.openid import OpenID

IS_SECURE = settings.PUBLIC_URL.startswith("https:")
COOKIE = "__Host-larder-sign-in" if IS_SECURE else "larder-sign-in"
RULES: dict[str, Any] = {"path": "/", "secure": IS_SECURE, "httponly": True, "samesite": "lax"}
"""Lax: the way back is a link on somebody else's page."""


async def get_provider(request: Request) -> "OpenID":
    provider: OpenID | None = request.app.state.openid
    if provider is None:
        raise NotFound("Single sign-on is not set up here")
    return provider


Provider = Annotated[Any, Depends(get_provider)]
"""An `OpenID`; FastAPI would import the name, and with it a package that is not needed without single sign-on."""


async def begin(provider: "OpenID", pending: PendingSignIn) -> str:
    """Where the browser has to go, once it was told to `carry` what it needs to come back."""
    return await provider.authorization_url(pending, _redirect_uri(pending.callback))


def carry(response: Response, pending: PendingSignIn) -> None:
    response.set_cookie(COOKIE, str(pending), LIFETIME, **RULES)


def carried(request: Request, answer: ProviderAnswer, callback: str) -> PendingSignIn:
    """What the browser was told to carry when it left; `BadRequest` unless it comes back from there."""
    return PendingSignIn.read(request.cookies.get(COOKIE, ""), callback, answer.state)


async def finish(
    provider: "OpenID",
    request: Request,
    response: Response,
    answer: ProviderAnswer,
    pending: PendingSignIn,
    *,
    kind: type[RefreshToken] = RefreshToken,
) -> Opened:
    """A new session for who came back."""
    claims = await provider.identify(answer, pending, _redirect_uri(pending.callback))
    # For an account that is new: nobody knows it, and a reset by mail sets another.
    unknown_password = await hashing.hash(secrets.token_urlsafe(32))
    opened = await Job(WriteSessions, partial(_open, request, pending, claims, unknown_password, kind=kind)).run()
    response.delete_cookie(COOKIE, **RULES)
    return opened


def _open(
    request: Request,
    pending: PendingSignIn,
    claims: Claims,
    hashed_password: str,
    session: Session,
    *,
    kind: type[RefreshToken],
) -> Opened:
    asked_from.set(partial(origin_of, request))  # in the job's own context
    if pending.user_id is None or pending.session_id is None:
        user, is_linked_now = linked_identity.sign_in(session, claims, hashed_password)
    else:
        login_session.signed_in(session, AccessToken(pending.user_id, pending.session_id))
        user, is_linked_now = linked_identity.link(session, claims, pending.user_id)
    if is_linked_now:
        letters.identity_linked.enqueue(session, user.email)
    return login_session.begin(session, user, pending.scope, kind)


def _redirect_uri(callback: str) -> str:
    return settings.PUBLIC_URL + callback
