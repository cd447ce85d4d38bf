"""One request is one job: in one thread, with one session, in one transaction, on one connection.

FastAPI runs a `def` endpoint, each of its `def` dependencies and the serialisation of its answer as thread jobs of
their own, and a session that lives across them keeps its connection while it waits for the next thread. Here the
dependencies are `async` and touch nothing; what needs the database is a `Deferred`, which the endpoint's own job
makes before it calls the endpoint. The job serialises the answer and commits before the first byte is sent.

There are as many job threads as connections, so a job never waits for a connection, and requests that wait for
their turn hold neither.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import wraps
from typing import Any, Generic, TypeVar, get_origin, get_type_hints

from fastapi import Request, Response
from fastapi.params import Depends, Form
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from app.core.config import settings
from app.core.errors import Unavailable, UnsupportedMediaType
from app.db.session import ReadSessions, Session, Sessions, WriteSessions

T = TypeVar("T")
U = TypeVar("U")

READING_METHODS = {"GET", "HEAD"}

threads = ThreadPoolExecutor(settings.THREADS, thread_name_prefix="job")


class Deferred(Generic[T]):
    """The value of a dependency that takes the database. The job makes it, once, in its own thread."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[Session], T]) -> None:
        self.make = make

    def then(self, change: Callable[[T], U]) -> "Deferred[U]":
        return Deferred(lambda session: change(self.make(session)))


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
    services without holding a connection, and gets no session. An endpoint that asks for nothing `Deferred` is
    left to FastAPI, in whose threads it may wait as long as it likes.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _asks_for_database(endpoint):
            reads = set(options.get("methods") or ["GET"]) <= READING_METHODS
            in_job = _dependencies_in_job if inspect.iscoroutinefunction(endpoint) else _whole_in_job
            endpoint = in_job(endpoint, ReadSessions if reads else WriteSessions, options.get("status_code") or 200)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None or isinstance(self.body_field.field_info, Form):
            return handle

        async def handle_json(request: Request) -> Response:
            kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not kind.endswith("+json"):
                raise UnsupportedMediaType("The body has to be JSON, and its Content-Type has to say so")
            return await handle(request)

        return handle_json


def _asks_for_database(endpoint: Callable[..., Any]) -> bool:
    return any(
        isinstance(mark, Depends) and get_origin(get_type_hints(mark.dependency).get("return")) is Deferred
        for parameter in inspect.signature(endpoint, eval_str=True).parameters.values()
        for mark in getattr(parameter.annotation, "__metadata__", ())
    )


def _whole_in_job(endpoint: Callable[..., Any], sessions: Sessions, status: int) -> Callable[..., Any]:
    answer = get_type_hints(endpoint)["return"]
    adapter = TypeAdapter[Any](object if isinstance(answer, type) and issubclass(answer, Response) else answer)

    @wraps(endpoint)
    async def run(**values: Any) -> Response:
        def work(session: Session) -> Response:
            result = endpoint(**_made(values, session))
            if isinstance(result, Response):
                return result
            body = adapter.dump_json(adapter.validate_python(result, from_attributes=True))
            return Response(body, status, media_type="application/json")

        return await Job(sessions, work).run()

    return run


def _dependencies_in_job(
    endpoint: Callable[..., Coroutine[Any, Any, Any]], sessions: Sessions, _: int
) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await endpoint(**await Job(sessions, lambda session: _made(values, session)).run())

    return run


def _made(values: dict[str, Any], session: Session) -> dict[str, Any]:
    return {
        name: value.make(session) if isinstance(value, Deferred) else value  # pyright: ignore[reportUnknownMemberType]
        for name, value in values.items()
    }
