"""One's own account: what it says, where it is signed in, and what happened to it."""

from fastapi import Request, Response

from app import crud
from app.api import cookie
from app.api.deps import SessionDep
from app.api.resource.reading import RowId
from app.api.routing import Router
from app.core.config import settings
from app.crud import linked_identity, login_session, totp
from app.crud.query import ListQuery
from app.pages.browser_session import HOME, BrowserUser
from app.pages.device import name_of
from app.pages.html import NO_STORE, page
from app.pages.notice import Notice, to_with
from app.pages.same_origin import SAME_ORIGIN

NEWEST_KEYS = ListQuery(limit=100, sort=("-id",))
NEWEST_EVENTS = ListQuery(limit=50, sort=("-id",))

router = Router(HOME, include_in_schema=False)


@router.get("")
def account(request: Request, session: SessionDep, caller: BrowserUser, notice: Notice | None = None) -> Response:
    return page(
        request,
        "account.html",
        headers=NO_STORE,
        user=crud.user.get_one(session, caller.id, caller),
        second_factor=totp.read(session, caller.id),
        sessions=login_session.living(session, caller.id),
        current_id=caller.session_id,
        keys=crud.api_key.get_multi(session, NEWEST_KEYS, caller),
        identities=linked_identity.linked(session, caller.id),
        issuer=settings.OIDC_ISSUER,
        name_of=name_of,
        notice=notice,
    )


@router.get("/events")
def events(request: Request, session: SessionDep, caller: BrowserUser) -> Response:
    rows = crud.event.get_multi(session, NEWEST_EVENTS, caller)
    return page(request, "events.html", headers=NO_STORE, events=rows, name_of=name_of)


@router.post("/sessions/{id:id}/end", dependencies=[SAME_ORIGIN])
def end_session(session: SessionDep, caller: BrowserUser, id: RowId) -> Response:
    login_session.end(session, caller.id, id)
    return to_with(HOME, Notice.session_ended)


@router.post("/sessions/end", dependencies=[SAME_ORIGIN])
def end_sessions(request: Request, session: SessionDep, caller: BrowserUser) -> Response:
    login_session.end_all(session, caller.id)
    response = to_with("/login", Notice.signed_out)
    cookie.take_away(request, response)
    return response


@router.post("/identities/{id:id}/unlink", dependencies=[SAME_ORIGIN])
def unlink(session: SessionDep, caller: BrowserUser, id: RowId) -> Response:
    linked_identity.unlink(session, caller.id, id)
    return to_with(HOME, Notice.identity_unlinked)
