"""Signing up and signing in."""

from typing import Annotated

from fastapi import Depends, Form, Request

from app import crud
from app.api.deps import CurrentUser, SessionDep, needs
from app.api.hashing import hashing
from app.api.problems import problems
from app.api.rate_limit import is_form
from app.api.routing import Router
from app.api.throttling import SIGN_IN, SIGN_UP
from app.api.tokens import tokens
from app.core.errors import UnsupportedMediaType
from app.core.scopes import Scope
from app.core.security import CheckedPassword
from app.crud import login_session, totp
from app.mail import letters
from app.schemas.token import Login, Token
from app.schemas.user import SignUp, UserRead

router = Router("/api/v1/auth", tags=["auth"])


async def hash_password(data: SignUp) -> str:
    return await hashing.hash(data.password)


@router.post("/signup", status_code=201, responses=problems(409, 415), dependencies=[*SIGN_UP])
def signup(session: SessionDep, data: SignUp, hashed_password: Annotated[str, Depends(hash_password)]) -> UserRead:
    """Opens an account, and mails a link that confirms its address."""
    user = crud.user.sign_up(session, data, hashed_password)
    letters.verification.enqueue(session, user.email)
    return UserRead.model_validate(user)


async def only_a_form(request: Request) -> None:
    if not is_form(request):
        raise UnsupportedMediaType("The body has to be a form, as RFC 6749 has it, and not JSON")


async def check_password(form: Annotated[Login, Form()]) -> CheckedPassword:
    return await hashing.check(form.password, lambda session: crud.user.hash_for_sign_in(session, form.username))


@router.post("/login", responses=problems(401, 415), dependencies=[Depends(only_a_form), *SIGN_IN])
def login(
    session: SessionDep,
    form: Annotated[Login, Form()],
    password: Annotated[CheckedPassword, Depends(check_password)],
) -> Token:
    """Signs in with e-mail and password (RFC 6749, section 4.3): begins a session, and answers its tokens.

    An account with a second factor takes `code` as well. Where it is missing, the answer to a right password is a
    problem of the type `urn:larder:second-factor-required`; send the same again, with the code.
    """
    user = crud.user.sign_in(session, form.username, password)
    totp.check(session, user.id, form.code)
    return tokens(login_session.begin(session, user, form.scope or None))


@router.get("/me", responses=problems(401, 403), dependencies=[needs(Scope.account_read)])
def me(session: SessionDep, caller: CurrentUser) -> UserRead:
    """Who the token says that you are."""
    return UserRead.model_validate(crud.user.get_one(session, caller.id, caller))
