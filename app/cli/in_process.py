"""Requests of this process to itself: no network, no server, and one thread for all of it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.types import Message

from app import crud
from app.api import job
from app.api.threads import Threads
from app.cli.caller import caller
from app.cli.transaction import in_transaction
from app.core.security import AccessToken, write_access_token
from app.crud import login_session
from app.db.kept import kept

T = TypeVar("T")


class Answer(NamedTuple):
    status: int
    body: bytes


class Inline(Threads):
    """In the place of the job threads, because a profiler follows one thread."""

    async def run(self, call: Callable[[], T]) -> T:
        return call()


@contextmanager
def jobs_inline() -> Generator[None]:
    threads = job.threads
    kept.allow()
    job.threads = Inline(1, "inline", kept.allow)
    try:
        yield
    finally:
        job.threads = threads


@contextmanager
def credentials(email: str | None) -> Generator[dict[str, str]]:
    """The headers of an account, which is signed in for as long as the context lasts; none for nobody."""
    if email is None:
        yield {}
        return

    def begin(session: Any) -> tuple[int, int]:
        signed_in = caller(session, email)
        user = crud.user.get(session, signed_in.id) if signed_in else None
        assert user is not None
        return user.id, login_session.begin(session, user).session_id

    user_id, session_id = in_transaction(begin)
    try:
        token, _ = write_access_token(AccessToken(user_id, session_id, None))
        yield {"authorization": f"Bearer {token}"}
    finally:
        in_transaction(lambda session: login_session.end(session, user_id, session_id))


async def get(service: FastAPI, target: str, headers: dict[str, str]) -> Answer:
    """What the service answers to GET of a path with its query."""
    path, _, query = target.partition("?")
    status, body = 0, b""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
        "state": {},
    }
    await service(scope, receive, send)
    return Answer(status, body)
