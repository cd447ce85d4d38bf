"""The one place where an error becomes HTTP: a problem document (RFC 9457), or a page for a browser."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.core.errors import DomainError, FieldError
from app.schemas.problem import Problem, ProblemError, phrase

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to one of the `KNOWN` errors."""
    return await next(handler for kind, handler in HANDLERS.items() if isinstance(error, kind))(request, error)


def problem(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    *,
    kind: type[DomainError] = DomainError,
) -> Response:
    """The answer to a request that failed. `detail` and `errors` must not repeat what the client sent."""
    document = Problem(
        type=kind.type,
        title=kind.title or phrase(status),
        status=status,
        detail=detail,
        instance=quote(request.scope["path"]),
        request_id=request.scope.get("request_id", ""),
        errors=[ProblemError(pointer=one.pointer, detail=one.detail, type=one.type) for one in errors] or None,
    )
    if wants_page(request):
        page: Response = request.app.state.error_page(request, document, headers)
        return page
    return Response(document.model_dump_json(exclude_none=True), status, headers, MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Whether a person is looking: a browser asks for HTML, and the API has none."""
    return "text/html" in request.headers.get("Accept", "") and not request.scope["path"].startswith("/api/")


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to what nobody foresaw. The log has the rest, under the same request id."""
    log.error("unexpected error", exc_info=error)
    return problem(request, 500, "Something went wrong here; it has been written down under the request id")


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return problem(request, error.status, error.detail, error.headers, error.errors, kind=type(error))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [FieldError(pointer(one["loc"]), one["msg"], one["type"]) for one in error.errors()]
    # Each once: a body that a dependency takes too is checked twice.
    return problem(request, 422, "The request is not valid", errors=list(dict.fromkeys(errors)))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(request, 404, "There is nothing at this path")
    if error.status_code == 405:
        allowed = allowed_methods(request)
        return problem(request, 405, f"The path allows {allowed}", {"Allow": allowed})
    return problem(request, error.status_code, str(error.detail), error.headers)


async def _half_a_body(request: Request, _: Exception) -> Response:
    return problem(request, 400, "The body did not come whole")


def allowed_methods(request: Request) -> str:
    """What the Allow header (RFC 9110, section 10.2.1) says: every method that some route has for this path."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.scope["path"]):
            methods |= route.methods
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def pointer(location: Iterable[Any]) -> str:
    """("body", "items", 3, "label") is /items/3/label; ("query", "limit") is query/limit."""
    place, *names = (_printable(str(name)) for name in location)
    if place != "body":
        return "/".join([place, *names])
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def _printable(name: str) -> str:
    return name[:100].encode(errors="replace").decode()


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    DomainError: _domain_error,
    RequestValidationError: _validation_error,
    HTTPException: _http_error,
    ClientDisconnect: _half_a_body,
}
KNOWN = tuple(HANDLERS)
"""The errors that are an answer."""
