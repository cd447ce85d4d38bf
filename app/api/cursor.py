"""Cursors: where a page begins, in a form that only this service can write and only the same list can read."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from app.core.config import settings
from app.core.errors import BadRequest, FieldError

MAC_BYTES = 16

_key = hashlib.sha256(b"cursor " + settings.SECRET_KEY.get_secret_value().encode()).digest()


def write_cursor(context: object, values: Sequence[Any]) -> str:
    """The sort columns' values of a page's last row. `context` is what the cursor belongs to: list, sort, filters."""
    payload = to_json(values)
    return _as_text(_mac(context, payload) + payload)


def read_cursor(context: object, cursor: str, types: TypeAdapter[Any]) -> tuple[Any, ...]:
    """What `write_cursor` was given; `BadRequest` when it was not this service, or not with this context."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
        # Base64 has several texts for the same bytes; only ours is taken.
        if hmac.compare_digest(mac, _mac(context, payload)) and _as_text(raw) == cursor:
            return tuple(types.validate_json(payload))
    except ValueError:
        pass
    raise BadRequest(
        "The cursor does not belong to this list", FieldError("query/cursor", "is not a cursor of this list", "cursor")
    )


def _as_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(context: object, payload: bytes) -> bytes:
    return hashlib.blake2b(to_json(context) + b"\0" + payload, digest_size=MAC_BYTES, key=_key).digest()
