"""Posts: what is uploaded, what becomes of it, and who may do what with it."""

import errno
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import compress, crc32

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import crud
from app.core.config import settings
from app.core.errors import Conflict
from app.db.session import WriteSessions
from app.jobs.runner import run_due
from app.media.kind import thumbnail_of
from app.models import Job, Post, Recipe, User
from app.schemas.recipe import RecipeCreate
from app.storage import choosing, orphans
from app.storage.local import LocalStorage
from tests.api.test_recipes import SOUP, assert_problem
from tests.conftest import as_user
from tests.support.clock import Clock
from tests.support.media import box, element, mp4, opened, picture, webm

PATH = "/api/v1/posts"

Keys = Callable[[], list[str]]
Send = Callable[..., Response]

KINDS = {
    "image/jpeg": (picture("JPEG"), "jpg", (60, 40)),
    "image/png": (picture("PNG"), "png", (60, 40)),
    "image/webp": (picture("WEBP"), "webp", (60, 40)),
    "image/gif": (picture("GIF"), "gif", (60, 40)),
    "video/mp4": (mp4(), "mp4", (320, 240)),
    "video/webm": (webm(), "webm", (None, None)),
}


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """A storage of the test's own; answers what is in it."""
    kept = LocalStorage(tmp_path / "posts")
    monkeypatch.setattr(choosing, "make", lambda: kept)
    choosing.storage.cache_clear()
    yield lambda: [one.key for one in kept.all()]
    choosing.storage.cache_clear()


@pytest.fixture
def send(client: TestClient, user: User) -> Send:
    def send(content: bytes = picture(), name: str = "soup.jpg", **fields: Any) -> Response:
        headers = {**as_user(user), **fields.pop("headers", {})}
        data = {"caption": "Pea soup with mint", **fields}
        return client.post(PATH, files={"file": (name, content, "text/plain")}, data=data, headers=headers)

    return send


@pytest.fixture
def recipe(session: Session, user: User) -> Recipe:
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    session.commit()
    return recipe


# Create


@pytest.mark.parametrize("media_type", KINDS)
def test_post_is_found_and_its_file_handed_out(
    client: TestClient, send: Send, user: User, keys: Keys, media_type: str
) -> None:
    content, ending, (width, height) = KINDS[media_type]
    made = send(content)
    assert made.status_code == 201, made.text
    post = made.json()
    assert post | {"caption": "Pea soup with mint", "owner_id": user.id, "recipe_id": None} == post
    assert post | {"media_type": media_type, "width": width, "height": height, "thumbnail_url": None} == post
    assert client.get(made.headers["Location"]).json() == post
    assert client.get(PATH).json()["items"] == [post]

    found = client.get(post["url"])
    assert (found.status_code, found.headers["Content-Type"], len(found.content)) == (200, media_type, post["size"])
    assert keys() == [post["url"].rpartition("/")[2]]
    assert post["url"].endswith(f".{ending}")


def test_post_of_a_recipe_is_found_by_it(client: TestClient, send: Send, recipe: Recipe) -> None:
    made = send(recipe_id=str(recipe.id)).json()
    assert made["recipe_id"] == recipe.id
    send()
    assert client.get(f"{PATH}?recipe_id={recipe.id}").json()["items"] == [made]
    assert client.get(f"{PATH}?q=mint&sort=-size").json()["items"]


def test_key_is_random_and_nothing_of_the_name_is_kept(send: Send, session: Session) -> None:
    first, second = send(name="../../etc/passwd").json(), send(name="../../etc/passwd").json()
    assert first["url"] != second["url"]
    assert "passwd" not in str(session.execute(select(Post.__table__)).all())


