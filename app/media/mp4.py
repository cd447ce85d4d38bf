"""MP4 (ISO/IEC 14496-12): boxes within boxes, each with its length and its type before it.

What says where and with what a video was made stands in boxes of its own. They become `free` ones, of zeros: no other
byte moves, so no table in the file has to be made anew.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app.media.refused import Refused

BRANDS = {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash"}
"""Of which a video names one or more; pictures in the same format (HEIC, AVIF) name others."""

TALKATIVE = {b"udta", b"meta", b"uuid", b"free", b"skip", b"wide"}
"""They hold names, places (©xyz, loci), makers, notes, or anything; a player needs none of them."""

ENTERED = {b"moov", b"trak", b"moof", b"traf"}

MAX_BOXES = 100_000
ZEROS = bytes(64 * 1024)


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    """Where its length stands."""
    content: int
    end: int


def clean(file: IO[bytes]) -> tuple[int, int] | None:
    """Changes the file where it is; answers the width and height of the picture, if it says so."""
    size = file.seek(0, os.SEEK_END)
    kinds: set[bytes] = set()
    shown: tuple[int, int] | None = None
    for count, box in enumerate(_boxes(file, 0, size)):
        if count > MAX_BOXES:
            raise Refused("The video is in too many pieces")
        if count == 0 and not _brands(file, box) & BRANDS:
            raise Refused("This is no MP4 video")
        kinds.add(box.kind)
        if box.kind in TALKATIVE:
            _blank(file, box)
        elif box.kind == b"tkhd":
            shown = max(shown or (0, 0), _size_of_track(file, box))
    if not {b"ftyp", b"moov"} <= kinds:
        raise Refused("This is no MP4 video")
    return shown if shown and all(shown) else None


def _boxes(file: IO[bytes], start: int, end: int, depth: int = 0) -> Iterator[Box]:
    while start < end:
        file.seek(start)
        length, kind = struct.unpack(">I4s", _read(file, 8))
        content = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", _read(file, 8))
            content += 8
        elif length == 0 and depth == 0:  # to the end of the file
            length = end - start
        if not content <= start + length <= end:
            raise Refused("The video is damaged: one of its parts has a wrong length")
        box = Box(kind, start, content, start + length)
        yield box
        if kind in ENTERED:
            if depth == 3:
                raise Refused("The video is damaged: its parts are nested too deeply")
            yield from _boxes(file, content, box.end, depth + 1)
        start = box.end


def _read(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise Refused("The video is damaged: it ends too early")
    return data


def _brands(file: IO[bytes], box: Box) -> set[bytes]:
    file.seek(box.content)
    data = file.read(min(box.end - box.content, 1024))
    return {data[:4], *(data[place : place + 4] for place in range(8, len(data), 4))}


def _blank(file: IO[bytes], box: Box) -> None:
    file.seek(box.start + 4)
    file.write(b"free")
    file.seek(box.content)
    for place in range(box.content, box.end, len(ZEROS)):
        file.write(ZEROS[: box.end - place])


def _size_of_track(file: IO[bytes], box: Box) -> tuple[int, int]:
    """The last two numbers of a track header, with 16 bits after the point."""
    file.seek(max(box.end - 8, box.content))
    width, height = struct.unpack(">II", _read(file, 8))
    return width >> 16, height >> 16
