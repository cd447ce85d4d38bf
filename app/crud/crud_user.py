"""What accounts need beyond `CRUDBase`: passwords, addresses, a trail, and a superuser who is always there."""

from collections.abc import Set
from typing import Any

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import Session

from app.core import security
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed
from app.core.happenings import Happening
from app.core.password_rules import is_own_email
from app.core.principal import Principal, SignedIn
from app.crud.base import CRUDBase
from app.crud.credentials import Credentials
from app.crud.precondition import ALWAYS, Precondition
from app.crud.returning import Values
from app.crud.trail import record
from app.crud.user_changes import WATCHED, differences
from app.crud.user_rights import refuse_to_give, rights, with_no_more_rights
from app.db.base import utc_now
from app.db.notices import tell
from app.models import User
from app.schemas.user import SignUp, UserCreate, UserUpdate


class CRUDUser(Credentials, CRUDBase[User, UserCreate, UserUpdate]):
    filters = ("id", "email", "first_name", "surname", "is_active", "is_superuser", "created_at", "updated_at")
    searches = ("email", "first_name", "surname")
    sorts = ("id", "email", "created_at", "updated_at")

    def sign_up(self, session: Session, data: SignUp, hashed_password: str) -> User:
        _refuse_own_email(data.password, data.email)
        return self.open(session, {**data.model_dump(exclude={"password"}), "hashed_password": hashed_password})

    def open(self, session: Session, values: Values) -> User:
        """A new account of somebody who opens it himself."""
        user = self._insert(session, values)
        record(session, Happening.account_opened, user.id)
        return user

    def reachable(self, session: Session, email: str) -> User | None:
        """The active user with this e-mail."""
        return session.scalar(select(User).where(User.email == email.lower(), User.is_active))

    def set_password(self, session: Session, user: User, password: str, hashed_password: str) -> None:
        """For a user who has been locked."""
        _refuse_own_email(password, user.email)
        self._set(session, user, {"hashed_password": hashed_password})

    def set_email(self, session: Session, user: User, email: str) -> None:
        """For a user who has been locked, and is known to read what is sent to this address."""
        self._set(session, user, {"email": email, "email_verified_at": utc_now()})

    def _set(self, session: Session, user: User, values: Values) -> None:
        self._change(session, user.id, values, SignedIn.of(user.id, user.is_superuser, user.roles))

    def update(
        self, session: Session, id: int, data: UserUpdate, caller: Principal, precondition: Precondition = ALWAYS
    ) -> User:
        sent = data.model_fields_set & {"email", "password"}
        if sent and id == caller.id:
            self._refuse_to_take_over(session, caller, data, sent)
        elif sent == {"password"}:
            _refuse_own_email(data.password, self.get_one(session, id, caller).email)
        return super().update(session, id, data, caller, precondition)

    def replace(
        self, session: Session, id: int, data: UserCreate, caller: Principal, precondition: Precondition = ALWAYS
    ) -> User:
        if id == caller.id:
            self._refuse_to_take_over(session, caller, data, {"email", "password"})
        return super().replace(session, id, data, caller, precondition)

    def _refuse_to_take_over(
        self, session: Session, caller: Principal, data: UserCreate | UserUpdate, sent: Set[str]
    ) -> None:
        """A token or a key alone changes nothing by which its owner signs in, or whoever stole it would stay."""
        changed = sorted(sent)
        if "email" in sent and data.email == self.get_one(session, caller.id, caller).email:
            changed.remove("email")
        if changed:
            how = "of your own account is changed at /api/v1/auth/{}, with your current password"
            errors = [FieldError(f"/{name}", how.format(name), "own_account") for name in changed]
            raise NotAllowed("How you sign in yourself takes your current password to change", *errors)

    def create(self, session: Session, data: UserCreate, caller: Principal | None = None) -> User:
        obj = super().create(session, data, caller)
        record(session, Happening.account_opened, obj.id, by=caller)
        for right in sorted(rights(data.is_superuser, data.roles)):
            record(session, Happening.right_given, obj.id, by=caller, detail=right)
        return obj

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        self._keep_a_superuser(session, without=id)
        super().remove(session, id, caller, precondition)
        tell(session, f"rights {id}")
        # In the trail of who did it, unless that is gone as well.
        himself = select(User.id).where(User.id == caller.id).scalar_subquery()
        record(session, Happening.account_deleted, himself, detail=f"account {id}")

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        if "password" in values:
            if "email" in values:
                _refuse_own_email(values["password"], values["email"])
            values["hashed_password"] = security.hash_password(values.pop("password"))
        if "roles" in values:
            values["roles"] = " ".join(sorted(set(values["roles"])))
        return values

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        return with_no_more_rights(caller)

    def new_row(self, data: UserCreate, caller: Principal | None) -> Values:
        values = super().new_row(data, caller)
        if caller:
            refuse_to_give(values, caller)
        return values

    def _change(
        self, session: Session, id: int, values: Values, caller: Principal, precondition: Precondition = ALWAYS
    ) -> User:
        refuse_to_give(values, caller)
        deactivates = values.get("is_active") is False
        if deactivates or values.get("is_superuser") is False:
            self._keep_a_superuser(session, without=id)
        if deactivates or "hashed_password" in values:
            values = {**values, "token_generation": User.token_generation + 1}
        if "email" in values:
            same = case((User.email == values["email"], User.email_verified_at))
            values = {"email_verified_at": same, **values}
        before = session.execute(WATCHED.where(User.id == id).with_for_update()).mappings().first()
        obj = super()._change(session, id, values, caller, precondition)
        assert before is not None
        for what, detail in differences(before, values):
            record(session, what, id, by=caller, detail=detail)
        return obj

    def _keep_a_superuser(self, session: Session, without: int) -> None:
        """Locks all active superusers, so that of two who remove each other the second one sees the first's work."""
        active_superusers = select(User.id).where(User.is_superuser, User.is_active).order_by(User.id)
        if session.scalars(active_superusers.with_for_update()).all() == [without]:
            raise Conflict("The last active superuser has to stay")


def _refuse_own_email(password: str, email: str) -> None:
    if is_own_email(password, email):
        error = FieldError("/password", "is the account's own address, or the name in it", "own_email")
        raise Invalid("The password is not allowed", error)


user = CRUDUser(User)
