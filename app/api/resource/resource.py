"""A resource: its rows, its schemas, who may come, and how its routes are made."""

from collections.abc import Callable, Mapping
from types import GenericAlias
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel, create_model

from app.api.conditional import PARAMETERS, etag
from app.api.deps import Caller, SessionDep
from app.api.problems import problems
from app.api.resource.binding import bind
from app.api.resource.shown import Shown
from app.api.routing import Router
from app.crud.base import CRUDBase
from app.db.base import Base
from app.schemas.page import Page, page_of
from app.schemas.types import UNSENT

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)
ReadT = TypeVar("ReadT", bound=BaseModel)

JSON = "application/json"


class Resource(Generic[ModelT, CreateT, UpdateT, ReadT]):
    """What the capabilities of a resource are made from.

    `reader` and `writer` are dependencies (see `app.api.deps`): who may read and who may write at all. Which rows they
    may see and change, the CRUD object says. `expand` maps the relations that may be embedded to their schemas.
    """

    def __init__(
        self,
        router: Router,
        crud: CRUDBase[ModelT, CreateT, UpdateT],
        schemas: tuple[type[CreateT], type[UpdateT], type[ReadT]],
        access: tuple[Any, Any],
        expand: Mapping[str, type[BaseModel]],
    ) -> None:
        self.router = router
        self.crud = crud
        self.create, self.update, self.read = schemas
        self.reader, self.writer = access
        self.expand = expand
        self.capabilities: list[str] = []
        self.expanded = _expanded(self.read, expand)
        self.page = _page(self.read, self.expanded)
        self.shown = Shown(crud, self.read, page_of(self.read))
        self.shown_expanded = Shown(crud, self.expanded, self.page)

    def route(self, method: str, path: str, function: Callable[..., Any], *statuses: int, **options: Any) -> None:
        """Adds a route. `statuses` are the problems it may answer with beside those that all may.

        `types` says what the function's parameters are in this resource; `session` and `caller` are known.
        """
        writes = options.pop("writes", method not in ("GET", "HEAD"))
        caller = self.writer if writes else self.reader
        endpoint = bind(function, session=SessionDep, caller=caller, **options.pop("types", {}))
        extra: dict[str, Any] = options.pop("openapi_extra", {})
        if caller is Caller:
            extra["security"] = [{}]  # or, FastAPI adds, with a token
        if "precondition" in endpoint.__annotations__:
            extra["parameters"] = PARAMETERS
        responses = {**problems(401, 403, *statuses), **options.pop("responses", {})}
        self.router.add_api_route(path, endpoint, methods=[method], responses=responses, openapi_extra=extra, **options)

    def answer(self, row: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """One row of `shown`, with its version as its entity tag."""
        return Response(self.shown.json(row), status, {"ETag": etag(row.version), **(headers or {})}, JSON)


def _page(read: type[ReadT], expanded: type[ReadT]) -> type[Page[ReadT]]:
    """A page of expanded rows, under the name of a plain one: clients know one kind of page."""
    items: Any = GenericAlias(list, expanded)
    plain = page_of(read)
    return create_model(plain.__name__, __base__=plain, items=(items, ...))


def _expanded(read: type[ReadT], expand: Mapping[str, type[BaseModel]]) -> type[ReadT]:
    """The schema with a place for each relation, which stays away unless it is asked for."""
    if not expand:
        return read
    fields: dict[str, Any] = {name: (schema | None, UNSENT) for name, schema in expand.items()}
    return create_model(read.__name__.removesuffix("Read") + "Expanded", __base__=read, **fields)
