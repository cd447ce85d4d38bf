"""The query of a request: what may stand in it is what its route documents, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, get_args, get_origin

from fastapi import Request
from fastapi.datastructures import QueryParams
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.core.errors import FieldError, Invalid

SchemaT = TypeVar("SchemaT", bound=BaseModel)

SHOWN_ERRORS = 20
SHOWN_CHARACTERS = 100


class QueryOf(Generic[SchemaT]):
    """A dependency: the query as a model whose fields are the parameters.

    `Annotated[Model, Query()]` means the same, but looks for each field in turn, and of the many that a list has
    hardly any is given: that takes longer than the rest of the request.
    """

    def __init__(self, schema: type[SchemaT]) -> None:
        self.schema = schema
        self.names = _names(schema)

    async def __call__(self, request: Request) -> SchemaT:
        given = request.query_params
        try:
            return self.schema.model_validate(
                {name: given.getlist(name) if self.names.get(name) else given[name] for name in given}
            )
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in error.errors()]) from None

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
        else:
            found[field.alias] = _is_list(annotation)
    for dependency in dependant.dependencies:
        found |= parameters(dependency)
    return found


def check(query: QueryParams, allowed: Mapping[str, bool]) -> None:
    """Raises `Invalid` for a name that nobody takes, and for one that came twice and is no list."""
    if errors := [*_errors(query, allowed)]:
        raise Invalid("The request is not valid", *errors[:SHOWN_ERRORS])


def _errors(query: QueryParams, allowed: Mapping[str, bool]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for name, _ in query.multi_items():
        pointer = f"query/{name[:SHOWN_CHARACTERS]}"
        if name not in allowed:
            yield FieldError(pointer, "is no parameter of this path", "unknown")
        elif name in seen and not allowed[name]:
            # It would be a matter of chance which one counts.
            yield FieldError(pointer, "has to come once", "repeated")
        seen.add(name)


def _names(schema: type[BaseModel]) -> dict[str, bool]:
    return {name: _is_list(field.annotation) for name, field in schema.model_fields.items()}


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
