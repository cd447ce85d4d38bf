"""Which account an identity at an OpenID provider opens.

An identity is known by its issuer and subject (OpenID Connect Core, section 2). Its e-mail counts once, when it is met
for the first time, and only where both sides have verified it. A provider that has not says nothing about who reads
that mailbox. An account that has not may have been opened by a stranger, who has its password and waits for the owner
of the address to come.
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import crud
from app.core.config import settings
from app.core.errors import Conflict, NotAllowed, NotAuthenticated, NotFound
from app.core.happenings import Happening
from app.crud import totp
from app.crud.trail import record
from app.db.base import utc_now
from app.models import LinkedIdentity, User
from app.schemas.single_sign_on import Claims

Signed = tuple[User, bool]
"""Whose account it is, and whether the identity was linked just now to one that was there before."""


def sign_in(session: Session, claims: Claims, hashed_password: str) -> Signed:
    """The account of an identity; one that is new is linked by its e-mail, or gets a new account with this password.

    `NotAllowed` or `Conflict`, in words that say what to do: who has come this far owns the e-mail.
    """
    identity = _find(session, claims)
    if identity is None:
        return _by_email(session, claims, hashed_password)
    if identity.user_id is None:
        raise NotAllowed("This identity was unlinked from its account: sign in there, and link it again")
    user = session.get_one(User, identity.user_id)
    _refuse_closed(session, user)
    return user, False


def link(session: Session, claims: Claims, user_id: int) -> Signed:
    """Links the identity to the account of somebody who is signed in, whatever its e-mail."""
    user = crud.user.lock(session, user_id)
    if user is None:
        raise NotAuthenticated("The session has ended")
    refuse_unconfirmed(user)
    identity = _find(session, claims) or LinkedIdentity(issuer=claims.iss, subject=claims.sub)
    if identity.user_id == user.id:
        return user, False
    if identity.user_id is not None:
        raise Conflict("This identity is linked to another account")
    _link(session, identity, user)
    return user, True


def refuse_unconfirmed(user: User) -> None:
    """Nothing is linked to an account whose e-mail is not confirmed.

    It may have been opened with somebody else's, and when he takes it over, a stranger's identity would stay.
    """
    if user.email_verified_at is None:
        raise Conflict("The e-mail address of the account has to be confirmed first")


def linked(session: Session, user_id: int) -> Sequence[LinkedIdentity]:
    return session.scalars(select(LinkedIdentity).where(LinkedIdentity.user_id == user_id)).all()


def unlink(session: Session, user_id: int, id: int) -> None:
    """`NotFound` when it is not his."""
    own = update(LinkedIdentity).where(LinkedIdentity.id == id, LinkedIdentity.user_id == user_id)
    issuer = session.scalar(own.values(user_id=None).returning(LinkedIdentity.issuer))
    if issuer is None:
        raise NotFound("There is no such identity")
    record(session, Happening.identity_unlinked, user_id, detail=issuer)


def _find(session: Session, claims: Claims) -> LinkedIdentity | None:
    same = LinkedIdentity.issuer == claims.iss, LinkedIdentity.subject == claims.sub
    return session.scalar(select(LinkedIdentity).where(*same).with_for_update())


def _by_email(session: Session, claims: Claims, hashed_password: str) -> Signed:
    email = claims.verified_email
    if email is None:
        raise NotAllowed("The provider does not say that it has verified your e-mail address")
    user = session.scalar(select(User).where(User.email == email).with_for_update())
    was_there = user is not None
    if user is None:
        names = {"first_name": claims.given_name, "surname": claims.family_name}
        verified = {"email": email, "email_verified_at": utc_now()}
        user = crud.user.open(session, {**names, **verified, "hashed_password": hashed_password})
    elif user.email_verified_at is None:
        record(session, Happening.sign_in_failed, user.id)
        raise Conflict(
            "There is an account with your e-mail address, which has not been confirmed there: reset its password by "
            "mail, which confirms it, and try again"
        )
    elif totp.read(session, user.id).is_active:
        record(session, Happening.sign_in_failed, user.id)
        raise Conflict(
            "There is an account with your e-mail address, which has a second factor: sign in there, and link this "
            "identity to it"
        )
    _refuse_closed(session, user)
    _link(session, LinkedIdentity(issuer=claims.iss, subject=claims.sub), user)
    return user, was_there


def _refuse_closed(session: Session, user: User) -> None:
    if not user.is_active or (settings.REQUIRE_VERIFIED_EMAIL and user.email_verified_at is None):
        record(session, Happening.sign_in_failed, user.id)
        raise NotAllowed("The account is not active, or its e-mail address not confirmed")


def _link(session: Session, identity: LinkedIdentity, user: User) -> None:
    identity.user_id = user.id
    session.add(identity)
    try:
        session.flush()
    except Conflict:
        raise Conflict("The account is linked to another identity of this provider") from None
    record(session, Happening.identity_linked, user.id, detail=identity.issuer)