def test_same_idempotency_key_makes_one_post_and_one_file(send: Send, keys: Keys) -> None:
    first, again = (send(headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(keys()) == 1
    assert_problem(send(picture("PNG"), headers={"Idempotency-Key": "one"}), 422)
    assert len(keys()) == 1


# Thumbnails


def test_thumbnail_is_made_in_the_background(client: TestClient, send: Send, keys: Keys) -> None:
    made = send(picture("PNG", (1000, 500), "RGBA")).json()
    run_due()
    post = client.get(f"{PATH}/{made['id']}").json()
    small = client.get(post["thumbnail_url"])
    assert (small.headers["Content-Type"], opened(small.content).size) == ("image/webp", (480, 240))
    assert len(keys()) == 2


def test_video_has_no_thumbnail(client: TestClient, send: Send, session: Session) -> None:
    made = send(mp4()).json()
    run_due()
    assert client.get(f"{PATH}/{made['id']}").json()["thumbnail_url"] is None
    assert session.scalars(select(Job)).all() == []


# Change and remove


def test_caption_can_be_changed_and_the_file_cannot(client: TestClient, send: Send, user: User) -> None:
    made = send().json()
    changed = client.patch(f"{PATH}/{made['id']}", json={"caption": "With cream"}, headers=as_user(user)).json()
    assert (changed["caption"], changed["url"]) == ("With cream", made["url"])
    for field in ("url", "key", "owner_id", "media_type"):
        answer = client.patch(f"{PATH}/{made['id']}", json={field: "x"}, headers=as_user(user))
        assert_problem(answer, 422, f"/{field}")


def test_files_go_after_the_post(client: TestClient, send: Send, user: User, keys: Keys) -> None:
    made = send().json()
    run_due()
    assert len(keys()) == 2
    assert client.delete(f"{PATH}/{made['id']}", headers=as_user(user)).status_code == 204
    assert len(keys()) == 2, "not before it is committed"
    run_due()
    assert keys() == []
    assert client.get(made["url"]).status_code == 404


def test_post_that_was_not_removed_keeps_its_file(
    client: TestClient, send: Send, make_user: Callable[..., User], keys: Keys
) -> None:
    made = send().json()
    assert client.delete(f"{PATH}/{made['id']}", headers=as_user(make_user("eve"))).status_code == 403
    run_due()
    assert client.get(made["url"]).status_code == 200


def test_post_outlives_its_recipe(client: TestClient, send: Send, session: Session, recipe: Recipe) -> None:
    made = send(recipe_id=str(recipe.id)).json()
    session.delete(session.get_one(Recipe, recipe.id))
    session.commit()
    assert client.get(f"{PATH}/{made['id']}").json()["recipe_id"] is None


# What is wrong


def test_all_that_is_wrong_is_told_and_nothing_is_left(client: TestClient, user: User, keys: Keys) -> None:
    answer = client.post(PATH, files={"other": b"x"}, data={"recipe_id": "x"}, headers=as_user(user))
    assert_problem(answer, 422, "/file", "/caption", "/recipe_id", "/other")
    assert keys() == []


def test_unknown_recipe_is_refused_and_nothing_is_left(send: Send, keys: Keys) -> None:
    answer = send(recipe_id="999999")
    assert answer.status_code in (409, 422), answer.text
    assert keys() == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
        (b"<!doctype html><script>alert(1)</script>", 415),
        (b"%PDF-1.4", 415),
        (b"PK\x03\x04", 415),
        (b"GIF89a/*" + b" " * 50 + b"*/=alert(1)", 422),
        (picture()[:200], 422),
        (mp4(brand=b"heic"), 422),
        (mp4(b"PK\x03\x04 something else behind it"), 422),
        (mp4()[:-3], 422),
        (webm(doc_type=b"matroska"), 422),
        (webm() + b"<html>", 422),
    ],
    ids=["empty", "svg", "html", "pdf", "zip", "gif-js", "half", "heic", "mp4-zip", "half-mp4", "mkv", "webm-html"],
)
def test_what_is_not_taken_is_refused(send: Send, keys: Keys, content: bytes, status: int) -> None:
    assert_problem(send(content, "soup.jpg"), status)
    assert keys() == []


