"""What machines sign in with: `larder_`, 256 random bits, and a checksum by which a scanner for secrets knows it."""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Self

from app.core.errors import NotAuthenticated

PREFIX = "larder_"
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
LENGTH = 43
"""Of the random part: 62 ** 43 is more than 2 ** 256."""
CHECKSUM_LENGTH = 6
SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    text: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        random = "".join(secrets.choice(DIGITS) for _ in range(LENGTH))
        return cls(f"{PREFIX}{random}{_checksum(random)}")

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `NotAuthenticated` for what cannot be one of ours."""
        random, checksum = text[len(PREFIX) : -CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
        if not SHAPE.fullmatch(text) or checksum != _checksum(random):
            raise NotAuthenticated("The key is not valid")
        return cls(text)

    @property
    def hint(self) -> str:
        """As much of it as may be shown again, so that its owner knows it."""
        return self.text[: len(PREFIX) + 4]

    @property
    def hash(self) -> bytes:
        """SHA-256: random bits need no slow one."""
        return hashlib.sha256(self.text.encode()).digest()


def _checksum(random: str) -> str:
    """The CRC-32 of the random part, in base 62."""
    rest, digits = zlib.crc32(random.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
