"""Keys for machines: made, shown once, and revoked."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app import crud
from app.api.api_v1.endpoints import api_key
from app.api.deps import SessionDep
from app.api.resource.reading import RowId
from app.api.routing import Router
from app.core.scopes import Scope
from app.pages.browser_session import HOME, SIGNED_IN, BrowserUser
from app.pages.form import FormPage
from app.pages.html import NO_STORE, page
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.api_key import ApiKeyCreate

router = Router("/account/keys", include_in_schema=False)

MAKE = FormPage("api-key.html", "name", "scopes", "expires_in_days")


@router.get("", dependencies=[SIGNED_IN])
async def show(request: Request) -> Response:
    return MAKE.show(request, scopes=Scope.recipes_read, expires_in_days="90")


@router.post("", dependencies=[Depends(MAKE), SAME_ORIGIN])
def make(request: Request, session: SessionDep, caller: BrowserUser, data: Annotated[ApiKeyCreate, Form()]) -> Response:
    made = api_key.create(session, caller, data)
    return page(request, "api-key-made.html", headers=NO_STORE, made=made)


@router.post("/{id:id}/revoke", dependencies=[SAME_ORIGIN])
def revoke(session: SessionDep, caller: BrowserUser, id: RowId) -> Response:
    crud.api_key.remove(session, id, caller)
    return to_with(HOME, Notice.key_revoked)
