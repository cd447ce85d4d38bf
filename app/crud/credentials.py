"""Whose password it is. What is refused is told in the trail of the account, if there is one."""

from sqlalchemy import ColumnElement, ScalarSelect, and_, select, true, update
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.errors import FieldError, NotAllowed, NotAuthenticated
from app.core.happenings import Happening
from app.core.principal import Principal
from app.core.security import CheckedPassword
from app.crud.trail import record
from app.models import User


class Credentials:
    """What `crud.user` asks of no rights: who knows the password is the user."""

    def hash_for_sign_in(self, session: Session, email: str) -> str | None:
        """That of the user with this e-mail, if he may sign in."""
        return session.scalar(select(User.hashed_password).where(_may_sign_in(email)))

    def sign_in(self, session: Session, email: str, password: CheckedPassword) -> User:
        """The user with this e-mail and password; `NotAuthenticated` in the same words otherwise."""
        # With the same hash, because the password may have been changed while it was checked.
        same = _may_sign_in(email), User.hashed_password == password.hash
        user = session.scalar(select(User).where(*same)) if password.right else None
        if user is None:
            record(session, Happening.sign_in_failed, _id_of(email))
            raise NotAuthenticated("The e-mail or the password is wrong")
        if password.new_hash:
            session.execute(update(User).where(User.id == user.id, *same).values(hashed_password=password.new_hash))
        return user

    def lock_out(self, session: Session, email: str) -> None:
        """Tells in the trail that strangers cannot sign in for a while; `app.api.throttling` sees to it."""
        record(session, Happening.locked_out, _id_of(email))

    def hash_of(self, session: Session, id: int) -> str | None:
        return session.scalar(select(User.hashed_password).where(User.id == id, User.is_active))

    def confirm(self, session: Session, caller: Principal, password: CheckedPassword) -> User:
        """The user who is signed in, locked; `NotAllowed` unless this is his password."""
        user = self.lock(session, caller.id)
        if user is None or not password.right or user.hashed_password != password.hash:
            record(session, Happening.password_not_confirmed, caller.id)
            error = FieldError("/current_password", "is wrong", "password")
            raise NotAllowed("The current password is wrong", error)
        return user

    def lock(self, session: Session, id: int) -> User | None:
        """The active user, whom nobody else changes until the transaction ends."""
        rows = select(User).where(User.id == id, User.is_active).with_for_update()
        return session.scalar(rows.execution_options(populate_existing=True))


def _may_sign_in(email: str) -> ColumnElement[bool]:
    verified = User.email_verified_at.is_not(None) if settings.REQUIRE_VERIFIED_EMAIL else true()
    return and_(User.email == email.lower(), User.is_active, verified)


def _id_of(email: str) -> ScalarSelect[int]:
    return select(User.id).where(User.email == email.lower()).scalar_subquery()
