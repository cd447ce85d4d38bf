"""One request is one job: in one thread, with one session, in one transaction, on one connection.

FastAPI runs a `def` endpoint, each of its `def` dependencies and the serialisation of its answer as thread jobs of
their own, and a session that lives across them keeps its connection while it waits for the next thread. Here the
dependencies are `async` and touch nothing; what needs the database is a `Deferred`, which the endpoint's own job
makes before it calls the endpoint. The job serialises the answer and commits before the first byte is sent.

There are as many job threads as connections, so a job never waits for a connection, and requests that wait for
their turn hold neither.
"""

import asyncio
import hashlib
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Generic, TypeVar, get_type_hints

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Form
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from app.api import idempotency, query_string
from app.api.superseded import superseded_by
from app.core.config import settings
from app.core.errors import Unavailable, UnsupportedMediaType
from app.db.session import ReadSessions, Session, Sessions, WriteSessions
from app.models import User

T = TypeVar("T")
U = TypeVar("U")

READING_METHODS = {"GET", "HEAD"}


class Threads(ThreadPoolExecutor):
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        return super().submit(_raising, partial(fn, *args, **kwargs))


def _raising(call: Callable[[], T]) -> T:
    """An `asyncio` future cannot carry a StopIteration before Python 3.12: who awaits it would wait for ever."""
    try:
        return call()
    except StopIteration as error:
        raise RuntimeError("A job raised StopIteration") from error


threads = Threads(settings.THREADS, thread_name_prefix="job")


@dataclass(slots=True)
class Pending:
    """What is known of a request before its job begins."""

    request: Request
    key: str | None
    deferred: list["Deferred[Any]"] = field(default_factory=list["Deferred[Any]"])


_pending: ContextVar[Pending] = ContextVar("pending")


class Deferred(Generic[T]):
    """The value of a dependency that takes the database: the job makes it, in its own thread.

    Each one is made, also one that no parameter takes: what `dependencies=[...]` demands is demanded.
    """

    def __init__(self, make: Callable[[Session], T]) -> None:
        self._make = make
        self._values: list[T] = []
        _pending.get().deferred.append(self)

    def value(self, session: Session) -> T:
        if not self._values:
            self._values.append(self._make(session))
        return self._values[0]

    def then(self, change: Callable[[T], U]) -> "Deferred[U]":
        return Deferred(lambda session: change(self.value(session)))


class Job(Generic[T]):
    """One call of `work` with a session of its own; commits if `work` returns, rolls back if it raises."""

    def __init__(self, sessions: Sessions, work: Callable[[Session], T]) -> None:
        self.sessions = sessions
        self.work = work
        self.abandoned = False

    async def run(self) -> T:
        """Raises what `work` or the commit raises. When the caller stops waiting, nothing is committed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, self._run)
        except asyncio.CancelledError:
            self.abandoned = True
            raise

    def _run(self) -> T:
        with self.sessions.begin() as session:
            result = self.work(session)
            if self.abandoned:
                raise Unavailable("The request was given up")
            return result


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
        self.creates = methods == {"POST"} and status == 201
        self.superseded = superseded_by(endpoint)
        if self.creates:
            extra: dict[str, Any] = options.get("openapi_extra") or {}
            options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", ()), idempotency.PARAMETER]}
        options["deprecated"] = options.get("deprecated") or self.superseded is not None or None
        in_job = _dependencies_in_job if inspect.iscoroutinefunction(endpoint) else _whole_in_job
        endpoint = in_job(endpoint, ReadSessions if methods <= READING_METHODS else WriteSessions, status)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_json = self.body_field is not None and not isinstance(self.body_field.field_info, Form)
        takes = query_string.parameters(self.dependant) if self.path.startswith("/api/") else None
        more_headers = self.superseded.headers() if self.superseded else {}

        async def handle_as_job(request: Request) -> Response:
            if takes is not None:
                query_string.check(request.query_params, takes)
            if takes_json:
                _refuse_other_than_json(request)
            pending = Pending(request, idempotency.key_of(request) if self.creates else None)
            if pending.key:
                request.state.digest = hashlib.sha256(await request.body() if self.body_field else b"").digest()
            _pending.set(pending)
            response = await handle(request)
            for name, value in more_headers.items():
                response.headers.append(name, value)
            return response

        return handle_as_job


def _whole_in_job(endpoint: Callable[..., Any], sessions: Sessions, status: int) -> Callable[..., Any]:
    answer = get_type_hints(endpoint)["return"]
    adapter = TypeAdapter[Any](object if _is_response(answer) else answer)

    def respond(values: dict[str, Any]) -> Response:
        result = endpoint(**values)
        if isinstance(result, Response):
            return result
        body = adapter.dump_json(adapter.validate_python(result, from_attributes=True))
        return Response(body, status, media_type="application/json")

    def work(values: dict[str, Any], session: Session) -> Response:
        values = _made(values, session)
        pending = _pending.get()
        if pending.key is None:
            return respond(values)
        claim = idempotency.claim(pending.request, pending.key, _caller(session))
        return idempotency.answer_once(session, claim, partial(respond, values))

    @wraps(endpoint)
    async def run(**values: Any) -> Response:
        if not _pending.get().deferred:
            return await run_in_threadpool(respond, values)
        return await Job(sessions, partial(work, values)).run()

    return run


def _dependencies_in_job(
    endpoint: Callable[..., Coroutine[Any, Any, Any]], sessions: Sessions, _: int
) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        if _pending.get().deferred:
            values = await Job(sessions, partial(_made, values)).run()
        return await endpoint(**values)

    return run


def _made(values: dict[str, Any], session: Session) -> dict[str, Any]:
    """The endpoint's values, those that were deferred made; and all else that was deferred made as well."""
    made = {deferred: deferred.value(session) for deferred in _pending.get().deferred}
    return {name: made[value] if isinstance(value, Deferred) else value for name, value in values.items()}


def _is_response(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Response)


def _caller(session: Session) -> User | None:
    values = (deferred.value(session) for deferred in _pending.get().deferred)
    return next((value for value in values if isinstance(value, User)), None)


def _refuse_other_than_json(request: Request) -> None:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType("The body has to be JSON, and its Content-Type has to say so")
