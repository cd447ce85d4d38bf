"""The pages in a real browser, against the service as production runs it."""

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.conftest import migrate
from tests.support.service import Service, prestart

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = [
    "--no-sandbox",  # which does not work for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}

EMAIL, PASSWORD = "cook@example.com", "only for the browser"

# Of https://www.allrecipes.com/recipe/; with the three of the seed they fill more than a page.
RECIPES = {
    "76931/apple-cranberry-crostada": "Apple-Cranberry Crostada",
    "228683/delicious-cinnamon-baked-apples": "Delicious Cinnamon Baked Apples",
    "22917/easy-apple-crisp-with-pie-filling": "Easy Apple Crisp with Pie Filling",
    "231288/debbies-amazing-apple-bread": "Debbie's Amazing Apple Bread",
    "229892/amazing-apple-butter": "Amazing Apple Butter",
    "228810/apple-jelly": "Apple Jelly",
    "7436/dried-cherry-cake": "Dried Cherry Cake",
    "222647/black-forest-cheesecakes": "Black Forest Cheesecakes",
    "228559/zuries-fresh-fig-compote-over-cream-cheese": "Zurie's Fresh Fig Compote Over Cream Cheese",
    "215044/watermelon-feta-salad": "Watermelon Feta Salad",
    "233795/chef-johns-watermelon-agua-fresca": "Chef John's Watermelon Agua Fresca",
    "263781/raspberry-jam-without-pectin": "Raspberry Jam without Pectin",
    "197751/refreshing-cucumber-lemonade": "Refreshing Cucumber Lemonade",
    "241994/baked-peaches-n-cream": "Baked Peaches 'n Cream",
    "93779/rustic-autumn-fruit-tart": "Rustic Autumn Fruit Tart",
    "189936/curried-butternut-squash-and-pear-soup": "Curried Butternut Squash and Pear Soup",
    "23222/plum-pudding-sauce": "Plum Pudding Sauce",
    "46818/ponche-de-frutas-fruit-punch": "Ponche de Frutas (Fruit Punch)",
    "258360/salmon-with-pomegranate-glaze": "Salmon with Pomegranate Glaze",
    "11479/sweet-persimmon-fireside-cookies": "Sweet Persimmon Fireside Cookies",
    "148889/sauteed-swiss-chard-with-parmesan-cheese": "Sautéed Swiss Chard with Parmesan Cheese",
    "136145/philadelphia-fruit-pizza": "PHILADELPHIA® Fruit Pizza",
    "15181/famous-chicken-francaise": "Famous Chicken Française",
    "259373/chiles-en-nogada-mexican-stuffed-poblano-peppers-in-walnut-sauce": (
        "Chiles en Nogada (Mexican Stuffed Poblano Peppers in Walnut Sauce)"
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("the pages in a browser: no Chromium on the PATH, nor named by CHROMIUM")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS) as browser,
    ):
        yield browser


@pytest.fixture(scope="module")
def larder(browser: Browser) -> Iterator[str]:
    """The address of a full larder."""
    with tempfile.TemporaryDirectory() as directory:
        settings = {
            "DATABASE_URL": f"sqlite:///{directory}/larder.db",
            "FIRST_SUPERUSER_EMAIL": EMAIL,
            "FIRST_SUPERUSER_PASSWORD": PASSWORD,
        }
        prestart(**settings).check_returncode()
        with Service(**settings) as service:
            login = {"username": EMAIL, "password": PASSWORD}
            token = service.client.post("/api/v1/auth/login", data=login).json()["access_token"]
            for path, label in RECIPES.items():
                url = f"https://www.allrecipes.com/recipe/{path}/"
                created = service.client.post(
                    "/api/v1/recipes",
                    json={"label": label, "source": "Allrecipes", "url": url},
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert created.status_code == 201, created.text
            yield service.url


@pytest.fixture(scope="module")
def empty_larder(browser: Browser) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/larder.db"
        migrate(url)
        with Service(DATABASE_URL=url) as service:
            yield service.url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window whose owner has seen nothing yet. It may load nothing but what the service itself serves."""
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        # The browser's own word for a policy that was violated is an error on the console, too.
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda request: _refuse_elsewhere(request.url, complaints))
        yield page
        assert [one for one in complaints if "the server responded with a status of 404" not in one] == []


def _refuse_elsewhere(url: str, complaints: list[str]) -> None:
    if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
        complaints.append(f"request to {url}")


def assert_accessible(page: Page) -> None:
    """By day and by night, on a desk and on a phone."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)
            results = Axe().run(page)
            assert results.violations_count == 0, f"{scheme} {viewport}: {results.generate_report()}"


@pytest.mark.parametrize("path", ["/", "/?page=2", "/?q=apple", "/?q=nothing+like+it", "/recipes/1", "/nothing"])
def test_pages_are_accessible(page: Page, larder: str, path: str) -> None:
    page.goto(larder + path)
    assert_accessible(page)


def test_empty_larder_is_accessible(page: Page, empty_larder: str) -> None:
    page.goto(empty_larder)
    expect(page.get_by_text("The shelves are still empty.")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("path", ["/", "/?q=apple", f"/?q={'x' * 100}", "/recipes/1", "/recipes/27", "/nothing"])
def test_pages_fit_the_narrowest_phone(page: Page, larder: str, path: str) -> None:
    page.set_viewport_size({"width": 320, "height": 600})
    page.goto(larder + path)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_keyboard_reaches_everything_in_reading_order(page: Page, larder: str) -> None:
    page.goto(larder)

    def tab() -> str:
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
        expect(focused).to_be_in_viewport()
        return focused.get_attribute("aria-label") or focused.get_attribute("name") or focused.inner_text()

    order = [tab() for _ in range(8)]
    newest = "Chiles en Nogada (Mexican Stuffed Poblano Peppers in Walnut Sauce)"
    assert order[:4] == ["Skip to the content", "Larder", "Try the API", "Reference"]
    assert order[4:6] == ["q", "Search"]
    assert order[6] == newest
    assert order[7].startswith("Allrecipes")


def test_skip_link_skips(page: Page, larder: str) -> None:
    page.goto(larder)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_visitor_finds_a_recipe_without_javascript(browser: Browser, larder: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(larder)
        expect(page.get_by_role("article")).to_have_count(24)
        page.get_by_role("link", name="Older").click()
        expect(page.get_by_role("article")).to_have_count(3)
        page.get_by_role("searchbox", name="Search for a recipe or its source").fill("FRANÇAISE")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("article")).to_have_count(1)
        # The jar leads to the recipe, wherever it is touched.
        page.get_by_role("article").click(position={"x": 10, "y": 60})
        expect(page.get_by_role("heading", level=1)).to_have_text("Famous Chicken Française")
        source = page.get_by_role("link", name="Read it at Allrecipes")
        expect(source).to_have_attribute("href", "https://www.allrecipes.com/recipe/15181/famous-chicken-francaise/")
        page.get_by_role("link", name="All recipes", exact=True).click()
        expect(page).to_have_url(f"{larder}/")


def test_swagger_signs_in_and_tries_an_operation(page: Page, larder: str) -> None:
    page.goto(f"{larder}/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("username").fill(EMAIL)
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(page.get_by_role("button", name="Remove authorization")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    operation = page.locator("#operations-auth-auth_me")
    operation.get_by_role("button", name="/api/v1/auth/me").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table").get_by_text(EMAIL)).to_be_visible()
    page.get_by_role("link", name="Back to the larder").click()
    expect(page).to_have_url(f"{larder}/")


def test_redoc_shows_and_searches_the_operations(page: Page, larder: str) -> None:
    page.goto(f"{larder}/redoc")
    expect(page.get_by_role("heading", name="Signup")).to_be_visible()
    page.get_by_placeholder("Search...").type("ideas")  # answers from a worker
    expect(page.get_by_role("search").get_by_role("menuitem").first).to_be_visible()
