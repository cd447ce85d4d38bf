"""A resource: its rows, its schemas, who may come, and how its routes are made."""

from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias, MappingProxyType
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel, create_model

from app.api.conditional import PARAMETERS, etag
from app.api.deps import Caller, SessionDep, needs
from app.api.problems import problems
from app.api.resource.binding import bind
from app.api.resource.nesting import Place, Within
from app.api.resource.shown import Shown
from app.api.routing import Router
from app.core.principal import Principal
from app.core.scopes import Scope
from app.crud.base import CRUDBase
from app.db.base import Base
from app.db.session import Session
from app.schemas.page import Page, page_of
from app.schemas.types import UNSENT

ModelT = TypeVar("ModelT", bound=Base)
CreateT = TypeVar("CreateT", bound=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel)
ReadT = TypeVar("ReadT", bound=BaseModel)

JSON = "application/json"

Created = Callable[[Session, Any, Principal | None], object]
"""Called with a new row, which has the columns that are shown, and with who made it."""


def nothing(session: Session, row: Any, caller: Principal | None) -> None: ...


class Resource(Generic[ModelT, CreateT, UpdateT, ReadT]):
    """What the capabilities of a resource are made from.

    `reader` and `writer` are dependencies (see `app.api.deps`): who may read and who may write at all. `scopes` is what
    it takes to read and to write. Which rows they may see and change, the CRUD object says. `expand` maps the relations
    that may be embedded to their schemas. `within` puts it below another resource. `dependencies` are more of them, by
    the names of operations; `created` is called with each new row.
    """

    def __init__(
        self,
        router: Router,
        crud: CRUDBase[ModelT, CreateT, UpdateT],
        schemas: tuple[type[CreateT], type[UpdateT], type[ReadT]],
        access: tuple[Any, Any],
        expand: Mapping[str, type[BaseModel]],
        *,
        scopes: tuple[Scope, Scope] | None = None,
        within: Within | None = None,
        dependencies: Mapping[str, Sequence[Any]] = MappingProxyType({}),
        created: Created = nothing,
    ) -> None:
        self.router = router
        self.crud = crud
        self.create, self.update, self.read = schemas
        self.reader, self.writer = access
        self.scopes = scopes
        self.expand = expand
        self.places = (within.key,) if within else ()
        self.place = within.place() if within else None
        self.dependencies = dependencies
        self.created = created
        self.capabilities: list[str] = []
        self.expanded = _expanded(self.read, expand)
        self.page = _page(self.read, self.expanded)
        self.shown = Shown(crud, self.read, page_of(self.read))
        self.shown_expanded = Shown(crud, self.expanded, self.page)

    def route(self, method: str, path: str, function: Callable[..., Any], *statuses: int, **options: Any) -> None:
        """Adds a route. `statuses` are the problems it may answer with beside those that all may.

        `types` says what the function's parameters are in this resource; `session`, `caller` and `place` are known.
        """
        writes: bool = options.pop("writes", method not in ("GET", "HEAD"))
        caller = self.writer if writes else self.reader
        types: dict[str, Any] = {"session": SessionDep, "caller": caller, "place": self.place}
        endpoint = bind(function, **types, **options.pop("types", {}))
        extra: dict[str, Any] = options.pop("openapi_extra", {})
        if caller is Caller:
            extra["security"] = [{}]  # or, FastAPI adds, with a token
        if "precondition" in endpoint.__annotations__:
            extra["parameters"] = PARAMETERS
        scopes = [needs(self.scopes[writes])] if self.scopes else []
        options["dependencies"] = [*scopes, *self.dependencies.get(function.__name__.strip("_"), ())]
        if self.places:
            statuses = (404, *statuses)
        responses = {**problems(401, 403, *statuses), **options.pop("responses", {})}
        self.router.add_api_route(path, endpoint, methods=[method], responses=responses, openapi_extra=extra, **options)

    def create_row(self, session: Session, data: CreateT, caller: Principal | None, place: Place) -> Any:
        """A new row of `shown`, and what else there is to do when one is created."""
        row = self.shown.crud.within(**place).create(session, data, caller)
        self.created(session, row, caller)
        return row

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
