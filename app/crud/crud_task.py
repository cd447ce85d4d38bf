"""What tasks need beyond `CRUDBase`: everybody has his own, and nobody sees those of others."""

from sqlalchemy import ColumnElement, false

from app.core.principal import Principal
from app.crud.base import CRUDBase
from app.crud.returning import Values
from app.models import Task
from app.schemas.task import TaskCreate, TaskUpdate


class CRUDTask(CRUDBase[Task, TaskCreate, TaskUpdate]):
    filters = ("id", "title", "due_date", "completed", "created_at", "updated_at")
    searches = ("title", "description")
    sorts = ("id", "title", "due_date", "completed", "created_at", "updated_at")

    def visible(self, caller: Principal | None) -> ColumnElement[bool]:
        return Task.owner_id == caller.id if caller else false()

    def owned(self, caller: Principal | None) -> Values:
        return {"owner_id": caller and caller.id}


task = CRUDTask(Task)
