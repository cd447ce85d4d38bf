"""Pictures and videos for tests, as small as they can be."""

import io
import struct
from typing import Any

from PIL import Image


def picture(format: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any) -> bytes:
    """Half red, half blue."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.convert(mode).save(file, format, **options)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4(*more: bytes, brand: bytes = b"isom", in_moov: bytes = b"") -> bytes:
    """Of 320 by 240 pixels, and without a frame."""
    track = box(b"trak", box(b"tkhd", bytes(76) + struct.pack(">II", 320 << 16, 240 << 16)))
    moov = box(b"moov", box(b"mvhd", bytes(100)), track, in_moov)
    return box(b"ftyp", brand + bytes(4) + brand) + moov + box(b"mdat", b"frames") + b"".join(more)


def element(name: int, content: bytes = b"", length: bytes | None = None) -> bytes:
    digits = (name.bit_length() + 7) // 8
    return name.to_bytes(digits, "big") + (length or (len(content) | 1 << 28).to_bytes(4, "big")) + content


def webm(*more: bytes, doc_type: bytes = b"webm", length: bytes | None = None) -> bytes:
    """Without a frame."""
    header = element(0x1A45DFA3, b"\x42\x82" + bytes([0x80 | len(doc_type)]) + doc_type)
    tracks, cluster = element(0x1654AE6B, b"\0"), element(0x1F43B675, b"\xe7\x81\x00")
    return header + element(0x18538067, tracks + cluster + b"".join(more), length)
