"""An address counts once its owner has followed a link that was mailed to it, and pressed the button there.

The link alone confirms nothing: programs that look at mails follow links too.
"""

from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app.api import cookie
from app.api.api_v1.endpoints import email
from app.api.deps import SessionDep
from app.api.routing import Router
from app.api.throttling import EMAIL_CHANGES, VERIFY, VERIFY_CONFIRM
from app.core import one_time
from app.core.one_time import Purpose
from app.crud import totp
from app.pages.browser_session import HOME, BrowserUser, count
from app.pages.form import NO_REFERRER, FormPage, show_by_link
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN, WITH_TOKEN
from app.schemas.account import Confirmation, EmailChange, Mailbox

router = Router("", include_in_schema=False)

ASK = FormPage("verify.html", "email")
VERIFY_PAGE = FormPage("verify-confirm.html", "token", headers=NO_REFERRER)
CHANGE = FormPage("change-email.html", "email")
CONFIRM_CHANGE = FormPage("change-email-confirm.html", "token", headers=NO_REFERRER)


@router.get("/verify-email")
async def show_verify(request: Request, token: str | None = None) -> Response:
    return show_by_link(request, Purpose.verify_email, token, ASK, VERIFY_PAGE)


@router.post("/verify-email", dependencies=[Depends(ASK), SAME_ORIGIN, *VERIFY])
def ask(request: Request, session: SessionDep, data: Annotated[Mailbox, Form()]) -> Response:
    email.verify(session, data)
    return _back(request, Notice.verification_asked)


@router.post("/verify-email/confirm", dependencies=[Depends(VERIFY_PAGE), WITH_TOKEN, *VERIFY_CONFIRM])
def verify(request: Request, session: SessionDep, data: Annotated[Confirmation, Form()]) -> Response:
    email.confirm(session, data)
    return _back(request, Notice.email_verified)


@router.get("/account/email")
def show_change(request: Request, session: SessionDep, caller: BrowserUser) -> Response:
    return CHANGE.show(request, asks_code=totp.read(session, caller.id).is_active)


@router.post("/account/email", dependencies=[Depends(CHANGE), SAME_ORIGIN])
async def change(request: Request, caller: BrowserUser, data: Annotated[EmailChange, Form()]) -> Response:
    await count(request, EMAIL_CHANGES, caller)
    await email.change(caller, data)
    return to_with(HOME, Notice.email_change_asked)


@router.get("/change-email")
async def show_confirm(request: Request, token: str = "") -> Response:
    one_time.read(Purpose.change_email, token)
    return CONFIRM_CHANGE.show(request, token=token)


@router.post("/change-email/confirm", dependencies=[Depends(CONFIRM_CHANGE), WITH_TOKEN, *VERIFY_CONFIRM])
def confirm_change(request: Request, session: SessionDep, data: Annotated[Confirmation, Form()]) -> Response:
    email.confirm_change(session, data)
    return _back(request, Notice.email_changed)


def _back(request: Request, notice: Notice) -> Response:
    return to_with(HOME if cookie.value(request) else "/login", notice)