def test_larger_file_than_allowed_is_refused(send: Send, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "MAX_UPLOAD_SIZE", 1024)
    assert_problem(send(picture("PNG", (300, 300)) + bytes(2000)), 413)
    assert_problem(send(bytes(2_000_000)), 413)
    assert keys() == []


def test_other_body_than_a_form_is_refused(client: TestClient, user: User) -> None:
    assert_problem(client.post(PATH, json={"caption": "x"}, headers=as_user(user)), 415)


def test_who_is_not_signed_in_is_told_before_the_file_is_read(client: TestClient) -> None:
    answer = client.post(PATH, files={"file": b"x" * 2_000_000}, data={"caption": "x"})
    assert_problem(answer, 401)


# What is hidden in a file


def test_picture_is_kept_upright_and_without_what_is_hidden_in_it(client: TestClient, send: Send) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "A camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = picture("JPEG", (60, 40), exif=exif, comment=b"a note", icc_profile=profile)
    made = send(content + b"PK\x03\x04 a zip behind it").json()
    kept = client.get(made["url"]).content
    image = opened(kept)
    assert (image.size, image.info["icc_profile"]) == ((40, 60), profile)
    assert image.tobytes()[2] > 200, "what was left is on top now"
    assert dict(image.getexif()) == {}
    for hidden in (b"A camera", b"a note", b"a zip", b"Exif"):
        assert hidden not in kept


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_polyglot_is_only_a_picture_afterwards(client: TestClient, send: Send, format: str) -> None:
    info = PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>", zip=False)
    content = picture(format, pnginfo=info) if format == "PNG" else picture(format)
    made = send(content + b"<html><script>alert(1)</script>", "soup.html").json()
    found = client.get(made["url"])
    assert b"script" not in found.content
    assert opened(found.content).size == (60, 40)
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_animation_keeps_its_frames_and_their_time(client: TestClient, send: Send, format: str) -> None:
    frames = [Image.new("RGB", (50, 50), (shade, 0, 0)) for shade in range(0, 250, 50)]
    content = picture(format, (50, 50), save_all=True, append_images=frames, duration=200, loop=0)
    kept = opened(client.get(send(content).json()["url"]).content)
    assert (getattr(kept, "n_frames", 1), kept.info["duration"], kept.info["loop"]) == (6, 200, 0)


def test_video_says_no_more_where_and_with_what_it_was_made(client: TestClient, send: Send) -> None:
    place = b"+52.5200+013.4050/"
    said = box(b"udta", box(b"\xa9xyz", place), box(b"loci", place))
    content = mp4(box(b"uuid", place), in_moov=said + box(b"meta", place))
    kept = client.get(send(content).json()["url"]).content
    assert len(kept) == len(content)
    assert place not in kept
    assert b"frames" in kept

    content = webm(element(0x1254C367, place * 10), element(0x1941A469, place * 10), length=b"\x01" + b"\xff" * 7)
    kept = client.get(send(content).json()["url"]).content
    assert len(kept) == len(content)
    assert place not in kept


# Hostile forms and pictures


