"""What an ID token says, once all about it is right (OpenID Connect Core 1.0, section 3.1.3.7)."""

from collections.abc import Mapping
from typing import Any

import httpx2
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jws import JWSRegistry

from app.clients.openid.provider import Provider, give_up
from app.core.errors import DomainError

ALGORITHMS = {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)}
"""Signatures that only the provider can make: not `none`, and not those with a key that both sides have."""

PAUSE_BETWEEN_KEYS = 10.0
"""Seconds: an unknown key is asked for, but not more often."""

LEEWAY = 60
"""Seconds by which the provider's clock may be wrong."""

REGISTRY = JWSRegistry(
    algorithms=ALGORITHMS,
    strict_check_header=False,  # RFC 7515, section 4: what is not understood is ignored, unless it is in `crit`
)


async def checked(text: str, provider: Provider, client_id: str, nonce: str, access_token: str) -> Mapping[str, Any]:
    """Its claims, if the provider made it for us, for this sign-in and for what it gave us along with it."""
    options: dict[str, Any] = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": client_id},
    }
    known = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    try:
        token = await _verified(text, provider)
        claims = CodeIDToken(token.claims, token.header, options, known)
        claims.validate(leeway=LEEWAY)
    except (DomainError, httpx2.HTTPError, TimeoutError):
        raise
    except Exception as error:  # joserfc lets RecursionError, TypeError and others through
        give_up("its ID token is not valid", error)
    return claims


async def _verified(text: str, provider: Provider) -> jwt.Token:
    try:
        return jwt.decode(text, await provider.keys.get(), registry=REGISTRY)
    except InvalidKeyIdError:
        return jwt.decode(text, await provider.keys.get(PAUSE_BETWEEN_KEYS), registry=REGISTRY)
