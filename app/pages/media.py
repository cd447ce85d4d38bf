"""The files of posts, where the service itself hands them out."""

from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable

from app.api.routing import Router
from app.core.errors import NotFound
from app.core.media_url import MEDIA
from app.media.kind import Kind, kind_of_key
from app.pages.assets import FOR_GOOD
from app.storage import storage
from app.storage.local import LocalStorage

# It came from a stranger: whatever a browser takes it for, it runs nothing, and any page may show it.
HEADERS = {
    "Cache-Control": FOR_GOOD,
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

LENT = "private, max-age=1800"
"""Less than for how long the address is good that is given on."""

router = Router(MEDIA, include_in_schema=False)


@router.get("/{key}")
async def media(request: Request, key: str) -> Response:
    """A file, or one range of it (RFC 9110, section 14). It never changes, so that who has it need not ask again."""
    kind, kept = kind_of_key(key), storage()
    if kind is None:
        raise NotFound("There is no such file")
    if isinstance(kept, LocalStorage):
        return _file(request, kept.path(key), kind)
    return RedirectResponse(kept.lend(key), 302, {"Cache-Control": LENT})


def _file(request: Request, path: Path, kind: Kind) -> Response:
    if not path.is_file():
        raise NotFound("There is no such file")
    tag = {"ETag": f'"{path.name}"'}
    if tag["ETag"] in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={**tag, "Cache-Control": FOR_GOOD})
    return StoredFile(path, headers={**HEADERS, **tag}, media_type=kind)


class StoredFile(FileResponse):
    """One range at a time: of more, a client gets the whole file, as RFC 9110, section 14.2, lets a server decide."""

    max_ranges = 1

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []  # has to be ignored
        except RangeNotSatisfiable:
            headers = {"Content-Range": f"bytes */{file_size}"}
            raise HTTPException(416, f"The file has {file_size} bytes", headers) from None
