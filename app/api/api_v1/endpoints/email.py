"""An e-mail address counts once its owner has followed a link that was mailed to it."""

from fastapi import Response

from app import crud
from app.api.deps import CurrentUser, SessionDep, needs
from app.api.hashing import hashing
from app.api.job import Job
from app.api.problems import problems
from app.api.routing import Router
from app.api.throttling import EMAIL_CHANGE, VERIFY, VERIFY_CONFIRM
from app.core.one_time import Purpose
from app.core.scopes import Scope
from app.crud import totp
from app.crud.proof import proof, proven
from app.db.session import Session, WriteSessions
from app.mail import letters
from app.schemas.account import Confirmation, EmailChange, Mailbox

router = Router("/api/v1/auth", tags=["email"])

CHANGES = [needs(Scope.account_write)]


@router.post("/verify-email", status_code=202, response_class=Response, responses=problems(415), dependencies=[*VERIFY])
def verify(session: SessionDep, data: Mailbox) -> Response:
    """Mails a link that confirms the address, if an account has it unconfirmed; the answer does not tell."""
    letters.verification.enqueue(session, data.email)
    return Response(status_code=202)


@router.post("/verify-email/confirm", status_code=204, responses=problems(415), dependencies=[*VERIFY_CONFIRM])
def confirm(session: SessionDep, data: Confirmation) -> Response:
    """Confirms the address with the token of the mailed link, once and within a day."""
    user, email = proven(session, Purpose.verify_email, data.token)
    crud.user.set_email(session, user, email)
    return Response(status_code=204)


@router.post(
    "/email",
    status_code=202,
    response_class=Response,
    responses=problems(401, 403, 415),
    dependencies=[*CHANGES, *EMAIL_CHANGE],
)
async def change(caller: CurrentUser, data: EmailChange) -> Response:
    """Mails a link to the new address that makes it the account's, and says so to the old one."""
    current = await hashing.check_own(caller, data.current_password)

    def work(session: Session) -> None:
        user = crud.user.confirm(session, caller, current)
        totp.check(session, user.id, data.code)
        wanted = proof(Purpose.change_email, user, data.email)
        letters.email_change.enqueue(session, wanted.user_id, wanted.email, wanted.state)
        letters.email_change_asked.enqueue(session, user.email)

    await Job(WriteSessions, work).run()
    return Response(status_code=202)


@router.post("/email/confirm", status_code=204, responses=problems(409, 415), dependencies=[*VERIFY_CONFIRM])
def confirm_change(session: SessionDep, data: Confirmation) -> Response:
    """Changes the address with the token of the mailed link, once and within a day; 409 if another account has it."""
    user, email = proven(session, Purpose.change_email, data.token)
    letters.email_changed.enqueue(session, user.email)
    crud.user.set_email(session, user, email)
    return Response(status_code=204)
