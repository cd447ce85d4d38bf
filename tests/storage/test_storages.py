"""The three storages keep the same promises."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.core.config import Settings, settings
from app.core.errors import NotFound, Unavailable
from app.media.kind import new_key, thumbnail_of
from app.storage import Storage
from app.storage.imagekit import ImageKitStorage
from app.storage.local import LocalStorage
from app.storage.s3 import S3Storage
from tests.support import free_port
from tests.support.imagekit import PRIVATE_KEY, imagekit_server
from tests.support.moto_server import moto_server

LARGE = bytes(range(256)) * 4096 * 12
"""12 MiB, more than one part of an upload in parts."""


def with_s3(url: str) -> Settings:
    given = {"S3_BUCKET": "larder", "S3_ENDPOINT_URL": url, "S3_ACCESS_KEY_ID": "x", "S3_SECRET_ACCESS_KEY": "x"}
    return Settings.model_validate({**settings.model_dump(), "STORAGE": "s3", **given})


def with_imagekit(url: str) -> Settings:
    given = {"IMAGEKIT_PRIVATE_KEY": PRIVATE_KEY, "IMAGEKIT_URL_ENDPOINT": f"{url}/files", "IMAGEKIT_API_URL": url}
    return Settings.model_validate({**settings.model_dump(), "STORAGE": "imagekit", **given})


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(params=["local", "s3", "imagekit"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    if request.param == "local":
        yield LocalStorage(tmp_path)
    elif request.param == "s3":
        yield S3Storage(with_s3(request.getfixturevalue("moto")))
    else:
        with imagekit_server() as url:
            chosen = with_imagekit(url)
            monkeypatch.setattr("app.core.media_url.settings", chosen)
            yield ImageKitStorage(chosen)


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


def test_what_was_put_is_there_until_it_is_deleted(storage: Storage) -> None:
    key = new_key("image/jpeg")
    for content in (b"first", LARGE):
        storage.put(key, io.BytesIO(content), "image/jpeg")
        assert read(storage, key) == content
    assert key in [one.key for one in storage.all()]
    storage.delete(key)
    storage.delete(key)  # nothing is wrong when there is none
    assert key not in [one.key for one in storage.all()]
    with pytest.raises(NotFound):
        read(storage, key)


def test_all_are_listed_in_the_order_of_their_keys(storage: Storage) -> None:
    keys = [new_key("image/png") for _ in range(5)]
    keys += [thumbnail_of(key) for key in keys[:2]]
    for key in keys:
        storage.put(key, io.BytesIO(b"x"), "image/png")
    assert [one.key for one in storage.all()] == sorted(keys)
    for key in keys:
        storage.delete(key)


def test_address_that_s3_lends_is_good_without_a_key(moto: str) -> None:
    storage, key = S3Storage(with_s3(moto)), new_key("image/png")
    storage.put(key, io.BytesIO(b"content"), "image/png")
    found = httpx2.get(storage.lend(key))
    assert (found.content, found.headers["Content-Type"]) == (b"content", "image/png")
    assert httpx2.get(storage.lend(key), headers={"Range": "bytes=0-2"}).content == b"con"
    storage.delete(key)


@pytest.mark.parametrize("kind", ["s3", "imagekit"])
def test_storage_that_is_away_is_told_in_time(kind: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    away: Storage = S3Storage(with_s3(url)) if kind == "s3" else ImageKitStorage(with_imagekit(url))
    with pytest.raises(Unavailable):
        away.put(new_key("image/png"), io.BytesIO(b"x"), "image/png")
    with pytest.raises(Unavailable):
        away.delete(new_key("image/png"))
    with pytest.raises(Unavailable):
        list(away.all())
