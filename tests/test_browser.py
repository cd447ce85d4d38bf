"""The pages in a real browser, against the service as production runs it."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect, sync_playwright

from tests.conftest import migrate
from tests.support.openid import CLIENT_ID, SECRET, OpenIDServer
from tests.support.reddit import serving
from tests.support.service import Service, prestart
from tests.support.totp import App

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
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def larder(browser: Browser, data: Path) -> Iterator[str]:
    """The address of a full larder."""
    settings: dict[str, Any] = {
        "DATABASE_URL": f"sqlite:///{data}/larder.db",
        "DATA_DIR": data,
        "JOB_THREADS": 1,
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
        assert [one for one in complaints if "the server responded with a status of 40" not in one] == []


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

    order = [tab() for _ in range(9)]
    newest = "Chiles en Nogada (Mexican Stuffed Poblano Peppers in Walnut Sauce)"
    assert order[:5] == ["Skip to the content", "Larder", "Try the API", "Reference", "Sign in"]
    assert order[5:7] == ["q", "Search"]
    assert order[7] == newest
    assert order[8].startswith("Allrecipes")


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
    page.get_by_role("textbox", name="username:").fill(EMAIL)
    page.get_by_role("textbox", name="password:").fill(PASSWORD)
    page.locator("label[for^='account:read-password-checkbox']").click()
    with page.expect_request("**/auth/login") as login:
        page.get_by_role("button", name="Apply given OAuth2 credentials").click()
    assert "&scope=account%3Aread&" in f"&{login.value.post_data}&"
    expect(page.get_by_role("button", name="Remove authorization")).to_be_visible()
    page.get_by_role("button", name="Close").first.click()
    operation = page.locator("#operations-auth-auth_me")
    operation.get_by_role("button", name="/api/v1/auth/me").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table").get_by_text(EMAIL)).to_be_visible()
    page.get_by_role("link", name="Back to the larder").click()
    expect(page).to_have_url(f"{larder}/")


@pytest.mark.slow
def test_redoc_shows_and_searches_the_operations(page: Page, larder: str) -> None:
    page.goto(f"{larder}/redoc")
    expect(page.get_by_role("heading", name="Signup")).to_be_visible()
    page.get_by_placeholder("Search...").type("ideas")  # answers from a worker
    expect(page.get_by_role("search").get_by_role("menuitem").first).to_be_visible()


# Accounts


def send(page: Page, **fields: str) -> None:
    """Fills in the form of the page and sends it, as the keyboard does."""
    for name, value in fields.items():
        page.locator(f"#{name}").fill(value)
    page.locator("main form button").first.click()


def newest_link(data: Path, page_name: str) -> str:
    """That of the newest mail with a link to this page, once there is one that was not read before."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in sorted((data / "mail").glob("*"), reverse=True):
            found = re.search(rf"http://[^\s<\"]+/{page_name}\?token=[\w.-]+", mail_text(path))
            if found:
                path.unlink()
                return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no mail with a link to {page_name}")


def mail_text(path: Path) -> str:
    part = message_from_bytes(path.read_bytes(), EmailMessage, policy=default).get_body(("plain",))
    return part.get_content() if part else ""


def test_account_from_beginning_to_end_without_javascript(browser: Browser, larder: str, data: Path) -> None:
    first, second, third = "the first long sentence", "the second long sentence", "the third long sentence"
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(larder)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("link", name="Sign up").click()
        send(page, email="ann@example.com", password="Password1234")
        expect(page.locator("#password")).to_be_focused()
        expect(page.locator("#password")).to_have_accessible_description(re.compile("one of the most common passwords"))
        send(page, password=first)
        expect(page.get_by_role("status")).to_contain_text("Your account is there.")

        page.goto(newest_link(data, "verify-email"))
        page.get_by_role("button", name="It is mine").click()
        expect(page.get_by_role("status")).to_have_text("Your e-mail is confirmed.")
        send(page, username="ann@example.com", password="not this one")
        expect(page.get_by_role("alert")).to_be_focused()
        send(page, password=first)
        expect(page).to_have_url(f"{larder}/account")
        expect(page.get_by_text("Chrome on Linux this one")).to_be_visible()
        [cookie] = context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("larder", True, "Lax")

        page.get_by_role("link", name="Change your password").click()
        send(page, current_password=first, password=second)
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You are signed out.")
        assert context.cookies() == []
        page.goto(f"{larder}/account/email")
        expect(page).to_have_url(f"{larder}/login?next=/account/email")

        page.get_by_role("link", name="I have forgotten my password").click()
        send(page, email="ann@example.com")
        page.goto(newest_link(data, "reset-password"))
        send(page, password=third)
        expect(page.get_by_role("status")).to_contain_text("Your new password counts")
        send(page, username="ann@example.com", password=third)
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


