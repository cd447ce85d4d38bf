"""The storage of the settings, made when it is first asked for: what it takes is imported by whom it serves."""

from functools import cache

from app.core import config
from app.core.config import settings
from app.storage.storage import Storage


@cache
def storage() -> Storage:
    return make()


def make() -> Storage:
    if settings.STORAGE is config.Storage.s3:
        from app.storage.s3 import S3Storage  # noqa: PLC0415

        return S3Storage(settings)
    if settings.STORAGE is config.Storage.imagekit:
        from app.storage.imagekit import ImageKitStorage  # noqa: PLC0415

        return ImageKitStorage(settings)
    from app.storage.local import LocalStorage  # noqa: PLC0415

    return LocalStorage(settings.DATA_DIR / "posts")
