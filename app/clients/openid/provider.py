"""What a provider says of itself, and how it is asked."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Generic, NoReturn, TypeVar

import httpx2
import stamina
import structlog
from authlib.oidc.discovery import get_well_known_url
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.clients.asking import TLS, may_pass, waits
from app.core import patterns
from app.core.errors import BadGateway, GatewayTimeout

log = structlog.get_logger()

T = TypeVar("T")

LIFETIME = 3600.0
"""Seconds after which what a provider says of itself, and its keys, are asked for again."""

MAX_SIZE = 256 * 1024
"""Bytes of an answer."""

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

NO_ANSWER = "The provider gave no usable answer"

Endpoint = Annotated[str, Field(pattern=patterns.SECURE_ENDPOINT)]
AnyObject = TypeAdapter(dict[str, Any])


class Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3), as far as it is used here."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    userinfo_endpoint: Endpoint | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class Kept(Generic[T]):
    """Something that is fetched when it is asked for, by one for all, and kept."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._found: tuple[float, T] | None = None

    async def get(self, age: float = LIFETIME) -> T:
        """As it was so many seconds ago, or later."""
        async with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > age:
                self._found = time.monotonic(), await self._fetch()
            return self._found[1]


class Provider:
    """The one with this issuer, through one pool of connections.

    It is waited for within `in_time`, for at most `timeout` seconds in all.
    """

    def __init__(self, issuer: str, timeout: float, pause: float) -> None:
        self.issuer = issuer
        self.timeout = timeout
        self.client = httpx2.AsyncClient(timeout=timeout / 2, headers=HEADERS, verify=TLS)
        self.again = stamina.AsyncRetryingCaller(**waits(pause)).on(may_pass)
        self.metadata = Kept(self._fetch_metadata)
        self.keys = Kept(self._fetch_keys)

    @asynccontextmanager
    async def in_time(self) -> AsyncGenerator[None]:
        """Raises `GatewayTimeout`, and `BadGateway` when there was no answer, or none that holds; the log says why."""
        try:
            async with asyncio.timeout(self.timeout):
                yield
        except (TimeoutError, httpx2.TimeoutException):
            log.warning("the OpenID provider is too slow")
            raise GatewayTimeout("The provider did not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            log.warning("the OpenID provider gave no usable answer", error=type(error).__name__)
            raise BadGateway(NO_ANSWER) from error

    async def fetched(self, url: str, **options: Any) -> bytes:
        """The body of a good answer; asked for again if what went wrong may pass."""

        async def fetch() -> bytes:
            response, body = await self.ask("GET", url, **options)
            response.raise_for_status()
            return body

        return await self.again(fetch)

    async def ask(self, method: str, url: str, **options: Any) -> tuple[httpx2.Response, bytes]:
        """Any answer, asked for once."""
        body = bytearray()
        async with self.client.stream(method, url, **options) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_SIZE:
                    raise httpx2.RequestError("The answer is too large")
        return response, bytes(body)

    async def _fetch_metadata(self) -> Metadata:
        metadata = Metadata.model_validate_json(await self.fetched(get_well_known_url(self.issuer, external=True)))
        if metadata.issuer != self.issuer:
            give_up("it has another issuer than OIDC_ISSUER")
        return metadata

    async def _fetch_keys(self) -> KeySet:
        keys: Any = AnyObject.validate_json(await self.fetched((await self.metadata.get()).jwks_uri))
        try:
            return KeySet.import_key_set(keys)
        except Exception as error:  # whatever joserfc makes of keys that are none
            give_up("its keys cannot be read", error)


def give_up(why: str, error: Exception | None = None, **more: str) -> NoReturn:
    log.error("the OpenID provider cannot be used", why=why, error=error and repr(error)[:200], **more)
    raise BadGateway(NO_ANSWER) from error
