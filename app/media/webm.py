"""WebM (RFC 8794 and 9559): elements within elements, each with its name and its length before it.

What is said of a video, its tags and what is attached to it, becomes `Void` elements of zeros. No other byte moves, so
no index in the file has to be made anew.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app.media.refused import Refused

HEADER, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT, CLUSTER, TRACKS = 0x18538067, 0x1F43B675, 0x1654AE6B
TAGS, ATTACHMENTS, CHAPTERS, VOID = 0x1254C367, 0x1941A469, 0x1043A770, 0xEC
TALKATIVE = {TAGS, ATTACHMENTS, CHAPTERS, VOID}

MAX_ELEMENTS = 500_000
ZEROS = bytes(64 * 1024)


@dataclass(frozen=True, slots=True)
class Element:
    name: int
    start: int
    content: int
    end: int | None
    """None where it does not say: the recording went on while it was written."""


def clean(file: IO[bytes]) -> None:
    """Changes the file where it is."""
    size = file.seek(0, os.SEEK_END)
    names: set[int] = set()
    for count, element in enumerate(_elements(file, size)):
        if count > MAX_ELEMENTS:
            raise Refused("The video is in too many pieces")
        if count == 0 and not _is_webm(file, element):
            raise Refused("This is no WebM video")
        names.add(element.name)
        if element.name in TALKATIVE and element.end is not None:
            _blank(file, element, element.end)
    if not {HEADER, SEGMENT, TRACKS} <= names:
        raise Refused("This is no WebM video")


def _elements(file: IO[bytes], size: int) -> Iterator[Element]:
    """All on the first levels. What is in a cluster is looked at only where the cluster does not say its length."""
    start = 0
    while start < size:
        file.seek(start)
        name, _ = _number(file, keep_marker=True)
        length, is_unknown = _number(file, keep_marker=False)
        content = file.tell()
        end = None if is_unknown else content + length
        if (end is None and name not in (SEGMENT, CLUSTER)) or (end or 0) > size:
            raise Refused("The video is damaged: one of its parts has a wrong length")
        if name == SEGMENT and end not in (None, size):
            raise Refused("There is something behind the end of the video")
        yield Element(name, start, content, end)
        start = content if name == SEGMENT or end is None else end


def _number(file: IO[bytes], *, keep_marker: bool) -> tuple[int, bool]:
    """A number of variable length (RFC 8794, section 4), and whether it stands for an unknown one."""
    first = file.read(1)
    if not first or not first[0]:
        raise Refused("The video is damaged")
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        raise Refused("The video is damaged: it ends too early")
    value = int.from_bytes(first + rest)
    bits = value & ((1 << 7 * length) - 1)
    return (value if keep_marker else bits), bits == (1 << 7 * length) - 1


def _is_webm(file: IO[bytes], header: Element) -> bool:
    file.seek(header.content)
    said = file.read(min((header.end or header.content) - header.content, 256))
    return header.name == HEADER and DOC_TYPE.to_bytes(2) + b"\x84webm" in said


def _blank(file: IO[bytes], element: Element, end: int) -> None:
    """A `Void` of the same length: its name takes one byte, so that its own length may take eight."""
    whole = end - element.start
    digits = min(whole - 1, 8)
    file.seek(element.start)
    file.write(VOID.to_bytes() + ((whole - 1 - digits) | 1 << 7 * digits).to_bytes(digits))
    rest = whole - 1 - digits
    for place in range(0, rest, len(ZEROS)):
        file.write(ZEROS[: rest - place])
