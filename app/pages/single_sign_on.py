"""Signing in with a browser at an OpenID provider."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from app.api import single_sign_on
from app.api.job import Job
from app.api.routing import Router
from app.api.single_sign_on import Provider
from app.api.throttling import SINGLE_SIGN_ON
from app.core.pending_sign_in import PendingSignIn
from app.core.refresh_token import BrowserToken
from app.db.session import WriteSessions
from app.pages import browser_session
from app.pages.browser_session import HOME, Next
from app.pages.form import NO_REFERRER
from app.pages.html import to
from app.schemas.single_sign_on import ProviderAnswer

CALLBACK = "/login/callback"

router = Router("/login", include_in_schema=False)


@router.get("/provider", dependencies=[*SINGLE_SIGN_ON])
async def leave(provider: Provider, next: Next = HOME) -> Response:
    pending = PendingSignIn(CALLBACK, next=next)
    response = RedirectResponse(await single_sign_on.begin(provider, pending), 302, NO_REFERRER)
    single_sign_on.carry(response, pending)
    return response


@router.get("/callback", dependencies=[*SINGLE_SIGN_ON])
async def come_back(provider: Provider, request: Request, answer: Annotated[ProviderAnswer, Query()]) -> Response:
    response = to(HOME)
    opened, next = await single_sign_on.finish(provider, request, response, answer, CALLBACK, kind=BrowserToken)
    await Job(WriteSessions, partial(browser_session.end, request)).run()
    browser_session.carry(request, response, opened)
    response.headers["Location"] = next
    return response
