"""The route class of this service: its endpoints run as jobs."""

import hashlib
import inspect
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from app.api import idempotency, query_string
from app.api.cached import caching_of
from app.api.job import Deferred, Job, Pending, pending
from app.api.rate_limit import documented, limits_among
from app.api.solving import Plan, is_plain
from app.api.superseded import superseded_by
from app.core.errors import UnsupportedMediaType
from app.core.origin import Origin, asked_from
from app.db.session import ReadSessions, Session, Sessions, WriteSessions

READING_METHODS = {"GET", "HEAD"}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class JobRoute(APIRoute):
    """The route class of this service: what asks for the database does so in a job.

    A `def` endpoint runs whole in one job; reads (GET) without a transaction, all else in one. Of an `async def`
    endpoint only the dependencies run in a job, which has ended when the endpoint begins: it can await other
    services without holding a connection, and gets no session. When nothing is `Deferred` the endpoint runs as
    FastAPI would run it, in whose threads it may wait as long as it likes.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = set(options.get("methods") or ["GET"])
        status: int = options.get("status_code") or 200
        self.creates = methods == {"POST"} and status == 201 and idempotency.is_repeatable(endpoint)
        self.superseded = superseded_by(endpoint)
        if self.creates:
            extra: dict[str, Any] = options.get("openapi_extra") or {}
            options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", ()), idempotency.PARAMETER]}
        if limits := limits_among(options.get("dependencies") or ()):
            for limit in limits:
                if not limit.name:
                    limit.give_name(f"{' '.join(methods)} {path}")
            options["responses"] = documented(options.get("responses") or {}, status)
        options["deprecated"] = options.get("deprecated") or self.superseded is not None or None
        caching = caching_of(endpoint)
        if caching and not (methods <= READING_METHODS and path.startswith("/api/")):
            raise ValueError("Only what is read from the API can be cached")
        self.answers = caching is not None or not inspect.iscoroutinefunction(endpoint)
        in_job = _dependencies_in_job if inspect.iscoroutinefunction(endpoint) else _whole_in_job
        run = in_job(endpoint, ReadSessions if methods <= READING_METHODS else WriteSessions, status)
        endpoint = caching.around(run, _responding(endpoint, status)) if caching else run
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        return self._with_pending(super().get_route_handler())

    def lean_handler(self, dependant: Dependant) -> Handler | None:
        """The same handler without FastAPI's own steps, if the endpoint needs none of them."""
        if not (self.answers and is_plain(dependant)):
            return None
        plan, call = Plan(dependant), self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await call(**await plan.values(request))
            return response

        return self._with_pending(handle)

    def _with_pending(self, handle: Handler) -> Handler:
        takes_body = self.body_field is not None
        takes_json = self.body_field is not None and not isinstance(self.body_field.field_info, Form)
        is_api = self.path.startswith("/api/")
        check_query = query_string.checking(query_string.parameters(self.dependant)) if is_api else None
        more_headers = self.superseded.headers() if self.superseded else {}
        reads = (self.methods or READING_METHODS) <= READING_METHODS

        async def handle_as_job(request: Request) -> Response:
            if check_query and (query := request.scope["query_string"]):
                check_query(query)
            if takes_json:
                _refuse_other_than_json(request)
            key = idempotency.key_of(request) if self.creates else None
            if key:
                request.state.digest = hashlib.sha256(await request.body() if takes_body else b"").digest()
            token = pending.set(Pending(request, key))
            origin = None if reads else asked_from.set(partial(origin_of, request))
            try:
                response = await handle(request)
            finally:
                if origin:
                    asked_from.reset(origin)
                # The context outlives the request, which knows of its task, which has the context: were it not taken
                # back, only the garbage collector could part them, at an eighth of the processor's time.
                pending.reset(token)
            for name, value in more_headers.items():
                response.headers.append(name, value)
            return response

        return handle_as_job


def _responding(endpoint: Callable[..., Any], status: int) -> Callable[[Any], Response]:
    answer = get_type_hints(endpoint)["return"]
    adapter = TypeAdapter[Any](object if _is_response(answer) else answer)

    def respond(result: Any) -> Response:
        if isinstance(result, Response):
            return result
        body = adapter.dump_json(adapter.validate_python(result, from_attributes=True), by_alias=True)
        return Response(body, status, media_type="application/json")

    return respond


def _whole_in_job(endpoint: Callable[..., Any], sessions: Sessions, status: int) -> Callable[..., Any]:
    respond = _responding(endpoint, status)

    def answer(values: dict[str, Any]) -> Response:
        return respond(endpoint(**values))

    def work(values: dict[str, Any], session: Session) -> Response:
        values = _made(values, session)
        known = pending.get()
        if known.key is None:
            return answer(values)
        caller = known.caller.value(session) if known.caller else None
        claim = idempotency.claim(known.request, known.key, caller)
        return idempotency.answer_once(session, claim, partial(answer, values))

    @wraps(endpoint)
    async def run(**values: Any) -> Response:
        if not pending.get().deferred:
            return await run_in_threadpool(answer, values)
        return await Job(sessions, partial(work, values)).run()

    return run


def _dependencies_in_job(
    endpoint: Callable[..., Coroutine[Any, Any, Any]], sessions: Sessions, _: int
) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        if pending.get().deferred:
            values = await Job(sessions, partial(_made, values)).run()
        return await endpoint(**values)

    return run


def _made(values: dict[str, Any], session: Session) -> dict[str, Any]:
    """The endpoint's values, those that were deferred made; and all else that was deferred made as well."""
    made = {deferred: deferred.value(session) for deferred in pending.get().deferred}
    return {name: made[value] if isinstance(value, Deferred) else value for name, value in values.items()}


def _is_response(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Response)


def origin_of(request: Request) -> Origin:
    address = request.client.host[:64] if request.client else None
    device = request.headers.get("User-Agent")
    return Origin(address, device and "".join(one if one.isprintable() else "?" for one in device[:256]))


def _refuse_other_than_json(request: Request) -> None:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType("The body has to be JSON, and its Content-Type has to say so")
