"""What events need beyond `CRUDBase`: everybody sees his own. `trail` writes them."""

from sqlalchemy import ColumnElement, false

from app.core.principal import Principal
from app.crud.base import CRUDBase
from app.models import Event
from app.schemas.types import Nothing


class CRUDEvent(CRUDBase[Event, Nothing, Nothing]):
    filters = ("id", "what", "address", "created_at")
    sorts = ("id", "created_at")

    def visible(self, caller: Principal | None) -> ColumnElement[bool]:
        return Event.user_id == caller.id if caller else false()


event = CRUDEvent(Event)
