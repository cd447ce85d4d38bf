"""The query of a request: what may stand in it is what its route documents, and nothing else.

A query means the same each time, and most clients ask for the same things: what was made of the last ones is kept.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar, get_args, get_origin

from fastapi import Request
from fastapi.datastructures import QueryParams
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.core.errors import FieldError, Invalid

T = TypeVar("T")
SchemaT = TypeVar("SchemaT", bound=BaseModel)

KEPT = 200
"""Queries of a route; with all that was made of them they take a fraction of a megabyte."""

SHORT = 200
"""Bytes of the longest query that is kept."""

OTHERS = ""
"""Stands for all names that nobody takes, where the model of the query says `extra="ignore"`."""

SHOWN_ERRORS = 20
SHOWN_CHARACTERS = 100


def remembered(make: Callable[..., T]) -> Callable[..., T]:
    """What is made of a query, kept; an exception is raised anew each time."""
    kept = lru_cache(KEPT)(make)

    def read(query: bytes, *place: str) -> T:
        is_short = len(query) + sum(map(len, place)) <= SHORT
        return kept(query, *place) if is_short else make(query, *place)

    return read


class QueryOf(Generic[SchemaT, T]):
    """A dependency: what `make` makes of the query, read as a model whose fields are the parameters.

    `Annotated[Model, Query()]` looks for each field in turn, and of the many that a list has hardly any is given: that
    takes longer than the rest of the request. `make` also gets what stands in those `places` of the path.
    """

    def __init__(self, schema: type[SchemaT], make: Callable[..., T], *places: str) -> None:
        self.schema = schema
        self.make = make
        self.places = places
        self.names = _names(schema)
        self._read = remembered(self._read_anew)

    async def __call__(self, request: Request) -> T:
        return self._read(request.scope["query_string"], *[request.path_params[name] for name in self.places])

    def _read_anew(self, query: bytes, *place: str) -> T:
        given = QueryParams(query)
        try:
            parameters = self.schema.model_validate(
                {name: given.getlist(name) if self.names.get(name) else given[name] for name in given}
            )
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in error.errors()]) from None
        return self.make(parameters, given, *place)

    def documentation(self) -> list[dict[str, Any]]:
        """The parameters, as OpenAPI describes them."""
        schema = self.schema.model_json_schema()
        return [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": rule}
            | ({"description": rule["description"]} if "description" in rule else {})
            for name, rule in schema["properties"].items()
        ]


def parameters(dependant: Dependant) -> dict[str, bool]:
    """The names that an endpoint and its dependencies take, each with whether it may come more than once."""
    call: Any = dependant.call
    found: dict[str, bool] = {**call.names} if isinstance(call, QueryOf) else {}
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= _names(annotation)
            if annotation.model_config.get("extra") == "ignore":
                found[OTHERS] = True
        else:
            found[field.alias] = _is_list(annotation)
    for dependency in dependant.dependencies:
        found |= parameters(dependency)
    return found


def checking(allowed: Mapping[str, bool]) -> Callable[[bytes], None]:
    """A check that raises `Invalid` for a name that nobody takes, and for one that came twice and is no list."""

    def check(query: bytes) -> None:
        if errors := [*_errors(QueryParams(query), allowed)]:
            raise Invalid("The request is not valid", *errors[:SHOWN_ERRORS])

    return remembered(check)


def _errors(query: QueryParams, allowed: Mapping[str, bool]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for name, _ in query.multi_items():
        pointer = f"query/{name[:SHOWN_CHARACTERS]}"
        if name not in allowed and OTHERS not in allowed:
            yield FieldError(pointer, "is no parameter of this path", "unknown")
        elif name in seen and not allowed.get(name, True):
            # It would be a matter of chance which one counts.
            yield FieldError(pointer, "has to come once", "repeated")
        seen.add(name)


def _names(schema: type[BaseModel]) -> dict[str, bool]:
    return {name: _is_list(field.annotation) for name, field in schema.model_fields.items()}


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
