"""Files in a bucket of S3, or of whatever speaks its protocol."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.core.config import Settings
from app.core.errors import NotFound, Unavailable
from app.storage.disk import told
from app.storage.storage import Kept

log = structlog.get_logger()

LENT = timedelta(hours=1)
"""How long an address is good."""

PATIENCE = timedelta(seconds=10)


class S3Storage:
    """Browsers get files from the bucket itself, by addresses that are good for an hour: no file goes through here."""

    def __init__(self, settings: Settings) -> None:
        self._store = S3Store(
            settings.S3_BUCKET,
            prefix="posts",
            endpoint=settings.s3_endpoint,
            region=settings.S3_REGION,
            access_key_id=settings.S3_ACCESS_KEY_ID,
            secret_access_key=settings.S3_SECRET_ACCESS_KEY.get_secret_value(),
            client_options={"allow_http": settings.s3_endpoint.startswith("http:"), "connect_timeout": PATIENCE},
            retry_config={"max_retries": 2, "retry_timeout": PATIENCE},
        )

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        attributes = {
            "Content-Type": media_type,
            "Content-Disposition": "inline",
            "Cache-Control": "public, max-age=31536000, immutable",
        }
        file.seek(0)
        with _told():
            obstore.put(self._store, key, file, attributes=attributes, max_concurrency=2)

    @contextmanager
    def open(self, key: str) -> Generator[IO[bytes]]:
        with tempfile.TemporaryFile() as file:
            with _told(), told():
                for chunk in obstore.get(self._store, key):
                    file.write(chunk)
                file.seek(0)
            yield file

    def delete(self, key: str) -> None:
        with _told():
            obstore.delete(self._store, key)

    def all(self) -> Iterator[Kept]:
        with _told():
            for page in obstore.list(self._store, chunk_size=1000):  # pyright: ignore[reportUnknownMemberType]
                for one in page:
                    yield Kept(one["path"].rpartition("/")[2], one["last_modified"])

    def lend(self, key: str) -> str:
        """Asks nobody: what is signed is signed here."""
        return obstore.sign(self._store, "GET", key, LENT)


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There is no such file") from error
    except BaseError as error:
        log.error("storage failed", error=type(error).__name__)
        raise Unavailable("Files cannot be kept or read right now") from error
