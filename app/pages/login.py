"""Signing in with a browser, and out again."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app import crud
from app.api import cookie
from app.api.api_v1.endpoints.auth import check_password
from app.api.deps import SessionDep
from app.api.job import Job
from app.api.rate_limit import source
from app.api.routing import Router
from app.api.throttling import SECOND_FACTOR, SIGN_IN, remember
from app.core import one_time
from app.core.errors import SecondFactorRequired
from app.core.one_time import Purpose
from app.core.security import CheckedPassword
from app.crud import totp
from app.crud.proof import proof, proven
from app.db.session import Session, WriteSessions
from app.pages import browser_session
from app.pages.browser_session import HOME, Next
from app.pages.form import FormPage
from app.pages.html import to
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.account import OneTimeToken
from app.schemas.token import Login
from app.schemas.types import Code, Input

router = Router("", include_in_schema=False)

LOGIN = FormPage("login.html", "username")
CODE = FormPage("login-code.html", "token", "next")


class SecondStep(Input):
    token: OneTimeToken
    code: Code
    next: Next = HOME


@router.get("/login")
async def show(request: Request, notice: Notice | None = None) -> Response:
    return LOGIN.show(request, notice)


@router.post("/login", dependencies=[Depends(LOGIN), SAME_ORIGIN, *SIGN_IN])
def login(
    request: Request,
    session: SessionDep,
    form: Annotated[Login, Form()],
    password: Annotated[CheckedPassword, Depends(check_password)],
    next: Next = HOME,
) -> Response:
    user = crud.user.sign_in(session, form.username, password)
    try:
        totp.check(session, user.id, form.code)
    except SecondFactorRequired:
        # So that the password need not be typed again.
        token = one_time.write(Purpose.second_factor, proof(Purpose.second_factor, user))
        CODE.stand_in(request, token=token, next=next)
        raise
    response = to(next)
    browser_session.begin(request, response, session, user)
    return response


@router.post("/login/code", dependencies=[Depends(CODE), SAME_ORIGIN, *SECOND_FACTOR])
async def login_with_code(
    request: Request, data: Annotated[SecondStep, Form()], source: Annotated[str, Depends(source)]
) -> Response:
    response = to(data.next)

    def work(session: Session) -> str:
        user, email = proven(session, Purpose.second_factor, data.token)
        totp.check(session, user.id, data.code)
        browser_session.begin(request, response, session, user)
        return email

    await remember(await Job(WriteSessions, work).run(), source)
    return response


@router.post("/logout", dependencies=[SAME_ORIGIN])
def logout(request: Request, session: SessionDep) -> Response:
    response = to_with("/login", Notice.signed_out)
    browser_session.end(request, session)
    cookie.take_away(request, response)
    return response
