"""Where files are made harmless: a process for each, bounded in memory and time, that knows nothing of this service."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal

from app.core.errors import InsufficientStorage, Invalid, Unavailable, UnsupportedMediaType

ROOT = Path(__file__).parent.parent.parent
SECONDS = 60
"""By the clock."""

TAKEN = "JPEG, PNG, WebP and GIF pictures, MP4 and WebM videos are taken"


@dataclass(frozen=True, slots=True)
class Worked:
    """What came out; `file` is the caller's to close."""

    file: IO[bytes]
    media_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    source_sha256: str


def work(task: Literal["clean", "thumbnail"], source: IO[bytes]) -> Worked:
    """Raises `UnsupportedMediaType`, `Invalid`, `InsufficientStorage`, or `Unavailable` when it was killed."""
    target = TemporaryFile()  # noqa: SIM115 - closed by whom it is given to
    try:
        return Worked(target, **_said(task, source, target))
    except BaseException:
        target.close()
        raise


def _said(task: str, source: IO[bytes], target: IO[bytes]) -> dict[str, Any]:
    source.seek(0)
    command = [sys.executable, "-E", "-s", "-m", "app.media", task]
    try:
        # An empty environment, since secrets are in it.
        done = subprocess.run(  # noqa: S603 - a command of its own
            command, stdin=source, stdout=target, stderr=subprocess.PIPE, cwd=ROOT, env={}, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Invalid("The file takes too long to read") from None
    try:
        said: dict[str, Any] = json.loads(done.stderr)
    except ValueError:
        if done.returncode < 0:  # by its own bound on time, or by the system for want of memory
            raise Invalid("The file takes too much to read") from None
        raise Unavailable("The file could not be read here") from None
    if "unknown" in said:
        raise UnsupportedMediaType(TAKEN)
    if "full" in said:
        raise InsufficientStorage("There is no room left for files")
    if "refused" in said:
        raise Invalid(said["refused"])
    return said
