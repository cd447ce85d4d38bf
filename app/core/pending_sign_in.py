"""What a browser carries while its owner is at the provider: signed, short-lived, and good in this browser only."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, field
from typing import Self

from app.core import patterns
from app.core.config import settings
from app.core.errors import BadRequest, FieldError, Invalid

LIFETIME = 600
"""Seconds that somebody may take to sign in at the provider."""

SHAPE = re.compile(r"([\w-]{4,3000})\.([\w-]{43})", re.ASCII)

_key = hashlib.sha256(b"pending sign-in " + settings.SECRET_KEY.get_secret_value().encode()).digest()


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """The provider is told three values that only this service can make of the secret, and the secret stays here.

    `state` binds the answer to the browser (RFC 6749, section 10.12), `verifier` the code to whoever asked for it
    (PKCE, RFC 7636), `nonce` the ID token to the request (OpenID Connect Core, section 3.1.2.1).
    """

    callback: str
    """The path to which the provider sends the browser back."""
    next: str = "/"
    """One of our own paths, for a page to go on to; `Invalid` for any other address."""
    scope: str | None = None
    """What the session is to be good for."""
    user_id: int | None = None
    session_id: int | None = None
    """Who is signed in, and wants the identity to be linked to his account."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    expires_at: int = field(default_factory=lambda: int(time.time()) + LIFETIME)

    def __post_init__(self) -> None:
        if not re.fullmatch(patterns.OWN_PATH, self.next):
            raise Invalid(
                "The request is not valid", FieldError("query/next", "has to be a path of this service", "path")
            )

    def __str__(self) -> str:
        content = _base64(json.dumps(asdict(self)).encode())
        return f"{content}.{_base64(_digest(content))}"

    @classmethod
    def read(cls, text: str, callback: str, state: str) -> Self:
        """The one that this state belongs to; `BadRequest`, in the same words whatever is wrong."""
        parts = SHAPE.fullmatch(text)
        if parts and hmac.compare_digest(parts[2].encode(), _base64(_digest(parts[1])).encode()):
            pending = cls(**json.loads(base64.urlsafe_b64decode(parts[1] + "==")))
            is_ours = pending.callback == callback and time.time() < pending.expires_at
            if is_ours and hmac.compare_digest(pending.state.encode(), state.encode()):
                return pending
        raise BadRequest("This browser has not begun to sign in, or too long ago: begin again")

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier: its S256 (RFC 7636, section 4.2)."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, purpose: str) -> str:
        return _base64(_digest(f"{purpose} {self.secret}"))


def _digest(text: str) -> bytes:
    return hmac.digest(_key, text.encode(), hashlib.sha256)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
