"""Who is signed in with a browser: sessions as the API has them, which a cookie stands for."""

import re
from contextlib import suppress
from functools import partial
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response
from pydantic import BeforeValidator

from app.api import cookie, rate_limit
from app.api.job import Job
from app.api.rate_limit import RateLimit
from app.core import patterns
from app.core.errors import NotAuthenticated
from app.core.principal import SignedIn
from app.core.refresh_token import BrowserToken
from app.crud import login_session
from app.crud.login_session import Opened
from app.db.base import utc_now
from app.db.session import Session, WriteSessions
from app.models import User
from app.pages.html import CALLER

HOME = "/account"


def _own_path(path: str) -> str:
    return path if re.fullmatch(patterns.OWN_PATH, path) else HOME


Next = Annotated[str, BeforeValidator(_own_path)]
"""Where to go on after signing in; never to another site."""


async def get_visitor(request: Request) -> SignedIn | None:
    """Who is signed in. None for everybody else, of whom nothing is asked and for whom no session is looked up."""
    text = cookie.value(request)
    try:
        return None if text is None else await _caller(request, text)
    except NotAuthenticated:
        return None


Visitor = Annotated[SignedIn | None, Depends(get_visitor)]


async def get_signed_in(request: Request) -> SignedIn:
    """Sends everybody else to sign in, and back again."""
    text = cookie.value(request)
    try:
        if text is None:
            raise NotAuthenticated("Sign in first")
        return await _caller(request, text)
    except NotAuthenticated as error:
        raise HTTPException(303, error.detail, _to_sign_in(request)) from error


async def _caller(request: Request, text: str) -> SignedIn:
    token = BrowserToken.read(text)
    caller = await Job(WriteSessions, partial(login_session.in_browser, token=token)).run()
    request.scope[CALLER] = caller
    return caller


SIGNED_IN = Depends(get_signed_in)
BrowserUser = Annotated[SignedIn, SIGNED_IN]


async def count(request: Request, limit: RateLimit, caller: SignedIn) -> None:
    """Counts together with what he does by the API."""
    await limit.hit(request, rate_limit.account(caller.id))


def begin(request: Request, response: Response, session: Session, user: User) -> None:
    """A new session, whatever the browser had before: that ends, and nobody can have planted it."""
    end(request, session)
    carry(request, response, login_session.begin(session, user, kind=BrowserToken))


def carry(request: Request, response: Response, opened: Opened) -> None:
    rest = opened.expires_at - utc_now()
    cookie.put(request, response, str(opened.refresh_token), int(rest.total_seconds()))


def end(request: Request, session: Session) -> None:
    """The session of the browser, if it has one."""
    text = cookie.value(request)
    if text is None:
        return
    with suppress(NotAuthenticated):
        login_session.end_in_browser(session, BrowserToken.read(text))


def _to_sign_in(request: Request) -> dict[str, str]:
    path = request.url.path if request.method == "GET" else HOME
    old = Response()
    cookie.take_away(request, old)
    return {"Location": f"/login?next={path}", "Set-Cookie": old.headers["Set-Cookie"]}
