"""What a link in a mail stands for: which state of the account it depends on, and whose it is."""

from sqlalchemy.orm import Session

from app import crud
from app.core import one_time
from app.core.one_time import Proof, Purpose
from app.models import User


def proof(purpose: Purpose, user: User, email: str | None = None) -> Proof:
    """What the link to `email` is to prove; to the account's own address unless told otherwise."""
    return Proof(user.id, email or user.email, _state(purpose, user))


def proven(session: Session, purpose: Purpose, token: str) -> tuple[User, str]:
    """The active account that a token was made for, still in the same state, and the address it was sent to.

    `BadRequest` otherwise. Each use changes the state, so there is only one: the account is locked until then.
    """
    claim = one_time.read(purpose, token)
    user = crud.user.lock(session, claim.user_id)
    if user is None or claim.state != _state(purpose, user):
        raise one_time.no_proof()
    return user, claim.email


def _state(purpose: Purpose, user: User) -> str:
    if purpose is Purpose.verify_email:
        return one_time.state(user.email, user.email_verified_at)
    # What somebody asked for who has been shut out since must not come about.
    return one_time.state(user.email, user.hashed_password)
