"""Pictures, made anew from what is to be seen in them: all else that a file may hold stays behind."""

from collections.abc import Iterator
from typing import IO, Any

from PIL import Image, ImageOps

from app.media.kind import Kind
from app.media.refused import Refused

MAX_PIXELS = 40_000_000
"""In one picture. Looked at before anything is decoded."""

MAX_FRAMES = 300
"""In an animation; together they have no more pixels than one picture may have."""

THUMBNAIL = 480
"""Pixels of the longer side."""

SAVED: dict[Kind, dict[str, Any]] = {
    Kind.jpeg: {"quality": 90},
    Kind.png: {},
    Kind.webp: {"quality": 85},
    Kind.gif: {},
}
PLAIN = {"L", "RGB"}

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises at twice that; up to there it would only warn


def clean(source: IO[bytes], target: IO[bytes], kind: Kind) -> tuple[int, int]:
    """Writes the picture, upright and without what was hidden in it; answers its width and height.

    It keeps its colour profile, and nothing else that is not seen: no place, no camera, no comment, no bytes after its
    end. An animation keeps its frames; an animated PNG, which many programs do not know, its first.
    """
    with _opened(source, kind) as image:
        frames = _frames(image) if kind in (Kind.gif, Kind.webp) else 1
        if frames > 1:
            return _clean_animation(image, target, kind, frames)
        upright = ImageOps.exif_transpose(image)
        if kind is Kind.jpeg and upright.mode not in PLAIN:
            upright = upright.convert("RGB")
        profile = image.info.get("icc_profile") if upright.mode == image.mode else None
        _bare(upright).save(target, kind.name, icc_profile=profile, **SAVED[kind])
        return upright.size


def thumbnail(source: IO[bytes], target: IO[bytes], kind: Kind) -> tuple[int, int]:
    """Writes a small WebP of a clean picture, of its first frame."""
    with _opened(source, kind) as image:
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))  # of a JPEG, no more is decoded than that takes
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        _bare(small).save(target, "WEBP", quality=80)
        return small.size


def _opened(source: IO[bytes], kind: Kind) -> Image.Image:
    image = Image.open(source, formats=(kind.name,))
    if image.width * image.height > MAX_PIXELS:
        raise Refused(f"A picture has at most {MAX_PIXELS:,} pixels")
    return image


def _frames(image: Image.Image) -> int:
    count = 0
    for count in range(1, MAX_FRAMES + 2):
        try:
            image.seek(count)
        except EOFError:
            break
    if count > MAX_FRAMES or count * image.width * image.height > MAX_PIXELS:
        raise Refused(f"An animation has at most {MAX_FRAMES} frames, of {MAX_PIXELS:,} pixels in all")
    image.seek(0)
    return count


def _clean_animation(image: Image.Image, target: IO[bytes], kind: Kind, count: int) -> tuple[int, int]:
    durations: list[int] = []
    loop = image.info.get("loop")

    def frames() -> Iterator[Image.Image]:
        for number in range(count):
            image.seek(number)
            image.load()
            durations.append(int(image.info.get("duration", 100)))
            yield _bare(image.copy())

    first, *rest = frames()
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    first.save(target, kind.name, save_all=True, append_images=rest, duration=durations, **options, **SAVED[kind])
    return first.size


def _bare(image: Image.Image) -> Image.Image:
    """Some formats are saved with whatever is here: comments, positions, a profile."""
    image.info = {name: value for name, value in image.info.items() if name == "transparency"}
    return image
