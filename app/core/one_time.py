"""Tokens for links in mails and from one page to the next: each for one purpose, one account and a short time.

They are no access tokens and cannot be mistaken for one: they have another form and, for each purpose, another key.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass
from enum import StrEnum

from app.core.config import settings
from app.core.errors import BadRequest, FieldError

HOUR = 3600


class Purpose(StrEnum):
    """Named like the page that links with it lead to; only `second_factor` is in none, but in a form."""

    reset_password = "reset-password"  # noqa: S105 - a name and no password
    verify_email = "verify-email"
    change_email = "change-email"
    second_factor = "second-factor"


LIFETIMES = {
    Purpose.reset_password: HOUR,
    Purpose.verify_email: 24 * HOUR,
    Purpose.change_email: 24 * HOUR,
    Purpose.second_factor: HOUR // 6,
}
"""Seconds."""

SHAPE = re.compile(r"([\w-]{4,1024})\.([\w-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whoever has it reads the mail of `email`. It counts for as long as the account is in the same state."""

    user_id: int
    email: str
    state: str


def write(purpose: Purpose, proof: Proof) -> str:
    content = [proof.user_id, proof.email, proof.state, int(time.time()) + LIFETIMES[purpose]]
    payload = _base64(json.dumps(content, separators=(",", ":")).encode())
    return f"{payload}.{_signature(purpose, payload)}"


def link(purpose: Purpose, proof: Proof) -> str:
    return f"{settings.PUBLIC_URL}/{purpose}?token={write(purpose, proof)}"


def read(purpose: Purpose, token: str) -> Proof:
    """`BadRequest`, in the same words whatever is wrong with it."""
    parts = SHAPE.fullmatch(token)
    if not parts or not hmac.compare_digest(parts[2], _signature(purpose, parts[1])):
        raise no_proof()
    user_id, email, state, end = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    if time.time() >= end:
        raise no_proof()
    return Proof(user_id, email, state)


def no_proof() -> BadRequest:
    return BadRequest(
        "The link is not valid any more", FieldError("/token", "was used, has expired or is not ours", "token")
    )


def state(*values: object) -> str:
    """Stands for what a token depends on, and tells nothing about it."""
    return _base64(hmac.digest(_key("state"), repr(values).encode(), hashlib.sha256)[:16])


def _signature(purpose: Purpose, payload: str) -> str:
    return _base64(hmac.digest(_key(purpose), payload.encode(), hashlib.sha256))


def _key(name: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.get_secret_value().encode(), f"one-time {name}".encode(), hashlib.sha256)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