def form(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + end


CAPTION = b'name="caption"\r\n\r\nSoup'
FILE = b'name="file"; filename="a.jpg"\r\n\r\n' + picture()


# Starlette leaves it to the garbage collector to close a file whose end did not come.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (form(CAPTION, FILE), 201),
        (form(CAPTION, b'name="file"; filename="' + "\u00fc\u4e16".encode() + b'.jpg"\r\n\r\n' + picture()), 201),
        (form(CAPTION, b'name="file"; filename="..\\..\\a\x00b\'\\"c"\r\n\r\n' + picture()), 201),
        (form(CAPTION, b'name="file"; filename="' + b"a" * 10_000 + b'"\r\n\r\n' + picture()), 400),
        (form(*[b'name="a"\r\n\r\nb'] * 10_000), 400),
        (form(CAPTION, FILE, FILE), 400),
        (form(CAPTION, FILE, end=b""), 422),
        (form(CAPTION) + FILE, 422),
        (form(CAPTION, b'filename="a"\r\n\r\nx'), 400),
        (form(CAPTION, b'name="file"\r\n\r\nno file'), 422),
        (form(b'name="caption"\r\n\r\nS\x00oup', FILE), 422),
        (form(b'name="caption"\r\n\r\n' + b"S" * 9000, FILE), 400),
        (form(b'name="caption"; filename="x"\r\n\r\nSoup', b'name="file"\r\n\r\nx'), 422),
        (b"", 422),
        (b"no form", 400),
    ],
    ids=[
        *("good", "unicode-name", "odd-name", "long-name", "10000-parts", "two-files", "no-end", "junk", "no-name"),
        *("text-as-file", "nul", "long-caption", "caption-as-file", "empty", "no-form"),
    ],
)
def test_any_form_is_answered(client: TestClient, user: User, keys: Keys, body: bytes, status: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", **as_user(user)}
    answer = client.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    if status != 201:
        assert_problem(answer, status)
    assert len(keys()) == (status == 201)


@pytest.mark.parametrize(
    "media_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 1000,
        "multipart/form-data; boundary=x; charset=idna",
        "multipart/form-data; boundary=x; charset=zlib",
    ],
)
def test_odd_content_type_is_no_failure_of_ours(client: TestClient, user: User, media_type: str) -> None:
    answer = client.post(PATH, content=form(CAPTION, FILE), headers={"Content-Type": media_type, **as_user(user)})
    assert answer.status_code in (201, 400, 422), answer.text


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + crc32(kind + content).to_bytes(4, "big")


