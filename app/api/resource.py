"""Turns a CRUD object and its schemas into the routes that every resource has. The HTTP contract is written here."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, TypeAdapter

from app.api.deps import Caller, SessionDep
from app.api.list_parameters import list_parameters, list_query
from app.api.problems import problems
from app.api.routing import Router
from app.crud.base import CRUDBase
from app.db.base import Base
from app.db.session import Session
from app.models import User
from app.schemas.page import PageQuery, page_of
from app.schemas.types import Id

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)
ReadT = TypeVar("ReadT", bound=BaseModel)

JSON = "application/json"


class Resource(Generic[ModelT, CreateT, UpdateT, ReadT]):
    """The endpoints of one resource. `add_to` makes them routes of a router.

    `reader` and `writer` are dependencies (see `app.api.deps`): who may read and who may write at all. Which rows
    they may see and change, the CRUD object says.
    """

    def __init__(
        self,
        crud: CRUDBase[ModelT, CreateT, UpdateT],
        *,
        create: type[CreateT],
        update: type[UpdateT],
        read: type[ReadT],
        reader: Any,
        writer: Any,
    ) -> None:
        self.crud = crud
        self.create_schema, self.update_schema, self.read_schema = create, update, read
        self.reader, self.writer = reader, writer
        self.page_schema = page_of(read)
        self.one = TypeAdapter(read)
        self.page = TypeAdapter(self.page_schema)

    def add_to(self, router: Router) -> None:
        """Adds the routes, last: of two routes that fit a path, the first is taken."""
        read = {"session": SessionDep, "caller": self.reader}
        write = {"session": SessionDep, "caller": self.writer}
        parameters: Any = Annotated[list_parameters(self.crud), Query()]
        one: dict[str, Any] = {"response_model": self.read_schema}
        many: dict[str, Any] = {"response_model": self.page_schema}
        open_to_all: dict[str, Any] = {"security": [{}]} if self.reader is Caller else {}
        id = Annotated[Id, Path()]

        def add(method: str, path: str, endpoint: Callable[..., Response], *statuses: int, **options: Any) -> None:
            router.add_api_route(path, endpoint, methods=[method], responses=problems(401, 403, *statuses), **options)

        add("GET", "", bind(self.list_, **read, query=parameters), **many, openapi_extra=open_to_all)
        add("POST", "", bind(self.create, **write, data=self.create_schema), 409, 415, **one, status_code=201)
        path = "/{id:id}"
        add("GET", path, bind(self.get, **read, id=id), 404, **one, openapi_extra=open_to_all)
        add("PATCH", path, bind(self.update, **write, id=id, data=self.update_schema), 404, 409, 415, **one)
        add("PUT", path, bind(self.replace, **write, id=id, data=self.create_schema), 404, 409, 415, **one)
        add("DELETE", path, bind(self.delete, **write, id=id), 404, 409, status_code=204)

    def list_(self, request: Request, session: Session, caller: User | None, query: PageQuery) -> Response:
        """A page of rows. Filters narrow it, `q` searches it, `sort` orders it."""
        wanted = list_query(query)
        rows = self.crud.get_multi(session, wanted.one_more(), caller)
        total = self.crud.count(session, wanted, caller) if query.count else None
        page = {"items": rows[: wanted.limit], "total": total}
        links = _links(request, wanted.limit, wanted.offset, is_last=len(rows) <= wanted.limit)
        content = self.page.validate_python(page, from_attributes=True)
        return Response(self.page.dump_json(content), headers={"Link": links}, media_type=JSON)

    def get(self, session: Session, caller: User | None, id: int) -> Response:
        return self._answer(self.crud.get_one(session, id, caller))

    def create(self, request: Request, session: Session, caller: User, data: CreateT) -> Response:
        obj = self.crud.create(session, data, caller)
        return self._answer(obj, 201, {"Location": f"{request.scope['path']}/{obj.id}"})

    def update(self, session: Session, caller: User, id: int, data: UpdateT) -> Response:
        """Changes the fields that were sent, and leaves the others."""
        return self._answer(self.crud.update(session, id, data, caller))

    def replace(self, session: Session, caller: User, id: int, data: CreateT) -> Response:
        """Changes every field: what was not sent gets its default."""
        return self._answer(self.crud.replace(session, id, data, caller))

    def delete(self, session: Session, caller: User, id: int) -> Response:
        self.crud.remove(session, id, caller)
        return Response(status_code=204)

    def _answer(self, obj: ModelT, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        content = self.one.validate_python(obj, from_attributes=True)
        return Response(self.one.dump_json(content), status, headers, JSON)


def bind(method: Callable[..., Response], **annotations: Any) -> Callable[..., Response]:
    """The method as an endpoint that FastAPI can read: its parameters annotated with what they are here."""

    @wraps(method)
    def endpoint(**values: Any) -> Response:
        return method(**values)

    before = signature(method)
    parameters = [
        one.replace(annotation=annotations.get(name, one.annotation)) for name, one in before.parameters.items()
    ]
    endpoint.__signature__ = before.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint


def _links(request: Request, limit: int, offset: int, is_last: bool) -> str:
    """The Link header (RFC 8288) of a page: first, prev and next, where there are any."""
    offsets = {"first": 0}
    if offset:
        offsets["prev"] = max(0, offset - limit)
    if not is_last:
        offsets["next"] = offset + limit
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != "offset"]
    return ", ".join(
        f'<{request.scope["path"]}?{urlencode([*rest, ("offset", number)])}>; rel="{relation}"'
        for relation, number in offsets.items()
    )
