"""POST /recipes/1/restore: a row that was deleted comes back."""

from fastapi import Response

from app.api.conditional import ETAG
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.reading import ONE, RowId
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.principal import Principal
from app.db.session import Session


def add_restore(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    def restore(session: Session, caller: Principal, id: RowId, *, place: Place = NOWHERE) -> Response:
        """Brings a deleted row back. `?deleted=only` lists those that you may restore."""
        return resource.answer(resource.shown.crud.within(**place).restore(session, id, caller))

    if resource.crud.soft_deletes:
        responses = {200: {"headers": ETAG}}
        resource.route("POST", f"{ONE}/restore", restore, 404, 409, response_model=resource.read, responses=responses)
