"""An OpenID provider: where it sends people to, and what it says of who comes back (OpenID Connect Core 1.0).

Authlib and joserfc check what it says. The packages are imported here only, and this module only where single sign-on
is set up.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Annotated, Any, Generic, NoReturn, Self, TypeVar
from urllib.parse import quote_plus

import httpx2
import stamina
import structlog
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.clients.asking import TLS, may_pass, waits
from app.core import patterns
from app.core.errors import BadGateway, BadRequest, DomainError, GatewayTimeout, NotAllowed, Unavailable
from app.core.pending_sign_in import PendingSignIn
from app.schemas.single_sign_on import Claims, ProviderAnswer

log = structlog.get_logger()

T = TypeVar("T")

SCOPE = "openid email profile"
ALGORITHMS = {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)}
"""Signatures that only the provider can make: not `none`, and not those with a key that both sides have."""

LIFETIME = 3600.0
"""Seconds after which what a provider says of itself, and its keys, are asked for again."""
PAUSE_BETWEEN_KEYS = 10.0
"""Seconds: an unknown key is asked for, but not more often."""
LEEWAY = 60
"""Seconds by which the provider's clock may be wrong."""
MAX_SIZE = 256 * 1024
"""Bytes of an answer."""

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

NO_ANSWER = "The provider gave no usable answer"

REFUSALS = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
}
"""What the person decided, or has yet to do, at the provider; any other error is the provider's or ours."""

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


class Tokens(BaseModel):
    """The answer to a code (section 3.1.3.3)."""

    id_token: str
    access_token: str


class Refusal(BaseModel):
    """Or that one (RFC 6749, section 5.2)."""

    error: str


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


