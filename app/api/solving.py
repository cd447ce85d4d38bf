"""What an endpoint asks for, found out once.

FastAPI finds it out for each request: it walks the tree of dependencies, with two stacks of what has to be closed, a
cache, and a look at each kind of parameter of each dependency. Most endpoints need none of that.
"""

import json
from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi import HTTPException, Request
from fastapi.datastructures import QueryParams
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from pydantic_core import PydanticUndefined

Found = tuple[dict[str, Any], list[Any]]
"""Parameters with their values, and what is wrong with others."""

NOTHING: dict[str, Any] = {}

FAILED: Any = object()
"""In the place of a value that could not be made."""


class Plan:
    """The dependencies of an endpoint in the order in which they are called, each once.

    For `async` dependencies that yield nothing and take parameters, the request and each other: see `is_plain`. They
    are solved as FastAPI solves them, with its functions for parameters and bodies, and its errors.
    """

    def __init__(self, dependant: Dependant) -> None:
        *self.steps, self.end = _steps(dependant, {})
        self.takes_body = bool(dependant.body_params)

    async def values(self, request: Request) -> dict[str, Any]:
        """What the endpoint is to be called with. Raises what dependencies raise, and `RequestValidationError`."""
        body = await _body(request) if self.takes_body else PydanticUndefined
        errors: list[Any] = []
        made: list[Any] = []
        for step in self.steps:
            values = step.values(request, made, errors) if step.takes else NOTHING
            made.append(FAILED if values is None else await step.call(**values))
        values = self.end.values(request, made, errors) or {}
        if self.takes_body:
            found, wrong = await request_body_to_args(self.end.body_params, body, embed_body_fields=False)
            values |= found
            errors += wrong
        if errors:
            raise RequestValidationError(errors)
        return values


class Step:
    """A dependency, or the endpoint at the end, and what it is called with."""

    def __init__(self, dependant: Dependant, needs: list[tuple[str, int]]) -> None:
        assert dependant.call is not None
        self.call = dependant.call
        self.needs = needs
        """Names of parameters, and which steps have made their values."""
        self.requests = [name for name in (dependant.request_param_name, dependant.http_connection_param_name) if name]
        self.path_params, self.query_params = dependant.path_params, dependant.query_params
        self.headers, self.cookies = dependant.header_params, dependant.cookie_params
        self.body_params = dependant.body_params
        self.has_parameters = bool(self.path_params or self.query_params or self.headers or self.cookies)
        self.takes = bool(self.needs or self.requests or self.has_parameters)
        self.without_query = request_params_to_args(self.query_params, QueryParams())

    def values(self, request: Request, made: list[Any], errors: list[Any]) -> dict[str, Any] | None:
        """None, with the reasons added to the errors, when something is wrong."""
        values: dict[str, Any] = {}
        for name, place in self.needs:
            values[name] = made[place]
        for name in self.requests:
            values[name] = request
        before = len(errors)
        if before and FAILED in values.values():
            return None
        if self.has_parameters:
            for found, wrong in self._parameters(request):
                values |= found
                errors += wrong
        return values if len(errors) == before else None

    def _parameters(self, request: Request) -> Iterator[Found]:
        for field in self.path_params:  # the path would not have matched without them
            value, wrong = field.validate(request.path_params[field.alias], {}, loc=("path", field.alias))
            yield {field.name: value}, wrong
        if self.query_params:
            has_query = request.scope["query_string"]
            yield request_params_to_args(self.query_params, request.query_params) if has_query else self.without_query
        if self.headers:
            yield request_params_to_args(self.headers, request.headers)
        if self.cookies:
            yield request_params_to_args(self.cookies, request.cookies)


def is_plain(dependant: Dependant) -> bool:
    """Whether a plan can take the place of FastAPI's own way."""
    fields = dependant.body_params
    return (
        (not fields or (len(fields) == 1 and not isinstance(fields[0].field_info, Form)))
        and not any(_has_more(one) for one in _all(dependant))
        and all(_is_async(one.call) and not one.body_params for one in _below(dependant))
    )


def _has_more(one: Dependant) -> bool:
    return bool(
        one.response_param_name
        or one.background_tasks_param_name
        or one.security_scopes_param_name
        or one.websocket_param_name
        or one.concurrency
        or not one.use_cache
    )


def _is_async(call: Any) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


def _below(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield from _all(one)


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    yield from _below(dependant)


def _steps(dependant: Dependant, places: dict[Any, int]) -> Iterator[Step]:
    """Dependencies before what depends on them. `places` has the calls that have one, so that each comes once."""
    needs: list[tuple[str, int]] = []
    for one in dependant.dependencies:
        if one.call not in places:
            yield from _steps(one, places)
            places[one.call] = len(places)
        if one.name is not None:
            needs.append((one.name, places[one.call]))
    yield Step(dependant, needs)


async def _body(request: Request) -> Any:
    raw = await request.body()
    if not raw:
        return PydanticUndefined
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        reason = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error"}
        raise RequestValidationError([{**reason, "input": {}, "ctx": {"error": error.msg}}]) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "There was an error parsing the body") from error
