"""Who asks, as far as rights are concerned."""

from typing import NamedTuple, Protocol

from app.core.scopes import EVERYTHING, Scopes, granted


class Principal(Protocol):
    """What rights to rows depend on; a `User` is one as well."""

    @property
    def id(self) -> int: ...

    @property
    def scopes(self) -> Scopes: ...

    @property
    def is_superuser(self) -> bool: ...


class SignedIn(NamedTuple):
    """The principal of a request. To load all of his account would take as long as what he asks for.

    `scopes` is what his account may do now, as far as its token may. Who holds all roles may do as much, and is no
    superuser; nor is a superuser with a token that is good for less.
    """

    id: int
    scopes: Scopes
    session_id: int | None = None
    is_superuser: bool = False

    @classmethod
    def of(
        cls, id: int, is_superuser: bool, roles: str, asked: str | None = None, session_id: int | None = None
    ) -> "SignedIn":
        """`asked` is what the token is to be good for, by default for all that the account may do."""
        scopes = granted(is_superuser, roles, asked)
        return cls(id, scopes, session_id, is_superuser and scopes == EVERYTHING)
