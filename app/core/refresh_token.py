"""What a session is continued with, by a client or by a browser: opaque, and kept nowhere but with them."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from app.core.config import settings
from app.core.errors import NotAuthenticated

HALF = 32
"""Bytes."""

# One spelling for the same bytes: the last character ends in four zero bits.
SHAPE = re.compile(r"[\w-]{85}[AQgw]", re.ASCII)

_key = hashlib.sha256(b"refresh token " + settings.SECRET_KEY.get_secret_value().encode()).digest()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Twice 256 bits. The first half names a family and stays, the second is another with each use.

    Who knows the family's name has had one of its tokens: one whose second half is not the newest was used before.
    The database has hashes of both. Random bits need no slow one.
    """

    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(HALF), secrets.token_bytes(HALF))

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `NotAuthenticated` for what cannot be one of ours."""
        if not SHAPE.fullmatch(text):
            raise NotAuthenticated("The refresh token is not valid")
        raw = base64.urlsafe_b64decode(text + "==")
        return cls(raw[:HALF], raw[HALF:])

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.family + self.secret).rstrip(b"=").decode()

    def successor(self) -> Self:
        """The same each time, so that whoever lost the answer, and asks again, gets the same answer."""
        return type(self)(self.family, hmac.digest(_key, self.family + self.secret, hashlib.sha256))

    @property
    def family_hash(self) -> bytes:
        return hashlib.sha256(self.family).digest()

    @property
    def secret_hash(self) -> bytes:
        return hashlib.sha256(self.secret).digest()


class BrowserToken(RefreshToken):
    """What the cookie of a browser holds: it stays the same for as long as its session lasts.

    The hash of its second half is that of no refresh token, so neither is good in the place of the other.
    """

    @property
    def secret_hash(self) -> bytes:
        return hashlib.sha256(b"browser " + self.secret).digest()
