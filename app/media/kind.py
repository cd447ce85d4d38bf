"""What is taken, told by how it begins. What a client says of a file, its name or its type, counts for nothing."""

import re
import secrets
from enum import StrEnum


class Kind(StrEnum):
    """The value is the media type."""

    jpeg = "image/jpeg"
    png = "image/png"
    webp = "image/webp"
    gif = "image/gif"
    mp4 = "video/mp4"
    webm = "video/webm"

    @property
    def is_picture(self) -> bool:
        return self.startswith("image/")

    @property
    def ending(self) -> str:
        return "jpg" if self is Kind.jpeg else self.name


BEGINNINGS = {
    Kind.jpeg: rb"\xff\xd8\xff",
    Kind.png: rb"\x89PNG\r\n\x1a\n",
    Kind.webp: rb"RIFF....WEBPVP8[ LX]",
    Kind.gif: rb"GIF8[79]a",
    Kind.mp4: rb"\0\0..ftyp",
    Kind.webm: rb"\x1a\x45\xdf\xa3",
}
"""Six signatures at a fixed place, all that is needed here: libraries that know hundreds of formats rank guesses, and
some of theirs begin anywhere. Each kind is then read to its end by what knows it."""

BEGINNING = 16
"""Bytes."""

STEM = 32
"""Characters of a key that are the post's own: its file and its thumbnail begin with the same."""

KEY = re.compile(rf"[0-9a-f]{{{STEM}}}(-480)?\.({'|'.join(kind.ending for kind in Kind)})")


def kind_of(beginning: bytes) -> Kind | None:
    for kind, pattern in BEGINNINGS.items():
        if re.match(pattern, beginning, re.DOTALL):
            return kind
    return None


def new_key(kind: str) -> str:
    """Nobody can guess it, and nothing in it comes from a client."""
    return f"{secrets.token_hex(STEM // 2)}.{Kind(kind).ending}"


def thumbnail_of(key: str) -> str:
    return f"{key[:STEM]}-480.webp"


def kind_of_key(key: str) -> Kind | None:
    """None for what is no key at all."""
    if not KEY.fullmatch(key):
        return None
    ending = key.rpartition(".")[2]
    return next(kind for kind in Kind if kind.ending == ending)
