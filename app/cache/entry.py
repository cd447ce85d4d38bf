"""An answer that is kept."""

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from app.core.config import settings

TIMES = struct.Struct("=ddd")
SIZE = 16
"""Bytes of the digest that an entry begins with."""

_secret = blake2b(settings.SECRET_KEY.get_secret_value().encode(), person=b"cache", digest_size=32).digest()


def digest(*parts: object) -> bytes:
    """Stands for these parts; keyed, so that nobody else can make one."""
    return blake2b("\0".join(map(str, parts)).encode(errors="surrogatepass"), key=_secret, digest_size=SIZE).digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """All times are seconds since the epoch, as hosts have to agree on them."""

    body: bytes
    made: float
    stale: float
    """From then on it is only good while a newer one is made."""
    gone: float
    """And from then on for nobody."""

    def packed(self, key: bytes) -> bytes:
        content = TIMES.pack(self.made, self.stale, self.gone) + self.body
        return _seal(key, content) + content

    @classmethod
    def unpacked(cls, key: bytes, data: bytes | None) -> Self | None:
        """None unless it was packed under this key, by one who knows SECRET_KEY, and has not changed since."""
        if data is None or len(data) < SIZE + TIMES.size or data[:SIZE] != _seal(key, data[SIZE:]):
            return None
        return cls(data[SIZE + TIMES.size :], *TIMES.unpack_from(data, SIZE))


def _seal(key: bytes, content: bytes) -> bytes:
    return blake2b(key + content, key=_secret, digest_size=SIZE).digest()
