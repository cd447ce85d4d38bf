"""What a change of an account means for it, as its trail tells it."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select

from app.core.happenings import Happening
from app.crud.returning import Values
from app.crud.user_rights import rights
from app.models import User

WATCHED = select(User.email, User.is_active, User.is_superuser, User.roles)
"""What is told of when it changes; a new password is always."""


def differences(before: Mapping[Any, Any], values: Values) -> Iterator[tuple[Happening, str | None]]:
    """What happened, and what more is to be said of it."""
    after = {**before, **values}
    if "hashed_password" in values:
        yield Happening.password_changed, None
    if after["email"] != before["email"]:
        yield Happening.email_changed, None
    if after["is_active"] != before["is_active"]:
        yield Happening.account_activated if after["is_active"] else Happening.account_deactivated, None
    old, new = (rights(row["is_superuser"], row["roles"].split()) for row in (before, after))
    for right in sorted(new - old):
        yield Happening.right_given, right
    for right in sorted(old - new):
        yield Happening.right_taken, right
