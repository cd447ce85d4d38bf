"""POST /recipes, and PATCH, PUT and DELETE /recipes/1: one row is made, changed or removed."""

from typing import Any

from fastapi import Request, Response

from app.api.conditional import CREATED, ETAG, WritePrecondition
from app.api.resource.reading import ONE, RowId
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.db.session import Session
from app.models import User


def add_write(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud, answer = resource.shown.crud, resource.answer

    def create(request: Request, session: Session, caller: User, data: CreateT) -> Response:
        """Adds a row. `Location` says where it is."""
        obj = crud.create(session, data, caller)
        return answer(obj, 201, {"Location": f"{request.scope['path']}/{obj.id}"})

    def update(session: Session, caller: User, id: RowId, data: UpdateT, precondition: WritePrecondition) -> Response:
        """Changes the fields that were sent, and leaves the others."""
        return answer(crud.update(session, id, data, caller, precondition))

    def replace(session: Session, caller: User, id: RowId, data: CreateT, precondition: WritePrecondition) -> Response:
        """Changes every field: what was not sent gets its default."""
        return answer(crud.replace(session, id, data, caller, precondition))

    def delete(session: Session, caller: User, id: RowId, precondition: WritePrecondition) -> Response:
        """Removes the row."""
        crud.remove(session, id, caller, precondition)
        return Response(status_code=204)

    new: dict[str, Any] = {"response_model": resource.read, "responses": {201: {"headers": CREATED}}}
    one: dict[str, Any] = {"response_model": resource.read, "responses": {200: {"headers": ETAG}}}
    meets = (404, 409, 412, 415, 428)
    resource.route("POST", "", create, 409, 415, types={"data": resource.create}, status_code=201, **new)
    resource.route("PATCH", ONE, update, *meets, types={"data": resource.update}, **one)
    resource.route("PUT", ONE, replace, *meets, types={"data": resource.create}, **one)
    resource.route("DELETE", ONE, delete, 404, 409, 412, 428, status_code=204)
