"""A password is changed by who knows it, and set anew by who reads the account's mail."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app import crud
from app.api.api_v1.endpoints import password
from app.api.deps import SessionDep
from app.api.job import Job
from app.api.rate_limit import source
from app.api.routing import Router
from app.api.throttling import PASSWORD_CHANGES, RESET, RESET_CONFIRM
from app.core.one_time import Purpose
from app.core.principal import SignedIn
from app.crud import totp
from app.db.session import Session, WriteSessions
from app.pages import browser_session
from app.pages.browser_session import HOME, BrowserUser, count
from app.pages.form import NO_REFERRER, FormPage, show_by_link
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN, WITH_TOKEN
from app.schemas.account import Mailbox, PasswordChange, PasswordReset

router = Router("", include_in_schema=False)

CHANGE = FormPage("change-password.html")
ASK = FormPage("reset.html", "email")
SET = FormPage("reset-confirm.html", "token", headers=NO_REFERRER)


@router.get("/account/password")
def show_change(request: Request, session: SessionDep, caller: BrowserUser) -> Response:
    return CHANGE.show(request, asks_code=totp.read(session, caller.id).is_active)


@router.post("/account/password", dependencies=[Depends(CHANGE), SAME_ORIGIN])
async def change(request: Request, caller: BrowserUser, data: Annotated[PasswordChange, Form()]) -> Response:
    await count(request, PASSWORD_CHANGES, caller)
    await password.change(caller, data)
    response = to_with(HOME, Notice.password_changed)
    await Job(WriteSessions, partial(_go_on, request, response, caller)).run()
    return response


def _go_on(request: Request, response: Response, caller: SignedIn, session: Session) -> None:
    """A new password ends all sessions; who has just shown that he knows it need not sign in again."""
    browser_session.begin(request, response, session, crud.user.get_one(session, caller.id, caller))


@router.get("/reset-password")
async def show_reset(request: Request, token: str | None = None) -> Response:
    return show_by_link(request, Purpose.reset_password, token, ASK, SET)


@router.post("/reset-password", dependencies=[Depends(ASK), SAME_ORIGIN, *RESET])
def ask(session: SessionDep, data: Annotated[Mailbox, Form()]) -> Response:
    password.reset(session, data)
    return to_with("/login", Notice.reset_asked)


@router.post("/reset-password/confirm", dependencies=[Depends(SET), WITH_TOKEN, *RESET_CONFIRM])
async def confirm(data: Annotated[PasswordReset, Form()], source: Annotated[str, Depends(source)]) -> Response:
    await password.confirm_reset(data, source)
    return to_with("/login", Notice.password_set)
