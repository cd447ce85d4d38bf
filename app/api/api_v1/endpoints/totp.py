"""The second factor of one's own account: an app that shows codes (RFC 6238), and recovery codes if it is lost."""

import segno
from fastapi import Response

from app import crud
from app.api.deps import CurrentUser, SessionDep, needs
from app.api.hashing import hashing
from app.api.job import Job
from app.api.problems import problems
from app.api.routing import Router
from app.api.throttling import PASSWORD_CHANGE
from app.core.scopes import Scope
from app.core.security import TotpSecret
from app.crud import totp
from app.db.session import Session, WriteSessions
from app.mail import letters
from app.schemas.totp import RecoveryCodes, TotpBegin, TotpBegun, TotpCode, TotpRead

router = Router("/api/v1/auth", tags=["totp"])

SEES, CHANGES = needs(Scope.account_read), needs(Scope.account_write)


@router.get("/totp", responses=problems(401, 403), dependencies=[SEES])
def get(session: SessionDep, caller: CurrentUser) -> TotpRead:
    """Whether you are asked for a code, and how many recovery codes are left."""
    return totp.read(session, caller.id)


# 200 and not 201, which would take an Idempotency-Key, and keep the answer with the secret in it.
@router.post("/totp", responses=problems(401, 403, 409, 415), dependencies=[CHANGES, *PASSWORD_CHANGE])
async def begin(caller: CurrentUser, data: TotpBegin) -> TotpBegun:
    """Answers a secret for an app. It is asked for once `POST /auth/totp/confirm` has shown that the app has it.

    Begun anew, the secret of before is worth nothing. 409 while there is a second factor: remove that first.
    """
    current = await hashing.check_own(caller, data.current_password)

    def work(session: Session) -> tuple[TotpSecret, str]:
        user = crud.user.confirm(session, caller, current)
        secret = totp.begin(session, user)
        return secret, secret.uri(user.email)

    secret, uri = await Job(WriteSessions, work).run()
    # White behind it, or apps would not see it on a dark page.
    qr_code = segno.make(uri, error="m").svg_data_uri(scale=4, light="#fff")
    return TotpBegun(secret=secret.text, uri=uri, qr_code=qr_code)


@router.post("/totp/confirm", responses=problems(401, 403, 409, 415), dependencies=[CHANGES])
def confirm(session: SessionDep, caller: CurrentUser, data: TotpCode) -> RecoveryCodes:
    """Asks for a code from now on: at a login, and before password, e-mail or second factor are changed.

    Takes a code of the app; answers ten recovery codes, which are not shown again.
    """
    recovery_codes = totp.confirm(session, caller.id, data.code)
    letters.second_factor_added.enqueue(session, crud.user.get_one(session, caller.id, caller).email)
    return RecoveryCodes(recovery_codes=recovery_codes)


@router.post("/totp/recovery-codes", responses=problems(401, 403, 404, 415), dependencies=[CHANGES])
def renew_recovery_codes(session: SessionDep, caller: CurrentUser, data: TotpCode) -> RecoveryCodes:
    """Answers ten other recovery codes; those of before count no more."""
    return RecoveryCodes(recovery_codes=totp.renew_recovery_codes(session, caller.id, data.code))


@router.delete("/totp", status_code=204, responses=problems(401, 403, 404, 415), dependencies=[CHANGES])
def remove(session: SessionDep, caller: CurrentUser, data: TotpCode) -> Response:
    """Asks for no code any more. Takes one more, of the app or for recovery, in the body of the request."""
    totp.check(session, caller.id, data.code)
    totp.remove(session, caller.id, caller)
    letters.second_factor_removed.enqueue(session, crud.user.get_one(session, caller.id, caller).email)
    return Response(status_code=204)
