"""The rights of accounts: nobody gives one, or changes an account with one, that he does not have himself."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, literal, true

from app.core.errors import NotAllowed
from app.core.principal import Principal
from app.core.scopes import ROLES, Role
from app.crud.returning import Values
from app.models import User


def rights(is_superuser: bool, roles: Iterable[str]) -> set[str]:
    return {*roles, "superuser"} if is_superuser else {*roles}


def with_no_more_rights(caller: Principal) -> ColumnElement[bool]:
    """The accounts that have no rights that the caller has not."""
    if caller.is_superuser:
        return true()
    words = literal(" ") + User.roles + " "
    return and_(~User.is_superuser, *(~words.contains(f" {role} ") for role in Role if not _has(caller, role)))


def refuse_to_give(values: Values, caller: Principal) -> None:
    """`NotAllowed` when they give what the caller has not, with this token."""
    given: str = values.get("roles", "")
    if (values.get("is_superuser") and not caller.is_superuser) or not all(
        _has(caller, Role(role)) for role in given.split()
    ):
        raise NotAllowed("You may not give rights that you do not have")


def _has(caller: Principal, role: Role) -> bool:
    return ROLES[role] <= caller.scopes
