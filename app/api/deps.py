"""What any endpoint may ask for. Dependencies are `async` and touch nothing; `Deferred` is for what does."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, cast

from fastapi import Depends, Security
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from app import crud
from app.api.job import Deferred, pending
from app.core.api_key import PREFIX, ApiKey
from app.core.errors import InsufficientScope, NotAllowed, NotAuthenticated
from app.core.principal import SignedIn
from app.core.scopes import Scope
from app.core.security import AccessToken, read_access_token
from app.crud import login_session
from app.db.session import Session


class Bearer(OAuth2PasswordBearer):
    """The token of the Authorization header (RFC 6750); None without the header."""

    def __init__(self) -> None:
        meanings = {scope.value: scope.meaning for scope in Scope}
        super().__init__("/api/v1/auth/login", scopes=meanings, refreshUrl="/api/v1/auth/refresh")

    async def __call__(self, request: HTTPConnection) -> str | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("The Authorization header has to hold a bearer token")
        return token.strip()


class KeyHeader(APIKeyHeader):
    """The key of the X-API-Key header; None without the header."""

    def __init__(self) -> None:
        super().__init__(name="X-API-Key", scheme_name="APIKey")

    async def __call__(self, request: HTTPConnection) -> str | None:
        return request.headers.get("X-API-Key")


async def get_session() -> Deferred[Session]:
    return Deferred(lambda session: session)


Credentials = AccessToken | ApiKey


async def get_credentials(
    token: Annotated[str | None, Depends(Bearer())], key: Annotated[str | None, Depends(KeyHeader())]
) -> Credentials | None:
    if token is None:
        return None if key is None else ApiKey.read(key)
    if key is not None:
        raise NotAuthenticated("Send a token or a key, and not both")
    return ApiKey.read(token) if token.startswith(PREFIX) else read_access_token(token)


CredentialsDep = Annotated[Credentials | None, Depends(get_credentials)]


def signed_in(credentials: Credentials | None, session: Session) -> SignedIn | None:
    """Whose they are; `NotAuthenticated` when they are good for nothing any more."""
    if credentials is None:
        return None
    if isinstance(credentials, ApiKey):
        return crud.api_key.signed_in(session, credentials)
    return login_session.signed_in(session, credentials)


async def get_caller(credentials: CredentialsDep) -> Deferred[SignedIn | None]:
    known = pending.get()
    if known.caller is None:  # FastAPI asks once more where scopes are needed
        known.caller = Deferred(partial(signed_in, credentials))
        known.is_anonymous = credentials is None
    return known.caller


CallerDep = Annotated[Deferred[SignedIn | None], Depends(get_caller)]


async def get_current_user(credentials: CredentialsDep, caller: CallerDep) -> Deferred[SignedIn]:
    if credentials is None:
        raise NotAuthenticated("Sign in first")
    return cast("Deferred[SignedIn]", caller)


async def get_superuser(user: Annotated[Deferred[SignedIn], Depends(get_current_user)]) -> Deferred[SignedIn]:
    return user.then(_as_superuser)


def _as_superuser(user: SignedIn) -> SignedIn:
    if not user.is_superuser:
        raise NotAllowed("This takes a superuser")
    return user


@dataclass(frozen=True, slots=True)
class Holds:
    """Whoever is signed in may do this, and so may his token; whether one has to be is for others to say."""

    scope: Scope

    async def __call__(self, caller: CallerDep) -> Deferred[SignedIn | None]:
        return caller.then(self.check)

    def check(self, caller: SignedIn | None) -> SignedIn | None:
        if caller and self.scope not in caller.scopes:
            raise InsufficientScope(self.scope)
        return caller


def needs(scope: Scope) -> Any:
    """What an operation takes: `dependencies=[needs(Scope.recipes_write)]`. OpenAPI says so."""
    return Security(Holds(scope), scopes=[scope.value])


# The job has made them when the endpoint gets them, hence the plain types.
SessionDep = Annotated[Session, Depends(get_session)]
Caller = Annotated[SignedIn | None, Depends(get_caller)]
CurrentUser = Annotated[SignedIn, Depends(get_current_user)]
Superuser = Annotated[SignedIn, Depends(get_superuser)]
