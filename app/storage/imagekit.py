"""Files at ImageKit, by its SDK. Browsers get them from there."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

import httpx
import structlog
from imagekitio import APIError, ImageKit
from imagekitio.types import File

from app.core.config import Settings
from app.core.errors import NotFound, Unavailable
from app.core.media_url import FOLDER, media_url
from app.storage.disk import told
from app.storage.storage import Kept

log = structlog.get_logger()

PAGE = 1000
PATIENCE = 20.0
"""Seconds for each step of an exchange."""


class ImageKitStorage:
    """It knows a file by a number of its own, for which it is asked by name when a file is to go."""

    def __init__(self, settings: Settings) -> None:
        self._api = ImageKit(
            private_key=settings.IMAGEKIT_PRIVATE_KEY.get_secret_value(),
            base_url=settings.IMAGEKIT_API_URL or None,
            timeout=PATIENCE,
            max_retries=1,
        )

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        file.seek(0)
        with _told():
            self._api.files.upload(
                file=(key, file, media_type),
                file_name=key,
                folder=FOLDER,
                use_unique_file_name=False,
                overwrite_file=True,
            )

    @contextmanager
    def open(self, key: str) -> Generator[IO[bytes]]:
        with tempfile.TemporaryFile() as file:
            # As it was sent, and not as ImageKit would make it for a browser.
            address, as_sent = media_url(key), {"tr": "orig-true"}
            with _told(), told(), httpx.stream("GET", address, params=as_sent, timeout=PATIENCE) as answer:
                if answer.status_code == 404:
                    raise NotFound("There is no such file")
                answer.raise_for_status()
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                file.seek(0)
            yield file

    def delete(self, key: str) -> None:
        with _told():
            for found in self._api.assets.list(search_query=f'name = "{key}"', limit=PAGE):
                if isinstance(found, File) and found.name == key and found.file_id:
                    self._api.files.delete(found.file_id)

    def lend(self, key: str) -> str:
        return media_url(key)

    def all(self) -> Iterator[Kept]:
        skip = 0
        with _told():
            while page := self._api.assets.list(path=FOLDER, type="file", sort="ASC_NAME", limit=PAGE, skip=skip):
                for one in page:
                    if isinstance(one, File) and one.name:
                        yield Kept(one.name, one.created_at or datetime.now(UTC))
                skip += len(page)


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except (APIError, httpx.HTTPError) as error:
        log.error("storage failed", error=type(error).__name__)
        raise Unavailable("Files cannot be kept or read right now") from error
