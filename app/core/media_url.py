"""Where browsers find a stored file."""

from urllib.parse import urlsplit

from app.core.config import Storage, settings

MEDIA = "/media"
FOLDER = "/posts"
"""At ImageKit."""


def media_url(key: str) -> str:
    """A reference (RFC 3986), relative where the service itself hands the file out or knows who does."""
    if settings.STORAGE is Storage.imagekit:
        return f"{settings.IMAGEKIT_URL_ENDPOINT.rstrip('/')}{FOLDER}/{key}"
    return f"{MEDIA}/{key}"


def media_origin() -> str | None:
    """Where else than here pages get files from, for their Content-Security-Policy."""
    if settings.STORAGE is Storage.imagekit:
        return _origin(settings.IMAGEKIT_URL_ENDPOINT)
    if settings.STORAGE is Storage.s3:
        return _origin(settings.s3_endpoint)
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
