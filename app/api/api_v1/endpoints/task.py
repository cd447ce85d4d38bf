"""Tasks: everybody's private list."""

from app import crud
from app.api.deps import CurrentUser
from app.api.resource import add_resource
from app.api.routing import Router
from app.core.scopes import Scope
from app.schemas.task import TaskCreate, TaskRead, TaskUpdate

router = Router("/api/v1/tasks", tags=["tasks"])

add_resource(
    router,
    crud.task,
    create=TaskCreate,
    update=TaskUpdate,
    read=TaskRead,
    reader=CurrentUser,
    writer=CurrentUser,
    scopes=(Scope.tasks_read, Scope.tasks_write),
)
