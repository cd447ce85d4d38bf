"""Reads a file from standard input and writes it to standard output, harmless; on standard error, as JSON, what it is.

    python -m app.media clean < upload > harmless
    python -m app.media thumbnail < harmless > small.webp

It is a process of its own because decoders of pictures need much memory and have had faults: what they take ends with
it, what they may take is bounded, and nothing that is secret is in it.
"""

import errno
import hashlib
import json
import os
import resource
import shutil
import sys
import warnings
from typing import IO, Any

from app.media import mp4, picture, webm
from app.media.kind import BEGINNING, Kind, kind_of
from app.media.refused import Refused

MEMORY = 1024**3
"""Bytes of address space."""
SECONDS = 40
"""Of a processor."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(task: str) -> None:
    warnings.simplefilter("ignore")  # of large or odd pictures: they would stand on standard error before the answer
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    with open(0, "rb", closefd=False) as source, open(1, "w+b", closefd=False) as target:
        try:
            said = _told(task, source, target)
            target.flush()
        except Refused as error:
            said = {"refused": str(error)}
        except OSError as error:
            # Pillow says so too when a file is broken.
            said = {"full": True} if error.errno in NO_ROOM else {"refused": "The file is damaged"}
        except MemoryError:
            said = {"refused": "The file takes too much memory to read"}
        except Exception:  # of decoders, on what was made to break them
            said = {"refused": "The file is damaged"}
    json.dump(said, sys.stderr)


def _told(task: str, source: IO[bytes], target: IO[bytes]) -> dict[str, Any]:
    kind = kind_of(source.read(BEGINNING))
    source.seek(0)
    if kind is None:
        return {"unknown": True}
    if task == "thumbnail":
        size = picture.thumbnail(source, target, kind)
        kind = Kind.webp
    elif kind.is_picture:
        size = picture.clean(source, target, kind)
    else:
        shutil.copyfileobj(source, target)
        size = {Kind.mp4: mp4, Kind.webm: webm}[kind].clean(target)
    target.flush()
    width, height = size or (None, None)
    return {
        "media_type": kind,
        "size": target.seek(0, os.SEEK_END),
        "sha256": _sha256(target),
        "width": width,
        "height": height,
        "source_sha256": _sha256(source),
    }


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


main(sys.argv[1])
