"""POST, PATCH and DELETE /recipes/batch: many rows in one request, all of them or none."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, TypeAdapter, create_model

from app.api.resource.filters import MAX_IN
from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.resource import JSON, CreateT, ModelT, ReadT, Resource, UpdateT
from app.core.config import settings
from app.core.errors import Conflict, FieldError, PreconditionRequired
from app.core.principal import Principal
from app.crud.many import at, create_many, remove_many, update_many
from app.crud.precondition import ALWAYS, Precondition
from app.db.session import Session
from app.schemas.types import Id, Version, items_of

PATH = "/batch"


def add_batch(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    crud = resource.crud
    name = crud.model.__name__
    known = create_model(f"{name}UpdateInBatch", __base__=resource.update, id=(Id, ...), version=(Version | None, None))
    created = items_of(f"{name}CreateBatch", resource.create)
    updated = items_of(f"{name}UpdateBatch", known)
    read = items_of(f"{name}Batch", resource.read)
    adapter = TypeAdapter(read)

    def answer(rows: Any, status: int = 200) -> Response:
        body = adapter.dump_json(adapter.validate_python({"items": rows}, from_attributes=True))
        return Response(body, status, media_type=JSON)

    def create_batch(session: Session, caller: Principal, data: Any, *, place: Place = NOWHERE) -> Response:
        """Adds up to 1,000 rows, all or none. An error points at its item, such as `/items/3/label`."""
        with at("/items"):
            return answer(create_many(crud.within(**place), session, data.items, caller), 201)

    def update_batch(session: Session, caller: Principal, data: Any, *, place: Place = NOWHERE) -> Response:
        """Changes the fields that were sent of up to 1,000 rows; with `version`, only if that is still the row's."""
        _refuse_twice([item.id for item in data.items], "/items/{}/id")
        with at("/items"):
            changes = [
                (item.id, _without_key(resource.update, item), _still(index, item.version))
                for index, item in enumerate(data.items)
            ]
            return answer(update_many(crud.within(**place), session, changes, caller))

    def delete_batch(
        session: Session,
        caller: Principal,
        id: Annotated[list[Id], Query(min_length=1, max_length=MAX_IN)],
        *,
        place: Place = NOWHERE,
    ) -> Response:
        """Removes up to 100 rows, all or none."""
        _refuse_twice(id, "query/id/{}")
        with at("query/id"):
            _refuse_blind("")
            remove_many(crud.within(**place), session, id, caller)
        return Response(status_code=204)

    many: dict[str, Any] = {"response_model": read}
    resource.route("POST", PATH, create_batch, 409, 415, types={"data": created}, status_code=201, **many)
    resource.route("PATCH", PATH, update_batch, 404, 409, 412, 415, 428, types={"data": updated}, **many)
    resource.route("DELETE", PATH, delete_batch, 404, 409, 428, status_code=204)


def _without_key(update: type[UpdateT], item: BaseModel) -> UpdateT:
    """The fields that were sent, and that they were sent, as the schema for one row has them."""
    sent = item.model_fields_set - {"id", "version"}
    return update.model_construct(sent, **{name: getattr(item, name) for name in sent})


def _still(index: int, version: int | None) -> Precondition:
    if version is not None:
        return Precondition(match=frozenset({version}))
    _refuse_blind(f"/{index}/version")
    return ALWAYS


def _refuse_blind(pointer: str) -> None:
    """What If-Match is for one row, `version` is for many; a setting may demand either (428)."""
    if settings.REQUIRE_IF_MATCH:
        raise PreconditionRequired("Say which version you mean", FieldError(pointer, "is required", "missing"))


def _refuse_twice(ids: list[int], pointer: str) -> None:
    """No 422: a schema cannot say that items may not share a key, so that it is not against the schema."""
    seen: set[int] = set()
    for index, id in enumerate(ids):
        if id in seen:
            raise Conflict("A row came twice", FieldError(pointer.format(index), "came before", "repeated"))
        seen.add(id)
