"""The pages as they go over the wire; how a browser takes them is in test_browser.py."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from app import crud
from app.db import session as database
from app.models import Recipe
from app.pages.recipe import LAST_PAGE, PAGE_SIZE

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def shelve(session: Session) -> Callable[..., Recipe]:
    """Puts a recipe on the shelf, past all rules for new ones."""

    def shelve(label: str, source: str = "Grandmother", url: str = "https://example.com/soup") -> Recipe:
        recipe = Recipe(label=label, source=source, url=url)
        session.add(recipe)
        session.commit()
        return recipe

    return shelve


def labels(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return [unescape(label) for label in re.findall(r"<h2><a [^>]*>(.*?)</a></h2>", response.text)]


def link(response: Response, relation: str) -> str | None:
    found = re.search(rf'<a href="([^"]*)" rel="{relation}">', response.text)
    return unescape(found[1]) if found else None


def assert_error_page(response: Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<p>{status}</p>" in response.text
    assert 'href="/"' in response.text


# The list


def test_newest_recipes_come_first(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    for label in ("Pea soup", "Bread"):
        shelve(label)
    page = client.get("/", headers=BROWSER)
    assert labels(page) == ["Bread", "Pea soup"]
    assert "2 recipes, newest first" in page.text


def test_recipe_shows_its_source_and_leads_there(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    recipe = shelve("Pea soup", "Grandmother & Co", "https://example.com/?a=1&b=2")
    for path in ("/", f"/recipes/{recipe.id}"):
        page = client.get(path).text
        assert f'href="/recipes/{recipe.id}"' in page or path != "/"
        assert 'href="https://example.com/?a=1&amp;b=2" rel="external nofollow noopener"' in page
        assert "Grandmother &amp; Co" in page


def test_pages_lead_to_each_other(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    for number in range(2 * PAGE_SIZE + 1):
        shelve(f"Soup {number}")
    first = client.get("/?q=soup")
    second = client.get(str(link(first, "next")))
    third = client.get(str(link(second, "next")))
    assert labels(first) + labels(second) + labels(third) == [f"Soup {n}" for n in reversed(range(2 * PAGE_SIZE + 1))]
    assert "Recipes 25 to 48, newest first" in second.text
    assert (link(first, "prev"), link(third, "next")) == (None, None)
    assert (link(second, "prev"), link(third, "prev")) == ("/?q=soup&page=1", "/?q=soup&page=2")


def test_search_knows_no_case(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    shelve("Famous Chicken Française")
    shelve("Bread")
    for q in ("FRANÇAISE", "française", " chicken  française ", "Grandmother famous"):
        assert labels(client.get("/", params={"q": q})) == ["Famous Chicken Française"], q


def test_search_takes_every_character_as_itself(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    for label in ("100% rye & <b>salt</b>", "100 g of rye"):
        shelve(label)
    for q in ("100%", "rye &", "<b>"):
        page = client.get("/", params={"q": q})
        assert labels(page) == ["100% rye & <b>salt</b>"], q
        assert "<b>" not in page.text


@pytest.mark.parametrize("query", ["q=", "q=+++", "q=&page=1", "utm_source=letter"])
def test_nothing_to_search_for_shows_all(client: TestClient, shelve: Callable[..., Recipe], query: str) -> None:
    shelve("Bread")
    assert labels(client.get(f"/?{query}", headers=BROWSER)) == ["Bread"]


def test_empty_larder_says_so(client: TestClient) -> None:
    page = client.get("/")
    assert labels(page) == []
    assert "The shelves are still empty" in page.text


def test_search_without_a_match_says_so(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    shelve("Bread")
    page = client.get('/?q="><script>alert(1)</script>')
    assert labels(page) == []
    assert "No jar has that on its label" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=b%0Aread",
        f"q={'x' * 101}",
        "page=",
        "page=-1",
        "page=0",
        "page=1.5",
        f"page={LAST_PAGE + 1}",
        f"page={10**30}",
        f"page={'9' * 5000}",
        "page=%00",
    ],
)
def test_junk_is_refused_on_a_page(client: TestClient, query: str) -> None:
    page = client.get(f"/?{query}", headers=BROWSER)
    assert_error_page(page, 422)
    assert f"<code>query/{query.partition('=')[0]}</code>" in page.text


@pytest.mark.parametrize("q", ["%", "_", "\\", "'", '"', "\ufffd", "%ED%A0%80", "😀", "ß", "a" * 100])
def test_any_text_can_be_searched_for(client: TestClient, q: str) -> None:
    assert labels(client.get("/", params={"q": q}, headers=BROWSER)) == []


def test_page_past_the_end_is_not_there(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    shelve("Bread")
    assert_error_page(client.get("/?page=2", headers=BROWSER), 404)


def test_last_page_leads_no_further(
    client: TestClient, shelve: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(PAGE_SIZE + 1):
        shelve(f"Soup {number}")
    monkeypatch.setattr("app.pages.recipe.LAST_PAGE", 1)
    assert link(client.get("/"), "next") is None


# What somebody may have brought


def test_labels_are_text(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    recipe = shelve("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", 'https://example.com/"onclick="')
    for path in ("/", f"/recipes/{recipe.id}"):
        page = client.get(path).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        for dangerous in ("<script>", "<img src=x", '"onclick'):
            assert dangerous not in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//x.example"])
def test_only_web_addresses_become_links(client: TestClient, shelve: Callable[..., Recipe], url: str) -> None:
    recipe = shelve("Bread", "Baker", url)
    for path in ("/", f"/recipes/{recipe.id}"):
        page = client.get(path).text
        assert "Baker" in page
        assert not re.search(r"href=.?\s*(javascript|data|//)", page)


# One recipe


def test_recipe_has_a_page(client: TestClient, shelve: Callable[..., Recipe]) -> None:
    recipe = shelve("Pea soup")
    page = client.get(f"/recipes/{recipe.id}", headers=BROWSER)
    assert page.status_code == 200
    assert "<h1>Pea soup</h1>" in page.text
    assert "<title>Pea soup · Larder</title>" in page.text
    assert f'href="/api/v1/recipes/{recipe.id}"' in page.text
    assert f'datetime="{recipe.created_at.isoformat()}"' in page.text


def test_missing_recipe_is_a_page_for_a_browser_and_a_problem_for_a_program(client: TestClient) -> None:
    page = client.get("/recipes/1", headers=BROWSER)
    assert_error_page(page, 404)
    assert "There is no such recipe." in page.text
    answer = client.get("/recipes/1", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    # The API never answers with a page.
    answer = client.get("/api/v1/recipes/1", headers=BROWSER)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("id", "status"), [("0", 422), ("-1", 422), (10**30, 422), ("%00", 404), ("x", 404), ("1/2", 404)]
)
def test_there_is_no_such_recipe(client: TestClient, id: object, status: int) -> None:
    assert_error_page(client.get(f"/recipes/{id}", headers=BROWSER), status)


# When something is wrong


def test_wrong_method_is_told_the_right_ones(client: TestClient) -> None:
    page = client.post("/", headers=BROWSER)
    assert_error_page(page, 405)
    assert page.headers["Allow"] == "GET, HEAD"


def test_defect_shows_its_request_id_and_nothing_else(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("SELECT secret")

    monkeypatch.setattr(crud.recipe, "get_multi", fail)
    page = client.get("/", headers=BROWSER)
    assert_error_page(page, 500)
    assert f"<code>{page.headers['X-Request-ID']}</code>" in page.text
    assert "secret" not in page.text


def test_page_says_when_the_database_is_down(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = database.make_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    monkeypatch.setitem(database.ReadSessions.kw, "bind", nowhere)
    page = client.get("/", headers=BROWSER)
    assert_error_page(page, 503)
    assert page.headers["Retry-After"] == "1"
    assert page.headers["X-Request-ID"] in page.text


# What goes with a page


@pytest.mark.parametrize("path", ["/", "/nothing", "/docs", "/redoc"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    get, head = client.get(path, headers=BROWSER), client.head(path, headers=BROWSER)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("Content-Type", "Content-Security-Policy"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/", "/?q=zzz", "/nothing"])
def test_pages_run_no_script_and_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    page = client.get(path, headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script|<style|style=|\bon\w+=|src=\"http|@import", page.text)


@pytest.mark.parametrize(("path", "tool"), [("/docs", "swagger-ui-bundle.js"), ("/redoc", "redoc.standalone.js")])
def test_docs_load_what_they_need_from_here(client: TestClient, path: str, tool: str) -> None:
    page = client.get(path, headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert not re.search(r"<script(?! src=)|(src|href)=\"(?!/)", page.text)
    addresses = re.findall(r'(?:src|href)="(/static/[^"]*)"', page.text)
    assert any(tool in address for address in addresses)
    for address in addresses:
        assert client.get(address).status_code == 200
    schema = re.search(r'data-schema="([^"]*)"', page.text)
    assert schema
    assert client.get(schema[1]).json()["openapi"]


def test_assets_may_be_kept_for_good_under_the_name_of_their_content(client: TestClient) -> None:
    address = re.search(r'<link rel="stylesheet" href="([^"]*)">', client.get("/").text)
    assert address
    style = client.get(address[1])
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(style.content) < 10_000
    for other in ("/static/style.css", "/static/style.css?v=0123456789abcdef"):
        assert client.get(other).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["", "nothing.css", "favicon.png", "../main.py", "..%2fmain.py", "%00", ".env"])
def test_only_known_files_are_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404
