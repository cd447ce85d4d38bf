"""The second factor: an app that shows codes, and recovery codes if it is lost."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app.api.api_v1.endpoints import totp
from app.api.deps import SessionDep
from app.api.routing import Router
from app.api.throttling import PASSWORD_CHANGES
from app.pages.browser_session import HOME, SIGNED_IN, BrowserUser, count
from app.pages.form import FormPage
from app.pages.html import NO_STORE, page
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.totp import RecoveryCodes, TotpBegin, TotpCode

router = Router("/account/second-factor", include_in_schema=False)

BEGIN = FormPage("second-factor.html")
CONFIRM = FormPage("second-factor-confirm.html")
RENEW = FormPage("recovery-codes-renew.html")
REMOVE = FormPage("second-factor-remove.html")


@router.get("", dependencies=[SIGNED_IN])
async def show(request: Request) -> Response:
    return BEGIN.show(request)


@router.post("", dependencies=[Depends(BEGIN), SAME_ORIGIN])
async def begin(request: Request, caller: BrowserUser, data: Annotated[TotpBegin, Form()]) -> Response:
    await count(request, PASSWORD_CHANGES, caller)
    begun = await totp.begin(caller, data)
    return CONFIRM.show(request, secret=begun.secret, qr_code=begun.qr_code)


@router.post("/confirm", dependencies=[Depends(CONFIRM), SAME_ORIGIN])
def confirm(request: Request, session: SessionDep, caller: BrowserUser, data: Annotated[TotpCode, Form()]) -> Response:
    return _shown(request, totp.confirm(session, caller, data))


@router.get("/recovery-codes", dependencies=[SIGNED_IN])
async def show_renew(request: Request) -> Response:
    return RENEW.show(request)


@router.post("/recovery-codes", dependencies=[Depends(RENEW), SAME_ORIGIN])
def renew(request: Request, session: SessionDep, caller: BrowserUser, data: Annotated[TotpCode, Form()]) -> Response:
    return _shown(request, totp.renew_recovery_codes(session, caller, data))


@router.get("/remove", dependencies=[SIGNED_IN])
async def show_remove(request: Request) -> Response:
    return REMOVE.show(request)


@router.post("/remove", dependencies=[Depends(REMOVE), SAME_ORIGIN])
def remove(session: SessionDep, caller: BrowserUser, data: Annotated[TotpCode, Form()]) -> Response:
    totp.remove(session, caller, data)
    return to_with(HOME, Notice.second_factor_removed)


def _shown(request: Request, codes: RecoveryCodes) -> Response:
    return page(request, "recovery-codes.html", headers=NO_STORE, codes=codes.recovery_codes)