def bomb(width: int, height: int) -> bytes:
    """A PNG of so many pixels, in a few kilobytes."""
    rows = compress(bytes(10_000_000), 9)
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG with 100 MB of text in it, in 100 kB."""
    good = picture("PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + compress(bytes(100_000_000), 9))
    return good[:33] + text + good[33:]


@pytest.mark.parametrize(
    "content",
    [
        bomb(50_000, 50_000),
        bomb(6_400, 6_400),
        picture("GIF", (16, 16), save_all=True, append_images=[Image.new("1", (16, 16), n % 2) for n in range(2_000)]),
        text_bomb(),
    ],
    ids=["large-png", "png-of-less", "many-frames", "text"],
)
def test_bomb_is_refused(send: Send, keys: Keys, content: bytes) -> None:
    assert len(content) < 2_000_000
    assert_problem(send(content), 422)
    assert keys() == []


def test_picture_that_its_reader_warns_of_is_taken(send: Send) -> None:
    """Pillow does, of one that is large, and of an animation that has no frame."""
    large, good = picture("PNG", (5_000, 4_200), "1"), picture("PNG")
    no_animation = good[:33] + chunk(b"acTL", bytes(8)) + good[33:]
    assert [send(content).status_code for content in (large, no_animation)] == [201, 201]


# Ranges (RFC 9110, section 14)


@pytest.fixture
def url(send: Send) -> str:
    url: str = send(mp4(box(b"mdat", bytes(1000)))).json()["url"]
    return url


def test_ranges_are_served(client: TestClient, url: str) -> None:
    whole = client.get(url)
    size = len(whole.content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for asked, start, end in (
        ("0-9", 0, 9),
        ("10-", 10, size - 1),
        ("-5", size - 5, size - 1),
        ("0-99999", 0, size - 1),
    ):
        part = client.get(url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, whole.content[start : end + 1])
        assert part.headers["Content-Range"] == f"bytes {start}-{end}/{size}"


SENSELESS = ["lines=0-9", "bytes=9-0", "bytes=x-y", "bytes=", "bytes", "bytes=0-1,4-5"]


@pytest.mark.parametrize("asked", [*SENSELESS, "bytes=" + "0-0," * 5000, "bytes=" + "9" * 5000 + "-"])
def test_range_that_makes_no_sense_is_ignored(client: TestClient, url: str, asked: str) -> None:
    answer = client.get(url, headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, int(answer.headers["Content-Length"]))


def test_range_behind_the_end_is_a_problem(client: TestClient, url: str) -> None:
    answer = client.get(url, headers={"Range": "bytes=99999-"})
    assert_problem(answer, 416)
    assert answer.headers["Content-Range"].startswith("bytes */")


def test_file_is_kept_for_good_and_asked_for_by_its_tag(client: TestClient, url: str) -> None:
    whole = client.get(url)
    tag = whole.headers["ETag"]
    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(url, headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    assert client.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsecrets.json", "%00", "a.jpg", "0" * 32 + ".svg", "0" * 32 + ".jpg", "0" * 5000]
)
def test_nothing_else_is_handed_out(client: TestClient, name: str) -> None:
    assert client.get(f"/media/{name}").status_code == 404


# What is left behind


def old(path: Path) -> None:
    os.utime(path, (0, 0))


def test_sweep_deletes_old_files_without_a_row_and_tells_of_rows_without_a_file(
    send: Send, tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lost = send().json(), send().json()
    run_due()
    names = [one["url"].rpartition("/")[2] for one in (kept, lost)]
    directory = tmp_path / "posts"
    for name in ("f" * 32 + ".jpg", "0" * 32 + "-480.webp", "a" * 32 + ".jpg.1234.part"):
        path = directory / name[:2] / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        old(path)
    young = directory / "ee" / ("e" * 32 + ".jpg")
    young.parent.mkdir(exist_ok=True)
    young.write_bytes(b"x")
    for path in directory.glob(f"*/{names[0][:32]}*"):
        old(path)
    (directory / names[1][:2] / names[1]).unlink()
    with WriteSessions.begin() as session:
        session.execute(update(Post).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))

    told: list[str] = []
    monkeypatch.setattr(orphans.log, "error", lambda *_, key: told.append(key), raising=False)
    assert orphans.sweep() == 3
    assert {*keys()} == {names[0], thumbnail_of(names[0]), thumbnail_of(names[1]), young.name}
    assert told == [names[1]]


def test_sweep_looks_at_many_in_parts(send: Send, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orphans, "AT_ONCE", 2)
    for _ in range(4):
        send()
    run_due()
    before = keys()
    for path in (tmp_path / "posts").glob("*/*"):
        old(path)
    assert orphans.sweep() == 0
    assert keys() == before


def test_file_that_goes_while_all_are_listed_is_left_out(send: Send, tmp_path: Path) -> None:
    for _ in range(2):
        send()
    listed = LocalStorage(tmp_path / "posts").all()
    first = next(listed)
    for path in (tmp_path / "posts").glob("*/*"):
        if path.name != first.key:
            path.unlink()
    assert list(listed) == []


def test_failed_row_takes_its_file_along(send: Send, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Conflict("It could not be written")

    monkeypatch.setattr(crud.post, "publish", fail)
    assert_problem(send(), 409)
    assert keys() == []


@pytest.mark.parametrize(("error", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 503)])
def test_disk_that_fails_is_a_problem_and_leaves_nothing(
    send: Send, keys: Keys, monkeypatch: pytest.MonkeyPatch, error: int, status: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(error, "no")

    monkeypatch.setattr(os, "fsync", fail)
    assert_problem(send(), status)
    assert keys() == []


def test_uploads_are_limited(client: TestClient, user: User, limits: Clock) -> None:
    headers = as_user(user)
    for _ in range(60):
        assert client.post(PATH, json={}, headers=headers).status_code == 415
    answer = client.post(PATH, json={}, headers=headers)
    assert_problem(answer, 429)
    assert answer.headers["Retry-After"]
