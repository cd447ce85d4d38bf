"""Posts on the page of their recipe, and the form that adds them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app import crud
from app.jobs.runner import run_due
from app.models import Recipe, User
from app.schemas.recipe import RecipeCreate
from app.storage import choosing
from app.storage.local import LocalStorage
from tests.api.test_recipes import SOUP
from tests.conftest import PASSWORD
from tests.support.media import mp4, picture

FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    kept = LocalStorage(tmp_path / "posts")
    monkeypatch.setattr(choosing, "make", lambda: kept)
    choosing.storage.cache_clear()
    yield lambda: [one.key for one in kept.all()]
    choosing.storage.cache_clear()


@pytest.fixture
def recipe(session: Session, user: User) -> Recipe:
    recipe = crud.recipe.create(session, RecipeCreate.model_validate(SOUP), user)
    session.commit()
    return recipe


@pytest.fixture
def browser(client: TestClient, user: User) -> Iterator[TestClient]:
    client.post("/login", data={"username": user.email, "password": PASSWORD}, headers=FROM_HERE)
    yield client
    client.cookies.clear()


def send(browser: TestClient, recipe: Recipe, content: bytes, caption: str, **headers: str) -> int:
    answer = browser.post(
        f"/recipes/{recipe.id}/posts",
        files={"file": ("a", content)},
        data={"caption": caption},
        headers={"Accept": "text/html", **(headers or FROM_HERE)},
        follow_redirects=False,
    )
    return answer.status_code


def test_posts_are_on_the_page_of_their_recipe(browser: TestClient, recipe: Recipe) -> None:
    assert send(browser, recipe, picture(), "<b>Soup</b>") == 303
    assert send(browser, recipe, mp4(), "A film") == 303
    run_due()
    found = browser.get(f"/recipes/{recipe.id}")
    assert 'alt="&lt;b&gt;Soup&lt;/b&gt;"' in found.text
    assert "-480.webp" in found.text
    assert "<video src=" in found.text
    assert "media-src 'self'" in found.headers["Content-Security-Policy"]


def test_form_tells_what_is_wrong_with_it(browser: TestClient, recipe: Recipe, keys: Callable[[], list[str]]) -> None:
    where = f"/recipes/{recipe.id}/posts"
    assert "multipart/form-data" in browser.get(where).text
    headers = {"Accept": "text/html", **FROM_HERE}
    answer = browser.post(where, files={"file": ("a", b"no picture")}, data={"caption": "Soup"}, headers=headers)
    assert answer.status_code == 415
    assert "pictures" in answer.text
    assert 'value="Soup"' in answer.text
    answer = browser.post(where, files={"file": ("a", picture())}, headers=headers)
    assert answer.status_code == 422
    assert "Caption is missing" in answer.text
    assert keys() == []


def test_form_of_another_site_is_refused(browser: TestClient, recipe: Recipe, keys: Callable[[], list[str]]) -> None:
    assert send(browser, recipe, picture(), "Soup", **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert keys() == []


def test_who_is_not_signed_in_is_sent_to_sign_in(client: TestClient, recipe: Recipe) -> None:
    answer = client.get(f"/recipes/{recipe.id}/posts", follow_redirects=False)
    assert answer.headers["Location"] == f"/login?next=/recipes/{recipe.id}/posts"
    assert send(client, recipe, picture(), "Soup") == 303
    assert client.get("/api/v1/posts").json()["items"] == []
