"""An account: what its owner may send, what a superuser may send, and what both get."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.core.scopes import Role
from app.schemas.types import UNSENT, Email, Flag, Input, Line, Names, Password, Read


class SignUp(Input):
    """What anybody may say of himself: no rights, no state."""

    email: Email
    password: Password
    first_name: Line | None = None
    surname: Line | None = None


Roles = Annotated[list[Role], Field(max_length=len(Role), description="What the account may do beyond its own")]


class UserCreate(SignUp):
    is_active: Flag = True
    is_superuser: Flag = False
    roles: Roles = Field(default_factory=list[Role])


class UserUpdate(Input):
    """Of your own account, neither `password` nor another `email`: `/auth/password` and `/auth/email` are for those."""

    email: Email = UNSENT
    password: Password = UNSENT
    first_name: Line | None = UNSENT
    surname: Line | None = UNSENT
    is_active: Flag = UNSENT
    is_superuser: Flag = UNSENT
    roles: Roles = UNSENT


class UserRead(Read):
    email: str
    email_verified_at: datetime | None
    first_name: str | None
    surname: str | None
    is_active: bool
    is_superuser: bool
    roles: Names
