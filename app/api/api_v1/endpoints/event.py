"""What happened to one's account. Nobody but the service writes it."""

from app import crud
from app.api.deps import CurrentUser
from app.api.resource import add_resource
from app.api.routing import Router
from app.core.scopes import Scope
from app.schemas.event import EventRead
from app.schemas.types import Nothing

router = Router("/api/v1/auth/events", tags=["events"])

add_resource(
    router,
    crud.event,
    create=Nothing,
    update=Nothing,
    read=EventRead,
    reader=CurrentUser,
    writer=CurrentUser,
    scopes=(Scope.account_read, Scope.account_write),
    without=("create", "write", "batch", "import"),
)
