"""Signing up and signing in."""

from typing import Annotated

from fastapi import Depends, Form, Request

from app import crud
from app.api.deps import CurrentUser, SessionDep
from app.api.problems import problems
from app.api.routing import Router
from app.core.errors import UnsupportedMediaType
from app.core.security import AccessToken, write_access_token
from app.schemas.token import Login, Token
from app.schemas.user import SignUp, UserRead

router = Router("/api/v1/auth", tags=["auth"])


@router.post("/signup", status_code=201, responses=problems(409, 415))
def signup(session: SessionDep, data: SignUp) -> UserRead:
    """Opens an account."""
    return UserRead.model_validate(crud.user.sign_up(session, data))


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def only_a_form(request: Request) -> None:
    if not request.headers.get("Content-Type", "").lower().startswith(FORMS):
        raise UnsupportedMediaType("The body has to be a form, as RFC 6749 has it, and not JSON")


@router.post("/login", responses=problems(401, 415), dependencies=[Depends(only_a_form)])
def login(session: SessionDep, form: Annotated[Login, Form()]) -> Token:
    """Signs in with e-mail and password (RFC 6749, section 4.3) and answers a bearer token."""
    user = crud.user.sign_in(session, form.username, form.password)
    access_token, expires_in = write_access_token(AccessToken(user.id, user.token_generation))
    return Token(access_token=access_token, expires_in=expires_in)


@router.get("/me", responses=problems(401))
def me(user: CurrentUser) -> UserRead:
    """Who the token says that you are."""
    return UserRead.model_validate(user)
