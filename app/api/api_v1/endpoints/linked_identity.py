"""The identities at an OpenID provider that open one's account."""

from fastapi import Response

from app.api.deps import CurrentUser, SessionDep, needs
from app.api.problems import problems
from app.api.resource.reading import ONE, RowId
from app.api.routing import Router
from app.core.scopes import Scope
from app.crud import linked_identity
from app.schemas.single_sign_on import LinkedIdentities, LinkedIdentityRead

router = Router("/api/v1/auth/identities", tags=["identities"])


@router.get("", responses=problems(401, 403), dependencies=[needs(Scope.account_read)])
def list_(session: SessionDep, caller: CurrentUser) -> LinkedIdentities:
    """The identities that open your account."""
    rows = linked_identity.linked(session, caller.id)
    return LinkedIdentities(items=[LinkedIdentityRead.model_validate(row) for row in rows])


@router.delete(ONE, status_code=204, responses=problems(401, 403, 404), dependencies=[needs(Scope.account_write)])
def unlink(session: SessionDep, caller: CurrentUser, id: RowId) -> Response:
    """Has an identity open your account no more, until you link it again. Sessions go on until you end them."""
    linked_identity.unlink(session, caller.id, id)
    return Response(status_code=204)
