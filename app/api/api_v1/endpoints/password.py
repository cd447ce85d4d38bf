"""A password is changed by who knows it, and set anew by who reads the account's mail."""

from typing import Annotated

from fastapi import Depends, Response

from app import crud
from app.api.deps import CurrentUser, SessionDep, needs
from app.api.hashing import hashing
from app.api.job import Job
from app.api.problems import problems
from app.api.rate_limit import source
from app.api.routing import Router
from app.api.throttling import PASSWORD_CHANGE, RESET, RESET_CONFIRM, remember
from app.core import one_time
from app.core.one_time import Purpose
from app.core.scopes import Scope
from app.crud import totp
from app.crud.proof import proven
from app.db.session import Session, WriteSessions
from app.mail import letters
from app.schemas.account import Mailbox, PasswordChange, PasswordReset

router = Router("/api/v1/auth", tags=["password"])

CHANGES = [needs(Scope.account_write)]


@router.post("/password", status_code=204, responses=problems(401, 403, 415), dependencies=[*CHANGES, *PASSWORD_CHANGE])
async def change(caller: CurrentUser, data: PasswordChange) -> Response:
    """Sets another password and ends all sessions, this one too."""
    current = await hashing.check_own(caller, data.current_password)
    hashed_password = await hashing.hash(data.password)

    def work(session: Session) -> None:
        user = crud.user.confirm(session, caller, current)
        totp.check(session, user.id, data.code)
        crud.user.set_password(session, user, data.password, hashed_password)
        letters.password_changed.enqueue(session, user.email)

    await Job(WriteSessions, work).run()
    return Response(status_code=204)


@router.post(
    "/password-reset", status_code=202, response_class=Response, responses=problems(415), dependencies=[*RESET]
)
def reset(session: SessionDep, data: Mailbox) -> Response:
    """Mails a link that sets another password, if there is such an account; the answer does not tell."""
    letters.password_reset.enqueue(session, data.email)
    return Response(status_code=202)


@router.post("/password-reset/confirm", status_code=204, responses=problems(401, 415), dependencies=[*RESET_CONFIRM])
async def confirm_reset(data: PasswordReset, source: Annotated[str, Depends(source)]) -> Response:
    """Sets another password with the token of the mailed link, and ends all sessions.

    It can be used once, within an hour, and not after the password or the address was changed otherwise.
    """
    claim = one_time.read(Purpose.reset_password, data.token)  # to make one hash costs more than to make up a token
    hashed_password = await hashing.hash(data.password)

    def work(session: Session) -> None:
        user, email = proven(session, Purpose.reset_password, data.token)
        totp.check(session, user.id, data.code)
        crud.user.set_password(session, user, data.password, hashed_password)
        crud.user.set_email(session, user, email)
        letters.password_changed.enqueue(session, email)

    await Job(WriteSessions, work).run()
    await remember(claim.email, source)
    return Response(status_code=204)
