"""The code flow: a browser goes to the provider and comes back with a code, for which it says who that is."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import quote_plus

import httpx2
from pydantic import BaseModel

from app.clients.openid.id_token import checked
from app.clients.openid.provider import AnyObject, Metadata, Provider, give_up
from app.core.errors import BadRequest, NotAllowed, Unavailable
from app.core.pending_sign_in import PendingSignIn
from app.schemas.single_sign_on import Claims, ProviderAnswer

SCOPE = "openid email profile"

REFUSALS = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
}
"""What the person decided, or has yet to do, at the provider; any other error is the provider's or ours."""


class Tokens(BaseModel):
    """The answer to a code (section 3.1.3.3)."""

    id_token: str
    access_token: str


class Refusal(BaseModel):
    """Or that one (RFC 6749, section 5.2)."""

    error: str


class OpenID:
    """To the provider with this issuer we are `client_id`; without a secret we are a public client.

    What it is asked for may take `timeout` seconds in all, or `GatewayTimeout` is raised. `BadGateway` means that there
    was no answer, or none that holds; the log says why.
    """

    def __init__(self, issuer: str, client_id: str, secret: str = "", timeout: float = 10, pause: float = 0.1) -> None:
        self.provider = Provider(issuer, timeout, pause)
        self.client_id = client_id
        self.secret = secret

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.provider.client.aclose()

    async def authorization_url(self, pending: PendingSignIn, redirect_uri: str) -> str:
        """Where the browser has to go (section 3.1.2.1)."""
        async with self.provider.in_time():
            endpoint = (await self.provider.metadata.get()).authorization_endpoint
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
        async with self.provider.in_time():
            metadata = await self.provider.metadata.get()
            if answer.iss != self.provider.issuer and (
                answer.iss is not None or metadata.authorization_response_iss_parameter_supported
            ):
                raise BadRequest("The answer is from another provider")  # RFC 9207, section 2.4
            if answer.error is not None:
                _refuse(answer.error)
            if answer.code is None:
                raise BadRequest("The answer has no code")
            tokens = await self._exchange(metadata, answer.code, pending, redirect_uri)
            claims = await checked(tokens.id_token, self.provider, self.client_id, pending.nonce, tokens.access_token)
            return Claims.model_validate(await self._completed(metadata, tokens, claims))

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
        response, body = await self.provider.ask("POST", metadata.token_endpoint, data=form, **options)
        if response.status_code in (400, 401):
            reason = Refusal.model_validate_json(body).error
            if reason == "invalid_grant":
                raise BadRequest("What the provider gave to sign in with is not good any more: begin again")
            give_up("it refuses this service", reason=reason[:100])
        response.raise_for_status()
        return Tokens.model_validate_json(body)

    async def _completed(self, metadata: Metadata, tokens: Tokens, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the ID token leaves out the provider is asked for (sections 5.3 and 5.4)."""
        if {"email", "email_verified"} <= claims.keys() or metadata.userinfo_endpoint is None:
            return claims
        authorization = {"Authorization": f"Bearer {tokens.access_token}"}
        said = AnyObject.validate_json(await self.provider.fetched(metadata.userinfo_endpoint, headers=authorization))
        if said.get("sub") != claims["sub"]:
            give_up("it speaks of somebody else")
        return {**said, "iss": self.provider.issuer}


def _refuse(error: str) -> NoReturn:
    """What an authorization error means (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6)."""
    if error in REFUSALS:
        raise NotAllowed("The provider did not let you in, or you did not want to")
    if error == "temporarily_unavailable":
        raise Unavailable("The provider cannot answer now")
    give_up("it answers with an error", reason=error[:100])
