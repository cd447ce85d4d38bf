"""A file in the body of a request, on its way to the disk and not to memory."""

import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from app.api.allowance import allow
from app.core.config import settings
from app.core.errors import BadRequest, UnsupportedMediaType
from app.transfer.formats import Format

IN_MEMORY = 1024 * 1024
MEDIA_TYPES = {
    "text/csv": Format.csv,
    "application/jsonl": Format.jsonl,
    "application/x-ndjson": Format.jsonl,
}


@dataclass(frozen=True, slots=True)
class Upload:
    format: Format
    file: IO[bytes]


async def receive_upload(request: Request) -> AsyncGenerator[Upload]:
    """The body as a file, gone with the request; up to MAX_IMPORT_SIZE bytes and for up to IMPORT_TIMEOUT seconds."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"The Content-Type has to be one of {', '.join(MEDIA_TYPES)}")
    allow(request, settings.MAX_IMPORT_SIZE, settings.IMPORT_TIMEOUT)
    digest = hashlib.sha256()
    with SpooledTemporaryFile[bytes](IN_MEMORY) as file:
        try:
            async for chunk in request.stream():
                digest.update(chunk)
                file.write(chunk)
        except ClientDisconnect:
            raise BadRequest("The body ended before it was whole") from None  # nobody is there to read this
        file.seek(0)
        request.state.digest = digest.digest()
        yield Upload(MEDIA_TYPES[media_type], file)


UploadDep = Annotated[Upload, Depends(receive_upload)]
