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


class Cursors:
    """The cursors of one list. `names` are the columns that it is sorted by, and `context` all that makes it this one.

    A cursor holds the columns' values of the row that its page follows; `types` reads them.
    """

    def __init__(self, names: Sequence[str], types: TypeAdapter[Any], context: object) -> None:
        self._names = names
        self._types = types
        self._of_context = hashlib.blake2b(to_json(context) + b"\0", digest_size=MAC_BYTES, key=_key)

    def write(self, row: Any) -> str:
        """The cursor of the page that begins after the row."""
        payload = to_json([getattr(row, name) for name in self._names])
        return _as_text(self._mac(payload) + payload)

    def read(self, cursor: str) -> tuple[Any, ...]:
        """The values in it; `BadRequest` when it was not this service that wrote it, or not for this list."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
            # Base64 has several texts for the same bytes; only ours is taken.
            if hmac.compare_digest(mac, self._mac(payload)) and _as_text(raw) == cursor:
                return tuple(self._types.validate_json(payload))
        except ValueError:
            pass
        raise BadRequest(
            "The cursor does not belong to this list",
            FieldError("query/cursor", "is not a cursor of this list", "cursor"),
        )

    def _mac(self, payload: bytes) -> bytes:
        mac = self._of_context.copy()
        mac.update(payload)
        return mac.digest()


def _as_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
