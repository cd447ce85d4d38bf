"""What any endpoint may ask for. Dependencies are `async` and touch nothing; `Deferred` is for what does."""

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer

from app import crud
from app.api.job import Deferred
from app.core.errors import NotAllowed, NotAuthenticated
from app.core.security import AccessToken, read_access_token
from app.db.session import Session
from app.models import User


class Bearer(OAuth2PasswordBearer):
    """The token of the Authorization header (RFC 6750); None without the header."""

    async def __call__(self, request: HTTPConnection) -> str | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("The Authorization header has to hold a bearer token")
        return token.strip()


async def get_session() -> Deferred[Session]:
    return Deferred(lambda session: session)


async def get_token(text: Annotated[str | None, Depends(Bearer("/api/v1/auth/login"))]) -> AccessToken | None:
    return None if text is None else read_access_token(text)


async def get_caller(token: Annotated[AccessToken | None, Depends(get_token)]) -> Deferred[User | None]:
    return Deferred(lambda session: crud.user.signed_in(session, token) if token else None)


async def get_current_user(token: Annotated[AccessToken | None, Depends(get_token)]) -> Deferred[User]:
    if token is None:
        raise NotAuthenticated("Sign in first")
    return Deferred(lambda session: crud.user.signed_in(session, token))


async def get_superuser(user: Annotated[Deferred[User], Depends(get_current_user)]) -> Deferred[User]:
    return user.then(_as_superuser)


def _as_superuser(user: User) -> User:
    if not user.is_superuser:
        raise NotAllowed("This takes a superuser")
    return user


# The job has made them when the endpoint gets them, hence the plain types.
SessionDep = Annotated[Session, Depends(get_session)]
Caller = Annotated[User | None, Depends(get_caller)]
CurrentUser = Annotated[User, Depends(get_current_user)]
Superuser = Annotated[User, Depends(get_superuser)]
