"""At an OpenID provider, with a browser: signing in, and linking an identity to one's account."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.api import single_sign_on
from app.api.api_v1.endpoints import oidc
from app.api.deps import SessionDep
from app.api.job import Job
from app.api.routing import Router
from app.api.single_sign_on import Provider, get_provider
from app.api.throttling import LINKS, SINGLE_SIGN_ON
from app.core.pending_sign_in import PendingSignIn
from app.core.refresh_token import BrowserToken
from app.crud import totp
from app.db.session import WriteSessions
from app.pages import browser_session
from app.pages.browser_session import HOME, BrowserUser, Next, count
from app.pages.form import NO_REFERRER, FormPage
from app.pages.html import page, to
from app.pages.notice import Notice, with_notice
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.single_sign_on import LinkStart, ProviderAnswer

CALLBACK = "/login/callback"

LINK = FormPage("link-identity.html")

router = Router("", include_in_schema=False)


@router.get("/login/provider", dependencies=[*SINGLE_SIGN_ON])
async def leave(provider: Provider, next: Next = HOME) -> Response:
    pending = PendingSignIn(CALLBACK, next=next)
    response = RedirectResponse(await single_sign_on.begin(provider, pending), 302, NO_REFERRER)
    single_sign_on.carry(response, pending)
    return response


@router.get(CALLBACK, dependencies=[*SINGLE_SIGN_ON])
async def come_back(provider: Provider, request: Request, answer: Annotated[ProviderAnswer, Query()]) -> Response:
    pending = single_sign_on.carried(request, answer, CALLBACK)
    if pending.user_id is not None:
        LINK.stand_in(request)
    response = to(pending.next)
    opened = await single_sign_on.finish(provider, request, response, answer, pending, kind=BrowserToken)
    await Job(WriteSessions, partial(browser_session.end, request)).run()
    browser_session.carry(request, response, opened)
    return response


@router.get("/account/identities", dependencies=[Depends(get_provider)])
def show_link(request: Request, session: SessionDep, caller: BrowserUser) -> Response:
    return LINK.show(request, asks_code=totp.read(session, caller.id).is_active)


@router.post("/account/identities", dependencies=[Depends(LINK), SAME_ORIGIN])
async def link(
    provider: Provider, request: Request, caller: BrowserUser, data: Annotated[LinkStart, Form()]
) -> Response:
    await count(request, LINKS, caller)
    await oidc.confirm(caller, data)
    back = with_notice(HOME, Notice.identity_linked)
    pending = PendingSignIn(CALLBACK, next=back, user_id=caller.id, session_id=caller.session_id)
    # No redirect: browsers hold where a form leads in the end to `form-action` too, and a provider may send on.
    response = page(request, "to-provider.html", 200, NO_REFERRER, url=await single_sign_on.begin(provider, pending))
    single_sign_on.carry(response, pending)
    return response
