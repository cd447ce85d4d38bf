"""What accounts need beyond `CRUDBase`: passwords, sign-in, and a superuser who is always there."""

from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.core import security
from app.core.errors import Conflict, NotAuthenticated
from app.core.security import AccessToken
from app.crud.base import CRUDBase
from app.crud.precondition import ALWAYS, Precondition
from app.crud.returning import Values
from app.models import User
from app.schemas.user import SignUp, UserCreate, UserUpdate

SIGNED_IN = select(User).where(
    User.id == bindparam("id"), User.token_generation == bindparam("generation"), User.is_active
)
"""Made once, because many requests begin with it."""


class CRUDUser(CRUDBase[User, UserCreate, UserUpdate]):
    filters = (
        "id",
        "email",
        "first_name",
        "surname",
        "is_active",
        "is_superuser",
        "created_at",
        "updated_at",
    )
    searches = ("email", "first_name", "surname")
    sorts = ("id", "email", "created_at", "updated_at")

    def sign_up(self, session: Session, data: SignUp) -> User:
        return self.create(session, UserCreate(**data.model_dump()))

    def sign_in(self, session: Session, email: str, password: str) -> User:
        """The active user with this e-mail and password; `NotAuthenticated` in the same words and time otherwise."""
        user = session.scalar(select(User).where(User.email == email.lower(), User.is_active))
        right, new_hash = security.verify_password(password, user.hashed_password if user else None)
        if user is None or not right:
            raise NotAuthenticated("The e-mail or the password is wrong")
        if new_hash:
            # Unless the password was changed in the meantime: what is right now must not come back.
            same = User.id == user.id, User.hashed_password == user.hashed_password
            session.execute(update(User).where(*same).values(hashed_password=new_hash))
        return user

    def signed_in(self, session: Session, token: AccessToken) -> User:
        """The user of a token; `NotAuthenticated` when it has ended since, with the account or its password."""
        user = session.scalar(SIGNED_IN, {"id": token.user_id, "generation": token.generation})
        if user is None:
            raise NotAuthenticated("The session has ended")
        return user

    def remove(self, session: Session, id: int, caller: User, precondition: Precondition = ALWAYS) -> None:
        self._keep_a_superuser(session, without=id)
        super().remove(session, id, caller, precondition)

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        if "password" in values:
            values["hashed_password"] = security.hash_password(values.pop("password"))
        return values

    def _change(
        self, session: Session, id: int, values: Values, caller: User, precondition: Precondition = ALWAYS
    ) -> User:
        deactivates = values.get("is_active") is False
        if deactivates or values.get("is_superuser") is False:
            self._keep_a_superuser(session, without=id)
        if deactivates or "hashed_password" in values:
            values = {**values, "token_generation": User.token_generation + 1}
        return super()._change(session, id, values, caller, precondition)

    def _keep_a_superuser(self, session: Session, without: int) -> None:
        """Locks all active superusers, so that of two who remove each other the second one sees the first's work."""
        active_superusers = select(User.id).where(User.is_superuser, User.is_active).order_by(User.id)
        if session.scalars(active_superusers.with_for_update()).all() == [without]:
            raise Conflict("The last active superuser has to stay")


user = CRUDUser(User)
