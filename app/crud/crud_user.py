"""What accounts need beyond `CRUDBase`: passwords, sign-in, addresses, and a superuser who is always there."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, literal, select, true, update
from sqlalchemy.orm import Session

from app.core import security
from app.core.config import settings
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotAuthenticated
from app.core.happenings import Happening
from app.core.password_rules import is_own_email
from app.core.principal import Principal, SignedIn
from app.core.scopes import ROLES, Role
from app.core.security import CheckedPassword
from app.crud.base import CRUDBase
from app.crud.precondition import ALWAYS, Precondition
from app.crud.returning import Values
from app.crud.trail import record
from app.db.base import utc_now
from app.models import User
from app.schemas.user import SignUp, UserCreate, UserUpdate

WATCHED = select(User.email, User.is_active, User.is_superuser, User.roles)
"""What a change of is told in the trail of the account."""


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

    def sign_up(self, session: Session, data: SignUp, hashed_password: str) -> User:
        refuse_own_email(data.password, data.email)
        return self.open(session, {**data.model_dump(exclude={"password"}), "hashed_password": hashed_password})

    def open(self, session: Session, values: Values) -> User:
        """A new account of somebody who opens it himself."""
        user = self._insert(session, values)
        record(session, Happening.account_opened, user.id)
        return user

    def hash_for_sign_in(self, session: Session, email: str) -> str | None:
        """That of the user with this e-mail, if he may sign in."""
        return session.scalar(select(User.hashed_password).where(_may_sign_in(email)))

    def sign_in(self, session: Session, email: str, password: CheckedPassword) -> User:
        """The user with this e-mail and password; `NotAuthenticated` in the same words otherwise."""
        # With the same hash, because the password may have been changed while it was checked.
        same = _may_sign_in(email), User.hashed_password == password.hash
        user = session.scalar(select(User).where(*same)) if password.right else None
        if user is None:
            record(session, Happening.sign_in_failed, _id_where(User.email == email.lower()))
            raise NotAuthenticated("The e-mail or the password is wrong")
        if password.new_hash:
            session.execute(update(User).where(User.id == user.id, *same).values(hashed_password=password.new_hash))
        return user

    def lock_out(self, session: Session, email: str) -> None:
        """Tells in the trail that strangers cannot sign in for a while; `app.api.throttling` sees to it."""
        record(session, Happening.locked_out, _id_where(User.email == email.lower()))

    def reachable(self, session: Session, email: str) -> User | None:
        """The active user with this e-mail."""
        return session.scalar(select(User).where(User.email == email.lower(), User.is_active))

    def lock(self, session: Session, id: int) -> User | None:
        """The active user, whom nobody else changes until the transaction ends."""
        rows = select(User).where(User.id == id, User.is_active).with_for_update()
        return session.scalar(rows.execution_options(populate_existing=True))

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

    def set_password(self, session: Session, user: User, password: str, hashed_password: str) -> None:
        """For a user who has been locked."""
        refuse_own_email(password, user.email)
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
            refuse_own_email(data.password, self.get_one(session, id, caller).email)
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
        for right in sorted(_rights(data.is_superuser, data.roles)):
            record(session, Happening.right_given, obj.id, by=caller, detail=right)
        return obj

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        self._keep_a_superuser(session, without=id)
        super().remove(session, id, caller, precondition)
        # In the trail of who did it, unless that is gone as well.
        record(session, Happening.account_deleted, _id_where(User.id == caller.id), detail=f"account {id}")

    def columns(self, values: dict[str, Any]) -> dict[str, Any]:
        if "password" in values:
            if "email" in values:
                refuse_own_email(values["password"], values["email"])
            values["hashed_password"] = security.hash_password(values.pop("password"))
        if "roles" in values:
            values["roles"] = " ".join(sorted(set(values["roles"])))
        return values

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        """Those who have no rights that the caller has not."""
        if caller.is_superuser:
            return true()
        words = literal(" ") + User.roles + " "
        return and_(~User.is_superuser, *(~words.contains(f" {role} ") for role in Role if not _has(caller, role)))

    def new_row(self, data: UserCreate, caller: Principal | None) -> Values:
        values = super().new_row(data, caller)
        if caller:
            _refuse_to_give(values, caller)
        return values

    def _change(
        self, session: Session, id: int, values: Values, caller: Principal, precondition: Precondition = ALWAYS
    ) -> User:
        _refuse_to_give(values, caller)
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
        for what, detail in _differences(before, values):
            record(session, what, id, by=caller, detail=detail)
        return obj

    def _keep_a_superuser(self, session: Session, without: int) -> None:
        """Locks all active superusers, so that of two who remove each other the second one sees the first's work."""
        active_superusers = select(User.id).where(User.is_superuser, User.is_active).order_by(User.id)
        if session.scalars(active_superusers.with_for_update()).all() == [without]:
            raise Conflict("The last active superuser has to stay")


def _may_sign_in(email: str) -> ColumnElement[bool]:
    verified = User.email_verified_at.is_not(None) if settings.REQUIRE_VERIFIED_EMAIL else true()
    return and_(User.email == email.lower(), User.is_active, verified)


def _id_where(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(User.id).where(condition).scalar_subquery()


def refuse_own_email(password: str, email: str) -> None:
    if is_own_email(password, email):
        error = FieldError("/password", "is the account's own address, or the name in it", "own_email")
        raise Invalid("The password is not allowed", error)


def _has(caller: Principal, role: Role) -> bool:
    return ROLES[role] <= caller.scopes


def _refuse_to_give(values: Values, caller: Principal) -> None:
    """Nobody gives a right that he does not have himself, with this token."""
    given: str = values.get("roles", "")
    if (values.get("is_superuser") and not caller.is_superuser) or not all(
        _has(caller, Role(role)) for role in given.split()
    ):
        raise NotAllowed("You may not give rights that you do not have")


def _rights(is_superuser: bool, roles: Iterable[str]) -> set[str]:
    return {*roles, "superuser"} if is_superuser else {*roles}


def _differences(before: Mapping[Any, Any], values: Values) -> Iterator[tuple[Happening, str | None]]:
    """What a change means for the account, and what is to be said about it."""
    after = {**before, **values}
    if "hashed_password" in values:
        yield Happening.password_changed, None
    if after["email"] != before["email"]:
        yield Happening.email_changed, None
    if after["is_active"] != before["is_active"]:
        yield Happening.account_activated if after["is_active"] else Happening.account_deactivated, None
    old, new = (_rights(row["is_superuser"], row["roles"].split()) for row in (before, after))
    for right in sorted(new - old):
        yield Happening.right_given, right
    for right in sorted(old - new):
        yield Happening.right_taken, right


user = CRUDUser(User)
