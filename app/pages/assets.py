"""The files that pages are made of, each at an address that changes with its content."""

from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from fastapi import Response

from app.api.routing import Router
from app.core.errors import NotFound

OWN = Path(__file__).parent.parent / "static"
BUNDLED = Path(str(files("fastapi_offline"))) / "static"
SWAGGER_AND_REDOC = ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js")

# Redoc asks a CDN for its maker's logo. It leaves out what it cannot load.
LOGO, NO_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"data:,"

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

router = Router("/static", include_in_schema=False)


class Asset:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.media_type = guess_type(path)[0]
        self.version = blake2b(self._read(), digest_size=8).hexdigest()

    @cached_property
    def content(self) -> bytes:
        """Read again when it is first asked for: those of the documentation are three megabytes, and few see them."""
        return self._read()

    def _read(self) -> bytes:
        return self.path.read_bytes().replace(LOGO, NO_LOGO)


# What is not in here is not served, whatever the path says.
ASSETS = {path.name: Asset(path) for path in (*OWN.iterdir(), *(BUNDLED / name for name in SWAGGER_AND_REDOC))}


def address(name: str) -> str:
    """Where a browser finds this very version of the file, and may keep it for good."""
    return f"/static/{name}?v={ASSETS[name].version}"


@router.get("/{name}")
async def asset(name: str, v: str = "") -> Response:
    if name not in ASSETS:
        raise NotFound("There is no such file")
    found = ASSETS[name]
    # Another version was asked for during a deployment: this one must not be kept under its name.
    caching = FOR_GOOD if v == found.version else ASK_AGAIN
    return Response(found.content, headers={"Cache-Control": caching}, media_type=found.media_type)
