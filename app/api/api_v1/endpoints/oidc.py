"""Signing in at an OpenID provider, and linking an identity there."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from app import crud
from app.api.deps import CurrentUser, needs
from app.api.hashing import hashing
from app.api.job import Job
from app.api.problems import problems
from app.api.routing import Router
from app.api.single_sign_on import Provider, begin, carried, carry, finish
from app.api.throttling import LINK, SINGLE_SIGN_ON
from app.api.tokens import tokens
from app.core.pending_sign_in import PendingSignIn
from app.core.principal import SignedIn
from app.core.scopes import Scope
from app.crud import linked_identity, totp
from app.db.session import Session, WriteSessions
from app.schemas.single_sign_on import LinkStart, LinkStarted, ProviderAnswer
from app.schemas.token import AskedScope, Token

router = Router("/api/v1/auth/oidc", tags=["oidc"])

CALLBACK = "/api/v1/auth/oidc/callback"

TO_THE_PROVIDER: dict[int | str, dict[str, Any]] = {
    302: {"description": "To the provider", "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}}}
}


@router.get(
    "/login",
    status_code=302,
    response_class=RedirectResponse,
    responses={**TO_THE_PROVIDER, **problems(404, 502, 504)},
    dependencies=[*SINGLE_SIGN_ON],
)
async def login(provider: Provider, scope: AskedScope = "") -> RedirectResponse:
    """Sends a browser to the provider (OpenID Connect Core, section 3.1), which sends it back to the callback."""
    pending = PendingSignIn(CALLBACK, scope=scope or None)
    response = RedirectResponse(await begin(provider, pending), 302)
    carry(response, pending)
    return response


@router.get("/callback", responses=problems(401, 403, 404, 409, 502, 504), dependencies=[*SINGLE_SIGN_ON])
async def callback(
    provider: Provider, request: Request, response: Response, answer: Annotated[ProviderAnswer, Query()]
) -> Token:
    """Where the provider sends the browser back to: begins a session, and answers its tokens, as a login does."""
    pending = carried(request, answer, CALLBACK)
    return tokens(await finish(provider, request, response, answer, pending))


@router.post(
    "/link",
    responses=problems(401, 403, 404, 409, 415, 502, 504),
    dependencies=[needs(Scope.account_write), *LINK],
)
async def link(provider: Provider, caller: CurrentUser, data: LinkStart, response: Response) -> LinkStarted:
    """Links an identity to your account, whatever its e-mail: go to the URL, with the cookie of this answer.

    Coming back links it and begins a new session, as a login does.
    """
    await confirm(caller, data)
    pending = PendingSignIn(CALLBACK, user_id=caller.id, session_id=caller.session_id)
    url = await begin(provider, pending)
    carry(response, pending)
    return LinkStarted(url=url)


async def confirm(caller: SignedIn, data: LinkStart) -> None:
    """That it is the owner who wants to link an identity, and that he may."""
    current = await hashing.check_own(caller, data.current_password)

    def work(session: Session) -> None:
        user = crud.user.confirm(session, caller, current)
        totp.check(session, user.id, data.code)
        linked_identity.refuse_unconfirmed(user)

    await Job(WriteSessions, work).run()
