"""Sessions: going on with one, ending one, and where somebody is signed in."""

from fastapi import Response

from app.api.deps import CurrentUser, SessionDep, needs
from app.api.problems import problems
from app.api.resource.reading import ONE, RowId
from app.api.routing import Router
from app.api.throttling import REFRESH
from app.api.tokens import tokens
from app.core.errors import NotAllowed
from app.core.refresh_token import RefreshToken
from app.core.scopes import Scope
from app.crud import login_session
from app.schemas.login_session import LoginSessionRead, LoginSessions
from app.schemas.token import Refresh, Token

router = Router("/api/v1/auth", tags=["sessions"])

SEES, CHANGES = needs(Scope.account_read), needs(Scope.account_write)


@router.post("/refresh", responses=problems(401, 415), dependencies=[*REFRESH])
def refresh(session: SessionDep, data: Refresh) -> Token:
    """Answers the next access token and the next refresh token; the one that was sent is used up.

    If it was used before, its session ends: somebody else has it too. Only within ten seconds of its use, and until the
    next one is used, it is answered again, and with the same refresh token: the answer may have been lost.
    """
    return tokens(login_session.renew(session, RefreshToken.read(data.refresh_token)))


@router.post("/logout", status_code=204, responses=problems(401, 403))
def logout(session: SessionDep, caller: CurrentUser) -> Response:
    """Ends the session of the token, at once and for all its tokens."""
    if caller.session_id is None:
        raise NotAllowed("A key has no session; it can be revoked")
    login_session.end(session, caller.id, caller.session_id)
    return Response(status_code=204)


@router.get("/sessions", responses=problems(401, 403), dependencies=[SEES])
def list_(session: SessionDep, caller: CurrentUser) -> LoginSessions:
    """Where you are signed in: the hundred sessions that were used last."""
    rows = login_session.living(session, caller.id)
    return LoginSessions(items=[LoginSessionRead.model_validate(row) for row in rows], current_id=caller.session_id)


@router.delete(f"/sessions{ONE}", status_code=204, responses=problems(401, 403, 404), dependencies=[CHANGES])
def end(session: SessionDep, caller: CurrentUser, id: RowId) -> Response:
    """Ends one of your sessions."""
    login_session.end(session, caller.id, id)
    return Response(status_code=204)


@router.delete("/sessions", status_code=204, responses=problems(401, 403), dependencies=[CHANGES])
def end_all(session: SessionDep, caller: CurrentUser) -> Response:
    """Ends all your sessions, this one too."""
    login_session.end_all(session, caller.id)
    return Response(status_code=204)