@pytest.mark.slow
def test_second_factor_and_keys_in_a_browser(page: Page, larder: str) -> None:
    page.goto(f"{larder}/login?next=/account/second-factor")
    send(page, username=EMAIL, password=PASSWORD)
    send(page, current_password=PASSWORD)
    image = page.get_by_role("img", name="A QR code")
    assert image.evaluate("it => it.complete && it.naturalWidth") > 20  # the policy lets it in
    assert_accessible(page)
    phone = App(page.locator("main p > code").inner_text())
    send(page, code=phone.code())
    expect(page.get_by_role("listitem")).to_have_count(10)
    recovery_code = page.get_by_role("listitem").first.inner_text()
    assert_accessible(page)

    page.goto(f"{larder}/account/keys")
    assert_accessible(page)
    send(page, name="The scales")
    expect(page.locator(".codes code")).to_have_text(re.compile("^larder_"))
    for path in ("/account", "/account/events"):
        page.goto(larder + path)
        assert_accessible(page)

    page.goto(f"{larder}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    send(page, username=EMAIL, password=PASSWORD)
    assert_accessible(page)
    send(page, code=recovery_code)
    page.goto(f"{larder}/account/second-factor/remove")
    send(page, code=phone.code(1))
    expect(page.get_by_role("status")).to_contain_text("not asked for codes any more")


def test_comment_is_written_edited_and_removed_without_javascript(browser: Browser, larder: str) -> None:
    """While somebody with JavaScript watches."""
    with browser.new_context(java_script_enabled=False) as context, browser.new_page() as watching:
        page = context.new_page()
        page.goto(f"{larder}/recipes/2")
        page.get_by_role("link", name="Sign in").last.click()
        send(page, username=EMAIL, password=PASSWORD)
        expect(page).to_have_url(f"{larder}/recipes/2")
        page.get_by_label("Your comment").fill("With mint,\n<b>or</b> without.")
        page.get_by_role("button", name="Comment", exact=True).click()
        expect(page).to_have_url(f"{larder}/recipes/2#comments")
        expect(page.get_by_text("With mint, <b>or</b> without.")).to_be_visible()
        watching.goto(f"{larder}/recipes/2")
        page.get_by_role("link", name="Edit this comment").click()
        expect(page.get_by_label("Your comment")).to_have_value("With mint,\n<b>or</b> without.")
        page.get_by_label("Your comment").fill("With <i>thyme</i>.")
        page.get_by_role("button", name="Save").click()
        expect(page).to_have_url(re.compile(f"^{larder}/recipes/2#comment-"))
        for one in (page, watching):
            expect(one.locator("#comments .text")).to_have_text("With <i>thyme</i>.")
        page.get_by_role("button", name="Remove this comment").click()
        expect(page.get_by_text("Nobody has said anything yet.")).to_be_visible()


def test_comments_and_their_form_are_accessible(browser: Browser, larder: str) -> None:
    with browser.new_context(viewport={"width": 320, "height": 600}) as context:
        page = context.new_page()
        page.goto(f"{larder}/login?next=/recipes/3")
        send(page, username=EMAIL, password=PASSWORD)
        page.get_by_label("Your comment").fill("x" * 200)
        page.get_by_role("button", name="Comment", exact=True).click()
        expect(page.get_by_role("button", name="Remove this comment")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert_accessible(page)
        page.get_by_role("link", name="Edit this comment").click()
        page.evaluate("document.querySelector('[name=version]').value = 7")  # as if it had been changed meanwhile
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_be_focused()
        page.set_viewport_size({"width": 320, "height": 600})
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert_accessible(page)
        page.get_by_role("button", name="Save").click()
        page.evaluate("document.querySelector('.comments form').noValidate = true")
        page.get_by_role("button", name="Comment", exact=True).click()
        expect(page.get_by_label("Your comment")).to_be_focused()
        assert_accessible(page)


FORMS = ["/login", "/signup", "/reset-password", "/verify-email"]


@pytest.mark.parametrize("path", FORMS)
def test_forms_and_their_problems_are_accessible(browser: Browser, larder: str, path: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(larder + path)
        page.set_viewport_size({"width": 320, "height": 600})
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        # As if the browser had not looked itself.
        page.evaluate("document.querySelector('main form').noValidate = true")
        page.locator("main form button").click()
        expect(page.locator("main [aria-invalid]").first).to_be_focused()
        assert_accessible(page)


def test_account_fits_a_phone_and_shows_where_the_keyboard_is(page: Page, larder: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{larder}/login")
    send(page, username=EMAIL, password=PASSWORD)
    for name in ("", "/password", "/email", "/second-factor", "/keys", "/events"):
        page.goto(f"{larder}/account{name}")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        stops = page.locator("a[href], button, main input:not([type=hidden])").count()
        for _ in range(stops):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
            expect(focused).to_be_in_viewport()


def test_identity_is_linked_without_javascript(browser: Browser) -> None:
    """The policy of the page lets no form lead to another site, and the browser gets there all the same."""
    with tempfile.TemporaryDirectory() as directory, serving(OpenIDServer()) as provider:
        settings: dict[str, Any] = {
            "DATABASE_URL": f"sqlite:///{directory}/larder.db",
            "FIRST_SUPERUSER_EMAIL": EMAIL,
            "FIRST_SUPERUSER_PASSWORD": PASSWORD,
        }
        prestart(**settings).check_returncode()
        oidc = {"OIDC_ISSUER": provider.url, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": SECRET}
        service = Service(**settings, **oidc)
        service.settings["PUBLIC_URL"] = service.url

        def ask(route: Route) -> None:
            back = urlencode(provider.authorize(route.request.url, sub="7"))
            link = f"<a href='{service.url}/login/callback?{escape(back)}'>I am seven</a>"
            route.fulfill(content_type="text/html", body=link)

        with service, browser.new_context(java_script_enabled=False) as context:
            page = context.new_page()
            page.route(f"{provider.url}/authorize?*", ask)
            page.goto(f"{service.url}/login?next=/account/identities")
            send(page, username=EMAIL, password=PASSWORD)
            send(page, current_password=PASSWORD)
            page.get_by_role("link", name="I am seven").click()
            expect(page.get_by_role("status")).to_have_text("The identity opens your account from now on.")
            expect(page.get_by_text("as 7, since")).to_be_visible()


def test_page_of_another_site_can_send_no_form(browser: Browser, larder: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{larder}/login")
        send(page, username=EMAIL, password=PASSWORD)
        expect(page).to_have_url(f"{larder}/account")
        action = f"{larder}/account/sessions/end"
        form = f"<form method=post action={action}><button>Win a prize</button></form>"
        page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
        page.goto("http://evil.example/")
        with page.expect_response(action) as answer:
            page.get_by_role("button").click()
        assert answer.value.status == 403
        page.goto(f"{larder}/account")
        expect(page).to_have_url(f"{larder}/account")


def test_comment_appears_on_the_page_of_another_visitor(page: Page, browser: Browser, larder: str) -> None:
    """As it is written, as text, and gone when it is taken back."""
    page.goto(f"{larder}/recipes/1")
    expect(page.get_by_text("Nobody has said anything yet.")).to_be_visible()
    token = httpx2.post(f"{larder}/api/v1/auth/login", data={"username": EMAIL, "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    texts = ["<script>document.title = 'x'</script><img src=x onerror=alert(1)>", "With mint\nit is even better."]
    made = [httpx2.post(f"{larder}/api/v1/recipes/1/comments", json={"text": text}, headers=headers) for text in texts]
    entries = page.locator("#comments ol.said > li")
    expect(entries).to_have_count(2)
    assert [one.inner_text() for one in entries.locator(".text").all()] == texts[::-1]
    assert page.title() != "x"
    shown = entries.first.locator("p.aside").inner_text()
    assert_accessible(page)

    newest = f"{larder}/api/v1/recipes/1/comments/{made[1].json()['id']}"
    httpx2.patch(newest, json={"text": "With thyme"}, headers=headers).raise_for_status()
    expect(entries.first.locator(".text")).to_have_text("With thyme")
    page.reload()
    expect(entries).to_have_count(2)
    assert entries.first.locator("p.aside").inner_text() == shown, "the script writes as the page does"
    httpx2.delete(newest, headers=headers).raise_for_status()
    expect(entries).to_have_count(1)
