"""Opening an account."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app.api.api_v1.endpoints import auth
from app.api.hashing import hashing
from app.api.job import Job
from app.api.routing import Router
from app.api.throttling import SIGN_UP
from app.db.session import WriteSessions
from app.pages.form import FormPage
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.user import SignUp

router = Router("/signup", include_in_schema=False)

SIGN_UP_PAGE = FormPage("signup.html", "email", "first_name", "surname")


@router.get("")
async def show(request: Request) -> Response:
    return SIGN_UP_PAGE.show(request)


@router.post("", dependencies=[Depends(SIGN_UP_PAGE), SAME_ORIGIN, *SIGN_UP])
async def signup(data: Annotated[SignUp, Form()]) -> Response:
    hashed_password = await hashing.hash(data.password)
    await Job(WriteSessions, partial(auth.signup, data=data, hashed_password=hashed_password)).run()
    return to_with("/login", Notice.signed_up)