class OpenID:
    """The provider with this issuer, to which we are `client_id`; without a secret we are a public client.

    Keeps one pool of connections. What it asks for, it waits for at most `timeout` seconds in all, and then raises
    `GatewayTimeout`. `BadGateway` means that there was no answer, or none that holds; the log says why.
    """

    def __init__(self, issuer: str, client_id: str, secret: str = "", timeout: float = 10, pause: float = 0.1) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.secret = secret
        self.timeout = timeout
        self.client = httpx2.AsyncClient(timeout=timeout / 2, headers=HEADERS, verify=TLS)
        self.again = stamina.AsyncRetryingCaller(**waits(pause)).on(may_pass)
        self.metadata = Kept(self._fetch_metadata)
        self.keys = Kept(self._fetch_keys)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def authorization_url(self, pending: PendingSignIn, redirect_uri: str) -> str:
        """Where the browser has to go (section 3.1.2.1)."""
        async with self._in_time():
            endpoint = (await self.metadata.get()).authorization_endpoint
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        return str(httpx2.URL(endpoint).copy_merge_params(parameters))

    async def identify(self, answer: ProviderAnswer, pending: PendingSignIn, redirect_uri: str) -> Claims:
        """Who has come back with this answer, whose `state` is known to be right.

        `BadRequest` when the code is not good any more, `NotAllowed` when the provider or the person refused.
        """
        async with self._in_time():
            metadata = await self.metadata.get()
            if answer.iss != self.issuer and (
                answer.iss is not None or metadata.authorization_response_iss_parameter_supported
            ):
                raise BadRequest("The answer is from another provider")  # RFC 9207, section 2.4
            if answer.error is not None:
                _refuse(answer.error)
            if answer.code is None:
                raise BadRequest("The answer has no code")
            tokens = await self._exchange(metadata, answer.code, pending, redirect_uri)
            claims = await self._read(tokens, pending.nonce)
            return Claims.model_validate(await self._completed(metadata, tokens, claims))

    @asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self.timeout):
                yield
        except (TimeoutError, httpx2.TimeoutException):
            log.warning("the OpenID provider is too slow")
            raise GatewayTimeout("The provider did not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            log.warning("the OpenID provider gave no usable answer", error=type(error).__name__)
            raise BadGateway(NO_ANSWER) from error

    async def _fetch_metadata(self) -> Metadata:
        metadata = Metadata.model_validate_json(await self._fetched(get_well_known_url(self.issuer, external=True)))
        if metadata.issuer != self.issuer:
            _give_up("it has another issuer than OIDC_ISSUER")
        return metadata

    async def _fetch_keys(self) -> KeySet:
        keys: Any = AnyObject.validate_json(await self._fetched((await self.metadata.get()).jwks_uri))
        try:
            return KeySet.import_key_set(keys)
        except Exception as error:  # whatever joserfc makes of keys that are none
            _give_up("its keys cannot be read", error)

    async def _fetched(self, url: str, **options: Any) -> bytes:
        async def fetch() -> bytes:
            response, body = await self._ask("GET", url, **options)
            response.raise_for_status()
            return body

        return await self.again(fetch)

    async def _exchange(self, metadata: Metadata, code: str, pending: PendingSignIn, redirect_uri: str) -> Tokens:
        """Asked for once: a code is good for one use (RFC 6749, section 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": pending.verifier,
        }
        options: dict[str, Any] = {}
        if self.secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            options["auth"] = httpx2.BasicAuth(quote_plus(self.client_id), quote_plus(self.secret))  # section 2.3.1
        else:
            form |= {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        response, body = await self._ask("POST", metadata.token_endpoint, data=form, **options)
        if response.status_code in (400, 401):
            reason = Refusal.model_validate_json(body).error
            if reason == "invalid_grant":
                raise BadRequest("What the provider gave to sign in with is not good any more: begin again")
            _give_up("it refuses this service", reason=reason[:100])
        response.raise_for_status()
        return Tokens.model_validate_json(body)

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[httpx2.Response, bytes]:
        body = bytearray()
        async with self.client.stream(method, url, **options) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_SIZE:
                    raise httpx2.RequestError("The answer is too large")
        return response, bytes(body)

    async def _read(self, tokens: Tokens, nonce: str) -> Mapping[str, Any]:
        """What the ID token says, once all about it is right (section 3.1.3.7)."""
        registry = JWSRegistry(
            algorithms=ALGORITHMS,
            strict_check_header=False,  # RFC 7515, section 4: what is not understood is ignored, unless it is in `crit`
        )
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        known = {"nonce": nonce, "client_id": self.client_id, "access_token": tokens.access_token}
        try:
            try:
                token = jwt.decode(tokens.id_token, await self.keys.get(), registry=registry)
            except InvalidKeyIdError:
                token = jwt.decode(tokens.id_token, await self.keys.get(PAUSE_BETWEEN_KEYS), registry=registry)
            claims = CodeIDToken(token.claims, token.header, options, known)
            claims.validate(leeway=LEEWAY)
        except (DomainError, httpx2.HTTPError, TimeoutError):
            raise
        except Exception as error:  # joserfc lets RecursionError, TypeError and others through
            _give_up("its ID token is not valid", error)
        return claims

    async def _completed(self, metadata: Metadata, tokens: Tokens, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the ID token leaves out the provider is asked for (sections 5.3 and 5.4)."""
        if {"email", "email_verified"} <= claims.keys() or metadata.userinfo_endpoint is None:
            return claims
        authorization = {"Authorization": f"Bearer {tokens.access_token}"}
        said = AnyObject.validate_json(await self._fetched(metadata.userinfo_endpoint, headers=authorization))
        if said.get("sub") != claims["sub"]:
            _give_up("it speaks of somebody else")
        return {**said, "iss": self.issuer}


def _refuse(error: str) -> NoReturn:
    """What an authorization error means (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6)."""
    if error in REFUSALS:
        raise NotAllowed("The provider did not let you in, or you did not want to")
    if error == "temporarily_unavailable":
        raise Unavailable("The provider cannot answer now")
    _give_up("it answers with an error", reason=error[:100])


def _give_up(why: str, error: Exception | None = None, **more: str) -> NoReturn:
    log.error("the OpenID provider cannot be used", why=why, error=error and repr(error)[:200], **more)
    raise BadGateway(NO_ANSWER) from error
