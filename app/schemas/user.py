"""An account: what its owner may send, what a superuser may send, and what both get."""

from app.schemas.types import UNSENT, Email, Flag, Input, Line, Password, Read


class SignUp(Input):
    """What anybody may say of himself: no rights, no state."""

    email: Email
    password: Password
    first_name: Line | None = None
    surname: Line | None = None


class UserCreate(SignUp):
    is_active: Flag = True
    is_superuser: Flag = False


class UserUpdate(Input):
    email: Email = UNSENT
    password: Password = UNSENT
    first_name: Line | None = UNSENT
    surname: Line | None = UNSENT
    is_active: Flag = UNSENT
    is_superuser: Flag = UNSENT


class UserRead(Read):
    email: str
    first_name: str | None
    surname: str | None
    is_active: bool
    is_superuser: bool
