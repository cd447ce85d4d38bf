"""Idempotency-Key: a POST that creates can be sent again without creating again."""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request, Response

from app.core.config import settings
from app.core.errors import FieldError, Invalid
from app.core.principal import Principal
from app.crud.idempotency import Claim, earlier_answer
from app.db.session import Session
from app.models import IdempotencyKey

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

UNREPEATABLE = "unrepeatable"

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
GOOD_KEY = re.compile(r"[\x21-\x7e]{1,255}")

PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes it safe to send the request again: for 24 hours the same key and body get the same answer",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}


def unrepeatable(endpoint: EndpointT) -> EndpointT:
    """Decorates an endpoint, below its route: its answer has a secret in it, and must not be kept to be given again."""
    setattr(endpoint, UNREPEATABLE, True)
    return endpoint


def is_repeatable(endpoint: Callable[..., Any]) -> bool:
    return not getattr(endpoint, UNREPEATABLE, False)


_secret = hashlib.sha256(b"idempotency " + settings.SECRET_KEY.get_secret_value().encode()).digest()


def key_of(request: Request) -> str | None:
    """The key of a request, if it has one; `Invalid` when it is empty, too long, or not printable ASCII."""
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not GOOD_KEY.fullmatch(keys[0]):
        error = FieldError(f"header/{HEADER}", "has to be 1 to 255 printable characters", "key")
        raise Invalid("The Idempotency-Key is not valid", error)
    return keys[0]


def claim(request: Request, key: str, caller: Principal | None) -> Claim:
    """What tells the request from all others; `request.state.digest` stands for its body."""
    content: bytes = request.scope["query_string"] + request.state.digest
    # Keyed, because it is kept: from a plain hash of a sign-up its password could be guessed.
    digest = hmac.digest(_secret, content, "sha256")
    return Claim(caller.id if caller else 0, request.scope["path"], key, digest)


def answer_once(session: Session, claim: Claim, work: Callable[[], Response]) -> Response:
    """What `work` answers, remembered in the same transaction; or what it answered to the same claim before.

    Only what was done is remembered: an error rolls everything back, and the key stays free.
    """
    if before := earlier_answer(session, claim):
        headers = {"Location": before.location, "ETag": before.etag}
        given = {name: value for name, value in headers.items() if value is not None}
        return Response(before.body, before.status, {**given, **REPLAYED}, media_type="application/json")
    response = work()
    answer = IdempotencyKey(
        caller_id=claim.caller_id,
        path=claim.path,
        key=claim.key,
        request_digest=claim.digest,
        status=response.status_code,
        location=response.headers.get("Location"),
        etag=response.headers.get("ETag"),
        body=bytes(response.body),
    )
    session.add(answer)
    session.flush()
    return response
