"""So many requests in so much time: `dependencies=[Depends(RateLimit("5/minute"))]`.

Who is limited hears how he stands, with each answer, in the fields of draft-ietf-httpapi-ratelimit-headers-11.
"""

import hashlib
import ipaddress
import json
import math
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from limits import RateLimitItem, parse

from app.api.deps import CredentialsDep
from app.api.problems import problems
from app.clients.counters import counters
from app.core.api_key import ApiKey
from app.core.config import settings
from app.core.errors import TooManyRequests

FIELDS = "fields"
"""Where the scope has more header fields for whatever the answer will be."""

Key = Callable[..., Awaitable[str | None]]
"""A dependency that says whose hits are counted together; None for nobody's."""

parsed = lru_cache(parse)

_secret = hashlib.sha256(b"rate limit " + settings.SECRET_KEY.get_secret_value().encode()).digest()


async def source(connection: HTTPConnection) -> str:
    """Where it comes from: an address, or an IPv6 network of 64 bits, which is what one household has.

    `X-Forwarded-For` has been read by then, where FORWARDED_ALLOW_IPS has whoever sent it.
    """
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
    return str(address)


async def caller(source: Annotated[str, Depends(source)], credentials: CredentialsDep) -> str:
    """Who has signed in, or with which key; of those who have not, where they are."""
    if isinstance(credentials, ApiKey):
        return f"key {credentials.hash.hex()}"
    return account(credentials.user_id) if credentials else source


def account(user_id: int) -> str:
    return f"user {user_id}"


def is_form(request: Request) -> bool:
    kinds = "application/x-www-form-urlencoded", "multipart/form-data"
    return request.headers.get("Content-Type", "").lower().startswith(kinds)


def field(name: str) -> Key:
    """A text in the body, be it a form or JSON, such as an e-mail address; without regard to case."""

    async def value(request: Request) -> str | None:
        if is_form(request):
            found: object = (await request.form()).get(name)
        else:
            try:
                body: Any = json.loads(await request.body())
                found = body[name]
            except (ValueError, RecursionError, LookupError, TypeError):
                return None
        return found.lower() if isinstance(found, str) else None

    return value


class RateLimit:
    """A dependency that lets so many requests of each key through: "5/minute", "100/15 minutes". Answers 429 to more.

    Its name is that of the policy in the `RateLimit` fields, and that by which RATE_LIMITS changes it; by default it
    is the operation it was first given to. Limits of the same name count together.
    """

    names: ClassVar[set[str]] = set()

    def __init__(self, limit: str, by: Key = source, name: str = "") -> None:
        self._limit = limit
        self.name = ""
        if name:
            self.give_name(name)
        self.limits = (self,)
        self.__signature__ = asking(request=Request, key=Annotated[str | None, Depends(by)])

    async def __call__(self, request: Request, key: str | None) -> None:
        await self.hit(request, key)

    def give_name(self, name: str) -> None:
        self.name = name
        self.names.add(name)

    @property
    def limit(self) -> RateLimitItem | None:
        """None when it is off."""
        set_to = settings.RATE_LIMITS
        limit = set_to.get(self.name) or set_to.get("*") or self._limit
        return None if limit == "off" else parsed(limit)

    async def hit(self, request: Request, key: str | None) -> int | None:
        """Counts the request, and says how many are left; `TooManyRequests` when it was one too many, uncounted."""
        if self.limit is None or key is None:
            return None
        standing = await counters.hit(self.limit, self._place(key))
        seconds = max(math.ceil(standing.seconds), 1)
        policy = f'"{self.name}";q={self.limit.amount};w={self.limit.get_expiry()}'
        request.scope.setdefault(FIELDS, []).extend(
            [
                (b"ratelimit-policy", policy.encode()),
                (b"ratelimit", f'"{self.name}";r={standing.left};t={seconds}'.encode()),
            ]
        )
        if not standing.allowed:
            raise TooManyRequests(f"The limit is {self.limit}; try again in {seconds} seconds", seconds)
        return standing.left

    async def take_back(self, key: str | None) -> None:
        """Does not count a request that was counted."""
        if self.limit is not None and key is not None:
            await counters.take_back(self.limit, self._place(key))

    def _place(self, key: str) -> str:
        return f"{self.name}/{digest(key)}"


def digest(key: str) -> str:
    """Stands for an address or an e-mail where hits are counted; keyed, or it could be guessed."""
    return hashlib.blake2b(key.encode(errors="replace"), key=_secret, digest_size=16).hexdigest()


def check_names() -> None:
    """To be called once all routes are there: a limit that RATE_LIMITS misspells would silently stay as it was."""
    if unknown := settings.RATE_LIMITS.keys() - RateLimit.names - {"*"}:
        raise SystemExit(f"Larder cannot start: RATE_LIMITS knows no {', '.join(unknown)}. See docs/accounts.md.")


def asking(**parameters: Any) -> Signature:
    """The signature of a dependency, by its parameters' types, for one that only knows them when it is made."""
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in parameters.items()])


def limits_among(dependencies: Iterable[Any]) -> list[RateLimit]:
    """The `limits` of those dependencies of a route that have some."""
    return [limit for one in dependencies for limit in getattr(one.dependency, "limits", ())]


def documented(responses: dict[int | str, dict[str, Any]], status: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that is limited, and whose answer has this status otherwise."""
    responses = {**problems(429), status: {}, **responses}
    for code, headers in {status: HEADERS, 429: HEADERS | RETRY_AFTER}.items():
        responses[code] = {**responses[code], "headers": {**responses[code].get("headers", {}), **headers}}
    return dict(sorted(responses.items(), key=lambda one: str(one[0])))


def _text(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


HEADERS: dict[str, Any] = {
    "RateLimit-Policy": _text("The limits: q requests in w seconds", '"name";q=5;w=60'),
    "RateLimit": _text("How they stand: r requests are left, and in t seconds there are more", '"name";r=4;t=60'),
}
RETRY_AFTER: dict[str, Any] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}, "example": 60}}
FIELD_NAMES = (*HEADERS, *RETRY_AFTER)
