"""POST /recipes: one row is made. PATCH, PUT and DELETE /recipes/1: it is changed or removed."""

from typing import Any

from fastapi import Request, Response

from app.api.conditional import CREATED, ETAG, WritePrecondition
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.reading import ONE, RowId
from app.api.resource.resource import CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.principal import Principal
from app.db.session import Session


def add_create(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    answer = resource.answer

    def create(
        request: Request, session: Session, caller: Principal, data: CreateT, *, place: Place = NOWHERE
    ) -> Response:
        """Adds a row. `Location` says where it is."""
        obj = resource.create_row(session, data, caller, place)
        return answer(obj, 201, {"Location": f"{request.scope['path']}/{obj.id}"})

    new: dict[str, Any] = {"response_model": resource.read, "responses": {201: {"headers": CREATED}}}
    resource.route("POST", "", create, 409, 415, types={"data": resource.create}, status_code=201, **new)


def add_write(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud, answer = resource.shown.crud, resource.answer

    def update(
        session: Session,
        caller: Principal,
        id: RowId,
        data: UpdateT,
        precondition: WritePrecondition,
        *,
        place: Place = NOWHERE,
    ) -> Response:
        """Changes the fields that were sent, and leaves the others."""
        return answer(crud.within(**place).update(session, id, data, caller, precondition))

    def replace(
        session: Session,
        caller: Principal,
        id: RowId,
        data: CreateT,
        precondition: WritePrecondition,
        *,
        place: Place = NOWHERE,
    ) -> Response:
        """Changes every field: what was not sent gets its default."""
        return answer(crud.within(**place).replace(session, id, data, caller, precondition))

    def delete(
        session: Session, caller: Principal, id: RowId, precondition: WritePrecondition, *, place: Place = NOWHERE
    ) -> Response:
        """Removes the row."""
        crud.within(**place).remove(session, id, caller, precondition)
        return Response(status_code=204)

    one: dict[str, Any] = {"response_model": resource.read, "responses": {200: {"headers": ETAG}}}
    meets = (404, 409, 412, 415, 428)
    resource.route("PATCH", ONE, update, *meets, types={"data": resource.update}, **one)
    resource.route("PUT", ONE, replace, *meets, types={"data": resource.create}, **one)
    resource.route("DELETE", ONE, delete, 404, 409, 412, 428, status_code=204)
