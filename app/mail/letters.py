"""The mails that this service writes. Each is a job, and says nothing that a stranger could have put into it."""

from app import crud
from app.core import one_time
from app.core.config import settings
from app.core.one_time import Proof, Purpose
from app.crud.proof import proof
from app.db.session import ReadSessions
from app.jobs import Attempt, job
from app.mail import transport
from app.mail.message import compose


@job
def password_reset(attempt: Attempt, email: str) -> None:
    """Looks here whether there is an account, so that the time of the request does not tell."""
    with ReadSessions() as session:
        user = crud.user.reachable(session, email)
        wanted = user and proof(Purpose.reset_password, user)
    if wanted:
        _send(attempt, "password-reset", email, link=one_time.link(Purpose.reset_password, wanted))


@job
def password_changed(attempt: Attempt, email: str) -> None:
    _send(attempt, "password-changed", email)


@job
def verification(attempt: Attempt, email: str) -> None:
    with ReadSessions() as session:
        user = crud.user.reachable(session, email)
        wanted = user and user.email_verified_at is None and proof(Purpose.verify_email, user)
    if wanted:
        _send(attempt, "verification", email, link=one_time.link(Purpose.verify_email, wanted))


@job
def email_change(attempt: Attempt, user_id: int, email: str, state: str) -> None:
    """To the new address. `state` is that of the account when it was asked for: it may have changed since."""
    wanted = Proof(user_id, email, state)
    _send(attempt, "email-change", email, link=one_time.link(Purpose.change_email, wanted))


@job
def email_change_asked(attempt: Attempt, email: str) -> None:
    """To the old address, while the account can still be got back through it."""
    _send(attempt, "email-change-asked", email)


@job
def email_changed(attempt: Attempt, email: str) -> None:
    """To the old address."""
    _send(attempt, "email-changed", email)


@job
def second_factor_added(attempt: Attempt, email: str) -> None:
    _send(attempt, "second-factor-added", email)


@job
def second_factor_removed(attempt: Attempt, email: str) -> None:
    _send(attempt, "second-factor-removed", email)


@job
def identity_linked(attempt: Attempt, email: str) -> None:
    _send(attempt, "identity-linked", email)


@job
def comment_added(attempt: Attempt, comment_id: int) -> None:
    """To who brought the recipe. Not with the comment's words: those are a stranger's."""
    with ReadSessions() as session:
        told = crud.comment.to_be_told(session, comment_id)
    if told:
        link = f"{settings.PUBLIC_URL}/recipes/{told.recipe_id}#comments"
        _send(attempt, "comment-added", told.email, label=told.label, link=link)


def _send(attempt: Attempt, template: str, email: str, **values: str) -> None:
    transport.transport.send(compose(template, email, attempt.key, email=email, **values), attempt.key)
