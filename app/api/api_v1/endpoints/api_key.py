"""Keys for machines: what they may do, until when, and when they were last used."""

from fastapi import Response

from app import crud
from app.api.deps import CurrentUser, SessionDep, needs
from app.api.idempotency import unrepeatable
from app.api.problems import problems
from app.api.resource import add_resource
from app.api.resource.reading import ONE, RowId
from app.api.routing import Router
from app.core.scopes import Scope
from app.schemas.api_key import ApiKeyCreate, ApiKeyMade, ApiKeyRead
from app.schemas.types import Nothing

router = Router("/api/v1/auth/api-keys", tags=["keys"])

CHANGES = [needs(Scope.account_write)]


@router.post("", status_code=201, responses=problems(401, 403, 415), dependencies=CHANGES)
@unrepeatable
def create(session: SessionDep, caller: CurrentUser, data: ApiKeyCreate) -> ApiKeyMade:
    """Makes a key, and shows it this once. It is sent as `X-API-Key`, or as a bearer token."""
    key, secret = crud.api_key.make(session, data, caller)
    return ApiKeyMade(**ApiKeyRead.model_validate(key).model_dump(), key=secret.text)


@router.delete(ONE, status_code=204, responses=problems(401, 403, 404), dependencies=CHANGES)
def revoke(session: SessionDep, caller: CurrentUser, id: RowId) -> Response:
    """Ends a key, at once."""
    crud.api_key.remove(session, id, caller)
    return Response(status_code=204)


add_resource(
    router,
    crud.api_key,
    create=ApiKeyCreate,
    update=Nothing,
    read=ApiKeyRead,
    reader=CurrentUser,
    writer=CurrentUser,
    scopes=(Scope.account_read, Scope.account_write),
    without=("create", "write", "batch", "export", "import"),
)
