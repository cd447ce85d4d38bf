"""Answers that take long and may be a little old: `@cached(ttl=60)`, below an endpoint's route.

An answer is found by the application's version, the shape of the answer, the path, the query, and who may see it. What
depends on anything else, such as a header, must not be kept.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar, get_type_hints
from urllib.parse import parse_qsl, urlencode

from fastapi import Response
from pydantic import TypeAdapter

from app.api.job import Job, Pending, pending
from app.cache.cache import cache
from app.cache.entry import Entry, digest
from app.core.principal import SignedIn
from app.core.scopes import in_words
from app.db.session import ReadSessions, Session

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

ATTRIBUTE = "cached"


def account(caller: SignedIn) -> Sequence[object]:
    """Each session of each account has answers of its own."""
    return caller.id, caller.session_id, *rights(caller)


def rights(caller: SignedIn) -> Sequence[object]:
    """All who may do the same get the same answers: for those that do not depend on who it is."""
    return (in_words(caller.scopes),)


def cached(
    ttl: int, stale: int = 0, by: Callable[[SignedIn], Sequence[object]] = account
) -> Callable[[EndpointT], EndpointT]:
    """Keeps what the endpoint returns, and says so in Cache-Control and Age (RFC 9111).

    `ttl` seconds after it was asked for an answer is stale: who asks then still gets it, and has a new one made.
    `stale` seconds later (RFC 5861) it is gone, and who asks waits for a new one. `by` says which callers have their
    answers in common; all who send no credentials do. Errors are not kept.
    """

    def mark(endpoint: EndpointT) -> EndpointT:
        setattr(endpoint, ATTRIBUTE, Caching(ttl, stale, by))
        return endpoint

    return mark


def caching_of(endpoint: Callable[..., Any]) -> "Caching | None":
    found: Caching | None = getattr(endpoint, ATTRIBUTE, None)
    return found


@dataclass(frozen=True, slots=True)
class Caching:
    ttl: int
    stale: int
    by: Callable[[SignedIn], Sequence[object]]

    def around(
        self, endpoint: Callable[..., Awaitable[Any]], respond: Callable[[Any], Response]
    ) -> Callable[..., Awaitable[Response]]:
        """The endpoint, asked only for what is not kept."""
        # Answers of another shape, which the code before a deployment has made, are not to be found.
        shape = TypeAdapter[Any](get_type_hints(endpoint)["return"]).json_schema(mode="serialization")

        @wraps(endpoint)
        async def answer(**values: Any) -> Response:
            async def make() -> bytes:
                return bytes(respond(await endpoint(**values)).body)

            known = pending.get()
            scope = known.request.scope
            who = await self._who(known)
            key = digest(scope["app"].version, shape, scope["path"], _in_order(scope["query_string"]), *who)
            entry = await cache.answer(key, self.ttl, self.stale, make)
            return self._response(entry, is_public=known.caller is None)

        return answer

    async def _who(self, known: Pending) -> Sequence[object]:
        if known.caller is None or known.is_anonymous:
            return ()
        return self.by(await Job(ReadSessions, partial(_checked, known)).run())

    def _response(self, entry: Entry, *, is_public: bool) -> Response:
        control = f"max-age={self.ttl}, stale-while-revalidate={self.stale}"
        headers = {"Age": str(max(int(time.time() - entry.made), 0))}
        if is_public:
            headers["Cache-Control"] = f"public, {control}"
        else:
            headers |= {"Cache-Control": f"private, {control}", "Vary": "Authorization, X-API-Key"}
        return Response(entry.body, headers=headers, media_type="application/json")


def _checked(known: Pending, session: Session) -> Any:
    """The caller, if he may have an answer at all."""
    for deferred in known.deferred:
        deferred.value(session)
    return known.caller and known.caller.value(session)


def _in_order(query: bytes) -> str:
    """The query in one of the many ways to write it. What comes more than once stays in its order."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return urlencode(sorted(pairs, key=lambda pair: pair[0]), encoding="latin-1")
