"""Signing up, in and out, and one's own account, as forms go over the wire; see test_browser.py for real browsers."""

import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.api.single_sign_on import get_provider
from app.clients.openid import OpenID
from app.core.config import settings
from app.db.base import utc_now
from app.main import app
from app.models import LinkedIdentity, LoginSession, Recipe, User
from app.pages import html
from tests.api.mailed import Mails, link_in, token_in
from tests.conftest import PASSWORD, as_user
from tests.support.clock import Clock
from tests.support.openid import CLIENT_ID, SECRET, OpenIDServer
from tests.support.reddit import serving
from tests.support.totp import App, Factor, set_up

EMAIL = "ann@example.com"
OTHER = "quite another sentence"
PAGES = [
    "/login",
    "/signup",
    "/reset-password",
    "/verify-email",
    "/account",
    "/account/password",
    "/account/email",
    "/account/events",
    "/account/second-factor",
    "/account/second-factor/recovery-codes",
    "/account/second-factor/remove",
    "/account/keys",
]
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    """Follows no redirect, keeps cookies, and says where its forms come from, as a browser does."""
    headers = {**HTML, "Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    return TestClient(app, headers=headers, follow_redirects=False)


@pytest.fixture
def secure_browser(client: TestClient) -> TestClient:
    headers = {**HTML, "Origin": "https://testserver"}
    return TestClient(app, "https://testserver", headers=headers, follow_redirects=False)


def sign_in(browser: TestClient, email: str = EMAIL, password: str = PASSWORD, path: str = "/login") -> Response:
    return browser.post(path, data={"username": email, "password": password})


def have(browser: TestClient, cookie: str) -> None:
    browser.cookies.clear()
    browser.cookies.set("larder", cookie, domain="testserver.local")


def assert_went_to(response: Response, path: str) -> None:
    assert (response.status_code, response.headers.get("Location")) == (303, path), response.text
    assert response.headers["Cache-Control"] == "no-store"


def assert_form(response: Response, status: int, heading: str) -> None:
    assert response.status_code == status, response.text
    assert f"<h1>{heading}</h1>" in response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"


def wrong(response: Response) -> dict[str, str]:
    """What the form says beside its fields; each message belongs to its field, and the first of them has the focus."""
    page = response.text
    found = dict(re.findall(r'<p class="wrong" id="(\w+)-wrong">(.*?)</p>', page))
    for number, name in enumerate(found):
        [field] = re.findall(rf'<input [^>]*id="{name}"[^>]*>', page)
        assert 'aria-invalid="true"' in field
        assert f"{name}-wrong" in re.findall(r'aria-describedby="([^"]*)"', field)[0].split()
        assert ("autofocus" in field) == (number == 0)
    assert ('role="alert"' in page) == (response.status_code >= 400)
    return {name: unescape(text) for name, text in found.items()}


def alert(response: Response) -> str:
    return unescape(re.findall(r'role="alert"[^>]*>(.*?)</p>', response.text)[0])


def hidden(response: Response) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', response.text)
    return {name: unescape(value) for name, value in found}


def assert_says_when(response: Response) -> None:
    minutes = math.ceil(int(response.headers["Retry-After"]) / 60)
    assert alert(response) == f"That was too often. Try again in {minutes} minutes."


def sessions_of(session: Session, user: User) -> list[int]:
    return list(session.scalars(select(LoginSession.id).where(LoginSession.user_id == user.id)))


# Signing up


def test_who_signs_up_gets_a_link_and_signs_in(browser: TestClient, mails: Mails) -> None:
    data = {"email": "Ann@Example.com", "password": PASSWORD, "first_name": "Ann", "surname": ""}
    assert_went_to(browser.post("/signup", data=data), "/login?notice=signed-up")
    assert "Your account is there." in browser.get("/login?notice=signed-up").text
    [mail] = mails()
    assert mail["To"] == EMAIL
    assert_went_to(sign_in(browser), "/account")
    page = browser.get("/account").text
    assert "<dd>Ann</dd>" in page
    assert "not confirmed yet" in page


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({}, {"email": "E-mail is missing.", "password": "Password is missing."}),
        ({"email": "nobody", "password": PASSWORD}, {"email": "E-mail is not an e-mail address."}),
        ({"email": EMAIL, "password": "short"}, {"password": "Password needs at least 12 characters."}),
        ({"email": EMAIL, "password": "x" * 1025}, {"password": "Password is too long."}),
        ({"email": EMAIL, "password": "Password1234"}, {"password": "Password is one of the most common passwords."}),
        (
            {"email": EMAIL, "password": EMAIL},
            {"password": "Password is the account's own address, or the name in it."},
        ),
        (
            {"email": EMAIL, "password": PASSWORD, "first_name": "A\x00nn"},
            {"first_name": "First name has characters that it cannot have."},
        ),
    ],
)
def test_sign_up_says_beside_the_field_what_is_wrong(
    browser: TestClient, data: dict[str, str], messages: dict[str, str]
) -> None:
    page = browser.post("/signup", data=data)
    assert_form(page, 422, "Sign up")
    assert wrong(page) == messages
    assert page.text.startswith("<!doctype html>")
    assert "<title>Problem: Sign up · Larder</title>" in page.text
    if "email" in data:
        assert f'value="{data["email"]}"' in page.text
    assert f'value="{data.get("password", PASSWORD)}"' not in re.sub(r"<input[^>]*name=.email.[^>]*>", "", page.text)


def test_address_that_is_taken_is_told(browser: TestClient, user: User) -> None:
    page = browser.post("/signup", data={"email": user.email, "password": PASSWORD})
    assert_form(page, 409, "Sign up")
    assert wrong(page) == {"email": "E-mail is already taken."}


@pytest.mark.parametrize("field", ["is_superuser", "roles", "is_active", "email_verified_at"])
def test_nobody_gains_a_right_by_a_form(browser: TestClient, session: Session, field: str) -> None:
    page = browser.post("/signup", data={"email": EMAIL, "password": PASSWORD, field: "true"})
    assert page.status_code == 422
    assert session.scalar(select(User)) is None


def test_what_was_typed_is_shown_as_text(browser: TestClient) -> None:
    page = browser.post("/signup", data={"email": '"><script>alert(1)</script>', "password": "x"})
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "utf-16"])
def test_form_in_a_strange_encoding_is_no_defect(browser: TestClient, charset: str) -> None:
    body = (
        f'--b\r\nContent-Disposition: form-data; name="email"\r\nContent-Type: text/plain; charset={charset}\r\n\r\n'
        "+2D8- \\ud83f\r\n--b--\r\n"
    )
    kind = f"multipart/form-data; boundary=b; charset={charset}"
    page = browser.post("/signup", content=body, headers={"Content-Type": kind})
    assert_form(page, 422, "Sign up")


@pytest.mark.parametrize("path", ["/signup", "/login", "/reset-password", "/verify-email", "/reset-password/confirm"])
@pytest.mark.parametrize("content", [b"{}", b"%00", b"email=%ED%A0%80&email=2&&==", b"token=%00", b"a" * 5000])
def test_forms_take_no_junk(browser: TestClient, path: str, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post(path, content=content, headers=headers).status_code == 422


# Signing in and out


def test_cookie_over_plain_http(browser: TestClient, user: User) -> None:
    cookie = sign_in(browser).headers["Set-Cookie"]
    assert re.fullmatch(r"larder=[\w-]{86}; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax", cookie)


def test_cookie_over_tls_belongs_to_this_host_alone(secure_browser: TestClient, user: User) -> None:
    cookie = sign_in(secure_browser).headers["Set-Cookie"]
    assert re.fullmatch(r"__Host-larder=[\w-]{86}; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax; Secure", cookie)
    assert secure_browser.get("/account").status_code == 200


@pytest.mark.parametrize(("trusted", "name"), [("testclient", "__Host-larder"), ("192.0.2.1", "larder")])
def test_cookie_is_secure_behind_a_trusted_proxy_that_ends_tls(
    client: TestClient, user: User, trusted: str, name: str
) -> None:
    inner: Any = app  # uvicorn and Starlette have types of their own for the same thing
    proxied: Any = ProxyHeadersMiddleware(inner, trusted)
    browser = TestClient(proxied, headers=HTML, follow_redirects=False)
    browser.headers["X-Forwarded-Proto"], browser.headers["Sec-Fetch-Site"] = "https", "same-origin"
    assert sign_in(browser).headers["Set-Cookie"].startswith(f"{name}=")


def test_cookie_is_secure_where_the_public_address_is(
    browser: TestClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.__dict__, "PUBLIC_URL", "https://larder.example")
    assert sign_in(browser).headers["Set-Cookie"].startswith("__Host-larder=")


def test_cookie_of_plain_http_counts_for_nothing_over_tls(
    browser: TestClient, secure_browser: TestClient, user: User
) -> None:
    sign_in(browser)
    secure_browser.cookies.set("larder", browser.cookies["larder"])
    assert_went_to(secure_browser.get("/account"), "/login?next=/account")


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("bob@example.com", PASSWORD), ("no address", "x"), ("😀", "x" * 2048)]
)
def test_wrong_password_is_told_in_the_form(browser: TestClient, user: User, email: str, password: str) -> None:
    page = sign_in(browser, email, password)
    assert_form(page, 401, "Sign in")
    assert alert(page) == "The e-mail or the password is wrong."
    assert f'value="{email}"' in page.text
    assert "Set-Cookie" not in page.headers


def test_sign_in_form_says_what_is_missing(browser: TestClient) -> None:
    page = browser.post("/login")
    assert_form(page, 422, "Sign in")
    assert wrong(page) == {"username": "E-mail is missing.", "password": "Password is missing."}


def test_program_that_sends_a_form_gets_a_problem_document(browser: TestClient) -> None:
    answer = browser.post("/login", data={"username": "a", "password": "b"}, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith("/account")])
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(browser: TestClient, user: User, path: str) -> None:
    answer = browser.get(path)
    assert_went_to(answer, f"/login?next={path}")
    # The form has no action: it goes to the address of its page, with all that is in it.
    assert '<form method="post">' in browser.get(answer.headers["Location"]).text
    assert_went_to(sign_in(browser, path=answer.headers["Location"]), path)
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize(
    "next",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "/\x00/evil.example",
        "/account\r\nSet-Cookie: larder=1",
        "",
    ],
)
def test_nobody_is_sent_to_another_site(browser: TestClient, user: User, next: str) -> None:
    answer = browser.post("/login", data={"username": EMAIL, "password": PASSWORD}, params={"next": next})
    assert_went_to(answer, "/account")


@pytest.mark.parametrize("next", ["/", "/?q=apple&page=2", "/recipes/1", "/account/email"])
def test_who_signs_in_goes_where_he_wanted_to(browser: TestClient, user: User, next: str) -> None:
    answer = browser.post("/login", data={"username": EMAIL, "password": PASSWORD}, params={"next": next})
    assert_went_to(answer, next)


def test_each_sign_in_begins_a_session_and_ends_that_of_before(
    browser: TestClient, session: Session, user: User
) -> None:
    planted = "A" * 86
    have(browser, planted)
    sign_in(browser)
    first, [before] = browser.cookies["larder"], sessions_of(session, user)
    assert first != planted
    sign_in(browser)
    second, [after] = browser.cookies["larder"], sessions_of(session, user)
    assert (first != second, before != after) == (True, True)


def test_signing_out_ends_the_session(browser: TestClient, session: Session, user: User) -> None:
    sign_in(browser)
    kept = browser.cookies["larder"]
    answer = browser.post("/logout")
    assert_went_to(answer, "/login?notice=signed-out")
    assert re.match(r'larder=""; .*Max-Age=0; Path=/;', answer.headers["Set-Cookie"])
    assert sessions_of(session, user) == []
    have(browser, kept)
    assert_went_to(browser.get("/account"), "/login?next=/account")


@pytest.mark.parametrize("cookie", [None, "", "x", "A" * 86, "-" * 5000])
def test_signing_out_without_a_session_is_no_error(browser: TestClient, cookie: str | None) -> None:
    if cookie is not None:
        have(browser, cookie)
    assert_went_to(browser.post("/logout"), "/login?notice=signed-out")


@pytest.mark.parametrize("cookie", ["", "x", "A" * 86, "A" * 87, "-" * 5000])
def test_cookie_that_is_none_of_ours_is_taken_away(browser: TestClient, cookie: str) -> None:
    have(browser, cookie)
    answer = browser.get("/account")
    assert_went_to(answer, "/login?next=/account")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_wrong_passwords_are_limited_as_in_the_api(browser: TestClient, user: User, limits: Clock) -> None:
    for _ in range(5):
        assert browser.post("/api/v1/auth/login", data={"username": EMAIL, "password": "wrong"}).status_code == 401
    page = sign_in(browser)
    assert_form(page, 429, "Sign in")
    assert_says_when(page)
    assert 'sign-in-stranger";r=0' in page.headers["RateLimit"]


# Only from a page of ours


FORMS = [
    "/signup",
    "/login",
    "/login/code",
    "/logout",
    "/reset-password",
    "/reset-password/confirm",
    "/verify-email",
    "/verify-email/confirm",
    "/change-email/confirm",
    "/account/password",
    "/account/email",
    "/account/sessions/1/end",
    "/account/sessions/end",
    "/account/identities",
    "/account/identities/1/unlink",
    "/account/second-factor",
    "/account/second-factor/confirm",
    "/account/second-factor/recovery-codes",
    "/account/second-factor/remove",
    "/account/keys",
    "/account/keys/1/revoke",
    "/recipes/1/comments",
    "/recipes/1/comments/1",
    "/recipes/1/comments/1/remove",
    "/recipes/1/posts",
]


def test_these_are_all_forms() -> None:
    """A new one has to be in the list, and so is asked where it comes from."""
    posts = {
        re.sub(r"\{\w+:id\}", "1", route.path)
        for router in app.router.routes
        for route in getattr(getattr(router, "original_router", None), "routes", ())
        if "POST" in (getattr(route, "methods", None) or ()) and not route.path.startswith("/api/")
    }
    assert posts == set(FORMS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:81"},
        {"Origin": "http://testserver.evil.example"},
        {},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.usefixtures("lifespan")
def test_forms_of_other_sites_are_refused(path: str, headers: dict[str, str]) -> None:
    answer = TestClient(app, headers=HTML).post(path, headers=headers)
    assert answer.status_code == 403
    assert "This was not sent from a page of this site" in answer.text


def test_origin_of_nobody_only_goes_with_a_token(client: TestClient) -> None:
    with_token = ("/reset-password/confirm", "/verify-email/confirm", "/change-email/confirm")
    for path in FORMS:
        answer = TestClient(app, headers={**HTML, "Origin": "null"}).post(path)
        assert answer.status_code == (422 if path in with_token else 403), path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://testserver"},
        {"Origin": "https://larder.example"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_own_forms_are_taken_from_browsers_of_all_ages(
    client: TestClient, user: User, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setitem(settings.__dict__, "PUBLIC_URL", "https://larder.example")
    form = {"username": EMAIL, "password": PASSWORD}
    answer = TestClient(app, headers=HTML, follow_redirects=False).post("/login", data=form, headers=headers)
    assert answer.status_code == 303


def test_refused_form_does_nothing(browser: TestClient, session: Session, user: User) -> None:
    sign_in(browser)
    for path in ("/logout", "/account/sessions/end"):
        assert browser.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert len(sessions_of(session, user)) == 1


def test_cookie_opens_nothing_in_the_api(browser: TestClient, user: User) -> None:
    sign_in(browser)
    assert browser.get("/api/v1/auth/me").status_code == 401
    assert browser.post("/api/v1/auth/logout").status_code == 401
    recipe = {"label": "Bread", "source": "Baker", "url": "https://example.com"}
    assert browser.post("/api/v1/recipes", json=recipe).status_code == 401


def test_cookie_is_no_refresh_token_and_no_refresh_token_is_a_cookie(browser: TestClient, user: User) -> None:
    sign_in(browser)
    cookie = browser.cookies["larder"]
    tokens = browser.post("/api/v1/auth/login", data={"username": EMAIL, "password": PASSWORD}).json()
    have(browser, tokens["refresh_token"])
    assert_went_to(browser.get("/account"), "/login?next=/account")
    assert browser.post("/api/v1/auth/refresh", json={"refresh_token": cookie}).status_code == 401
    assert browser.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 200


# Sessions


def test_session_of_a_browser_is_one_of_the_api_and_ends_there(browser: TestClient, user: User) -> None:
    sign_in(browser)
    headers = as_user(user)
    sessions = browser.get("/api/v1/auth/sessions", headers=headers).json()
    [other] = [one for one in sessions["items"] if one["id"] != sessions["current_id"]]
    assert (other["device"], other["address"]) == ("testclient", "testclient")
    assert browser.delete(f"/api/v1/auth/sessions/{other['id']}", headers=headers).status_code == 204
    assert_went_to(browser.get("/account"), "/login?next=/account")


def test_session_of_the_api_ends_on_the_page(browser: TestClient, user: User) -> None:
    headers = as_user(user)
    sign_in(browser)
    [path] = re.findall(r'action="(/account/sessions/\d+/end)"', browser.get("/account").text)
    assert_went_to(browser.post(path), "/account?notice=session-ended")
    assert browser.get("/api/v1/auth/me", headers=headers).status_code == 401
    assert browser.post(path).status_code == 404


def test_nobody_ends_the_session_of_another(
    browser: TestClient, session: Session, make_user: Callable[..., User], user: User
) -> None:
    bob = make_user("bob")
    as_user(bob)
    sign_in(browser)
    [id] = sessions_of(session, bob)
    assert browser.post(f"/account/sessions/{id}/end").status_code == 404
    assert sessions_of(session, bob) == [id]


def test_signing_out_everywhere(browser: TestClient, session: Session, user: User) -> None:
    as_user(user)
    sign_in(browser)
    assert_went_to(browser.post("/account/sessions/end"), "/login?notice=signed-out")
    assert sessions_of(session, user) == []


@pytest.mark.parametrize("change", [{"is_active": False}, {"token_generation": 7}])
def test_shut_out_is_signed_out(browser: TestClient, session: Session, user: User, change: dict[str, object]) -> None:
    sign_in(browser)
    session.execute(update(User).values(**change))
    session.commit()
    assert_went_to(browser.get("/account"), "/login?next=/account")
    answer = browser.post("/account/password", data={"current_password": PASSWORD, "password": OTHER})
    assert_went_to(answer, "/login?next=/account")


@pytest.mark.parametrize(("column", "days"), [("last_used_at", -settings.SESSION_IDLE_DAYS), ("expires_at", 0)])
def test_session_ends_by_itself(browser: TestClient, session: Session, user: User, column: str, days: int) -> None:
    sign_in(browser)
    session.execute(update(LoginSession).values({column: utc_now() + timedelta(days=days)}))
    session.commit()
    assert_went_to(browser.get("/account"), "/login?next=/account")


def test_use_keeps_a_session_alive_and_writes_seldom(browser: TestClient, session: Session, user: User) -> None:
    def last_used() -> float:
        session.expire_all()
        return session.scalars(select(LoginSession.last_used_at)).one().timestamp()

    sign_in(browser)
    before = last_used()
    browser.get("/account")
    assert last_used() == before
    session.execute(update(LoginSession).values(last_used_at=utc_now() - timedelta(hours=1)))
    session.commit()
    browser.get("/account")
    assert abs(last_used() - utc_now().timestamp()) < 60


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        ("curl/8.14.1", "curl/8.14.1"),
        ("<script>", "&lt;script&gt;"),
    ],
)
def test_devices_are_called_by_name(browser: TestClient, user: User, device: str, name: str) -> None:
    browser.headers["User-Agent"] = device
    sign_in(browser)
    assert f"<p>{name} <strong>this one</strong></p>" in browser.get("/account").text


# The password


def test_changed_password_leaves_only_this_browser_signed_in(
    browser: TestClient, session: Session, user: User, mails: Mails
) -> None:
    headers = as_user(user)
    sign_in(browser)
    old = browser.cookies["larder"]
    answer = browser.post("/account/password", data={"current_password": PASSWORD, "password": OTHER})
    assert_went_to(answer, "/account?notice=password-changed")
    assert browser.cookies["larder"] != old
    assert "Your password is changed" in browser.get("/account?notice=password-changed").text
    assert browser.get("/api/v1/auth/me", headers=headers).status_code == 401
    assert [mail["To"] for mail in mails()] == [EMAIL]
    have(browser, old)
    assert_went_to(browser.get("/account"), "/login?next=/account")
    assert sign_in(browser).status_code == 401
    assert_went_to(sign_in(browser, password=OTHER), "/account")


@pytest.mark.parametrize(
    ("data", "status", "messages"),
    [
        ({"current_password": "wrong", "password": OTHER}, 403, {"current_password": "Current password is wrong."}),
        (
            {"current_password": PASSWORD, "password": "short"},
            422,
            {"password": "New password needs at least 12 characters."},
        ),
        (
            {"current_password": PASSWORD, "password": EMAIL},
            422,
            {"password": "New password is the account's own address, or the name in it."},
        ),
    ],
)
def test_password_that_is_not_changed(
    browser: TestClient, user: User, data: dict[str, str], status: int, messages: dict[str, str]
) -> None:
    sign_in(browser)
    page = browser.post("/account/password", data=data)
    assert_form(page, status, "Change your password")
    assert wrong(page) == messages
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("path", "form"), [("/account/password", {"password": OTHER}), ("/account/email", {"email": "new@example.com"})]
)
def test_changes_are_limited_as_in_the_api(
    browser: TestClient, user: User, limits: Clock, path: str, form: dict[str, str]
) -> None:
    sign_in(browser)
    data = {"current_password": "wrong", **form}
    api, headers = path.replace("/account/", "/api/v1/auth/"), as_user(user)
    for _ in range(5):
        assert browser.post(path, data=data).status_code == 403
        assert browser.post(api, json=data, headers=headers).status_code == 403
    page = browser.post(path, data=data)
    assert page.status_code == 429
    assert_says_when(page)


def test_forgotten_password_is_set_by_the_mailed_link(browser: TestClient, user: User, mails: Mails) -> None:
    sign_in(browser)
    assert_went_to(browser.post("/reset-password", data={"email": EMAIL}), "/login?notice=reset-asked")
    [mail] = mails()
    path = link_in(mail).removeprefix(settings.PUBLIC_URL)
    page = browser.get(path)
    assert_form(page, 200, "Set another password")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    token = token_in(mail)
    assert f'name="token" value="{token}"' in page.text
    page = browser.post("/reset-password/confirm", data={"token": token, "password": "short"})
    assert_form(page, 422, "Set another password")
    assert wrong(page) == {"password": "New password needs at least 12 characters."}
    assert f'name="token" value="{token}"' in page.text
    answer = browser.post("/reset-password/confirm", data={"token": token, "password": OTHER})
    assert_went_to(answer, "/login?notice=password-set")
    assert_went_to(browser.get("/account"), "/login?next=/account")
    assert_went_to(sign_in(browser, password=OTHER), "/account")
    page = browser.post("/reset-password/confirm", data={"token": token, "password": PASSWORD})
    assert_form(page, 400, "Set another password")
    assert alert(page) == "The link is not valid any more."


def test_reset_tells_nothing_of_accounts(browser: TestClient, user: User) -> None:
    there, not_there = (browser.post("/reset-password", data={"email": one}) for one in (EMAIL, "bob@example.com"))
    assert there.headers["Location"] == not_there.headers["Location"]
    assert there.content == not_there.content


@pytest.mark.parametrize("path", ["/reset-password", "/verify-email", "/change-email"])
@pytest.mark.parametrize("token", ["x", "A" * 90, "a.b", "%00", "😀", "x" * 3000])
def test_bad_link_leads_to_a_new_one(browser: TestClient, path: str, token: str) -> None:
    page = browser.get(path, params={"token": token})
    assert page.status_code == 400
    assert "The link is not valid any more." in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert ('name="email"' in page.text) == (path != "/change-email")
    assert 'name="token"' not in page.text


# The address


def test_following_the_link_confirms_nothing_and_the_button_does(
    browser: TestClient, session: Session, user: User, mails: Mails
) -> None:
    sign_in(browser)
    assert_went_to(browser.post("/verify-email", data={"email": EMAIL}), "/account?notice=verification-asked")
    [mail] = mails()
    page = browser.get(link_in(mail).removeprefix(settings.PUBLIC_URL))
    assert_form(page, 200, "Confirm your e-mail")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "not confirmed yet" in browser.get("/account").text
    answer = browser.post("/verify-email/confirm", data={"token": token_in(mail)})
    assert_went_to(answer, "/account?notice=email-verified")
    assert "not confirmed yet" not in browser.get("/account").text
    page = browser.post("/verify-email/confirm", data={"token": token_in(mail)})
    assert_form(page, 400, "Confirm your e-mail")
    assert alert(page) == "The link is not valid any more."
    assert "One more click" not in page.text
    assert '<a href="/verify-email">Have another one mailed</a>' in page.text


def test_address_is_changed_by_the_button_at_the_new_one(
    browser: TestClient, make_user: Callable[..., User], user: User, mails: Mails
) -> None:
    sign_in(browser)
    data = {"email": "new@example.com", "current_password": PASSWORD}
    page = browser.post("/account/email", data={**data, "current_password": "wrong"})
    assert_form(page, 403, "Change your e-mail")
    assert wrong(page) == {"current_password": "Password is wrong."}
    assert 'value="new@example.com"' in page.text
    assert_went_to(browser.post("/account/email", data=data), "/account?notice=email-change-asked")
    [mail] = [one for one in mails() if one["To"] == "new@example.com"]
    page = browser.get(link_in(mail).removeprefix(settings.PUBLIC_URL))
    assert_form(page, 200, "Change your e-mail")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    make_user("new")
    page = browser.post("/change-email/confirm", data={"token": token_in(mail)})
    assert_form(page, 409, "Change your e-mail")


def test_changed_address_signs_in(browser: TestClient, user: User, mails: Mails) -> None:
    sign_in(browser)
    browser.post("/account/email", data={"email": "new@example.com", "current_password": PASSWORD})
    [mail] = [one for one in mails() if one["To"] == "new@example.com"]
    answer = browser.post("/change-email/confirm", data={"token": token_in(mail)})
    assert_went_to(answer, "/account?notice=email-changed")
    assert "new@example.com" in browser.get("/account").text
    assert_went_to(sign_in(browser, "new@example.com"), "/account")


# The second factor


@pytest.fixture
def factor(browser: TestClient, user: User) -> Factor:
    return set_up(browser, as_user(user))


def test_second_factor_is_set_up_with_a_picture(browser: TestClient, user: User) -> None:
    sign_in(browser)
    page = browser.post("/account/second-factor", data={"current_password": "wrong"})
    assert_form(page, 403, "Add a second factor")
    assert wrong(page) == {"current_password": "Password is wrong."}
    page = browser.post("/account/second-factor", data={"current_password": PASSWORD})
    assert_form(page, 200, "Add a second factor")
    assert 'src="data:image/svg+xml' in page.text
    [secret] = re.findall(r"<p><code>([A-Z2-7]+)</code></p>", page.text)
    phone = App(secret)
    page = browser.post("/account/second-factor/confirm", data={"code": phone.wrong_code()})
    assert_form(page, 422, "Add a second factor")
    assert wrong(page) == {"code": "Code is wrong."}
    page = browser.post("/account/second-factor/confirm", data={"code": phone.code()})
    assert page.headers["Cache-Control"] == "no-store"
    codes = re.findall(r"<li><code>([A-Z2-7-]+)</code></li>", page.text)
    assert len(codes) == 10
    assert "10 recovery codes are left" in browser.get("/account").text
    browser.post("/logout")
    assert "One more step" in sign_in(browser).text


def test_sign_in_asks_for_the_code_after_the_password_and_not_for_that_again(
    browser: TestClient, factor: Factor
) -> None:
    page = sign_in(browser, path="/login?next=/recipes/1")
    assert_form(page, 401, "One more step")
    assert "alert" not in page.text
    assert "Set-Cookie" not in page.headers
    assert PASSWORD not in page.text
    form = {"code": factor.app.wrong_code(), **hidden(page)}
    page = browser.post("/login/code", data=form)
    assert_form(page, 401, "One more step")
    assert wrong(page) == {"code": "Code is wrong or was used before."}
    assert hidden(page) == {"token": form["token"], "next": "/recipes/1"}
    form["code"] = factor.app.code(1)
    assert_went_to(browser.post("/login/code", data=form), "/recipes/1")
    assert browser.get("/account").status_code == 200
    assert browser.post("/login/code", data=form).status_code == 401  # the code is used up


def test_wrong_password_asks_for_no_code(browser: TestClient, factor: Factor) -> None:
    assert_form(sign_in(browser, password="wrong"), 401, "Sign in")


def test_step_after_the_password_is_short_and_ends_with_the_password(
    browser: TestClient, session: Session, factor: Factor, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"code": factor.recovery_codes[0], **hidden(sign_in(browser))}
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + 601)
        assert browser.post("/login/code", data=form).status_code == 400
    session.execute(update(User).values(hashed_password="another"))
    session.commit()
    page = browser.post("/login/code", data=form)
    assert_form(page, 400, "One more step")


@pytest.mark.parametrize("next", ["//evil.example", "https:evil.example"])
def test_second_step_sends_nobody_to_another_site(browser: TestClient, factor: Factor, next: str) -> None:
    form = {**hidden(sign_in(browser)), "code": factor.recovery_codes[0], "next": next}
    assert_went_to(browser.post("/login/code", data=form), "/account")


def test_source_is_known_once_the_code_was_right(browser: TestClient, factor: Factor, limits: Clock) -> None:
    for known, tries in ((False, 5), (True, 10)):
        form = hidden(sign_in(browser))
        if known:
            browser.post("/login/code", data={**form, "code": factor.recovery_codes[0]})
        assert [sign_in(browser, password="wrong").status_code for _ in range(tries + 1)] == [401] * tries + [429]
        limits.now += 3600


def test_codes_are_limited_by_source(browser: TestClient, factor: Factor, limits: Clock) -> None:
    form = {"token": "x", "code": "1"}
    assert [browser.post("/login/code", data=form).status_code for _ in range(31)] == [400] * 30 + [429]


def test_changes_ask_for_a_code(browser: TestClient, factor: Factor, mails: Mails) -> None:
    form = hidden(sign_in(browser))
    browser.post("/login/code", data={**form, "code": factor.app.code(1)})
    for path, data in (
        ("/account/email", {"email": "new@example.com", "current_password": PASSWORD}),
        ("/account/password", {"password": OTHER, "current_password": PASSWORD}),
    ):
        assert 'name="code"' in browser.get(path).text
        page = browser.post(path, data={**data, "code": ""})
        assert page.status_code == 401
        assert wrong(page) == {"code": "Code is missing."}
        page = browser.post(path, data={**data, "code": "wrong"})
        assert page.status_code == 401
        assert wrong(page) == {"code": "Code is wrong or was used before."}
        assert browser.post(path, data={**data, "code": factor.recovery_codes.pop()}).status_code == 303


def test_reset_asks_for_a_code_where_there_is_a_second_factor(
    browser: TestClient, factor: Factor, mails: Mails
) -> None:
    browser.post("/reset-password", data={"email": EMAIL})
    form = {"token": token_in(mails()[-1]), "password": OTHER}
    page = browser.post("/reset-password/confirm", data=form)
    assert_form(page, 401, "Set another password")
    assert wrong(page) == {"code": "Code is missing."}
    answer = browser.post("/reset-password/confirm", data={**form, "code": factor.app.code(1)})
    assert_went_to(answer, "/login?notice=password-set")


def test_recovery_codes_are_renewed_and_the_factor_removed(browser: TestClient, factor: Factor) -> None:
    form = hidden(sign_in(browser))
    browser.post("/login/code", data={**form, "code": factor.recovery_codes[0]})
    page = browser.post("/account/second-factor/recovery-codes", data={"code": factor.recovery_codes[1]})
    codes = re.findall(r"<li><code>([A-Z2-7-]+)</code></li>", page.text)
    assert len(codes) == 10
    page = browser.post("/account/second-factor/remove", data={"code": factor.recovery_codes[2]})
    assert_form(page, 401, "Remove the second factor")
    answer = browser.post("/account/second-factor/remove", data={"code": codes[0]})
    assert_went_to(answer, "/account?notice=second-factor-removed")
    assert "Add a second factor" in browser.get("/account").text


# Keys


def test_key_is_made_shown_once_and_revoked(browser: TestClient, user: User) -> None:
    sign_in(browser)
    data = {"name": "The scales", "scopes": ["recipes:read", "account:read"], "expires_in_days": "30"}
    page = browser.post("/account/keys", data=data)
    assert page.headers["Cache-Control"] == "no-store"
    [key] = re.findall(r"<code>(larder_[^<]+)</code>", page.text)
    assert browser.get("/api/v1/auth/me", headers={"X-API-Key": key}).json()["email"] == EMAIL
    page = browser.get("/account")
    assert key not in page.text
    assert "The scales" in page.text
    [path] = re.findall(r'action="(/account/keys/\d+/revoke)"', page.text)
    assert_went_to(browser.post(path), "/account?notice=key-revoked")
    assert browser.get("/api/v1/auth/me", headers={"X-API-Key": key}).status_code == 401


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"name": "x", "expires_in_days": "30"}, 422),
        ({"name": "x", "scopes": ["account:write"], "expires_in_days": "30"}, 422),
        ({"name": "x", "scopes": ["recipes:admin"], "expires_in_days": "30"}, 403),
        ({"name": "", "scopes": ["recipes:read"], "expires_in_days": "30"}, 422),
        ({"name": "x", "scopes": ["recipes:read"], "expires_in_days": "0"}, 422),
        ({"name": "x", "scopes": ["recipes:read"], "expires_in_days": "soon"}, 422),
    ],
    ids=str,
)
def test_key_that_is_not_made(browser: TestClient, user: User, data: dict[str, object], status: int) -> None:
    sign_in(browser)
    page = browser.post("/account/keys", data=data)
    assert_form(page, status, "Make a key")
    assert "larder_" not in page.text
    assert ('value="recipes:read" checked' in page.text) == (data.get("scopes") == ["recipes:read"])
    assert "recipes:admin" not in page.text  # which ann may not do


# The trail


def test_owner_reads_what_happened(browser: TestClient, user: User) -> None:
    sign_in(browser, password="wrong")
    browser.headers["User-Agent"] = "<b>Firefox</b>"
    sign_in(browser)
    page = browser.get("/account/events").text
    assert [unescape(one) for one in re.findall(r"<p>(Sign\w* \w+[^<]*)</p>", page)] == ["Signed in", "Sign in failed"]
    assert "<b>" not in page


# At a provider


@pytest.fixture
def provider(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenIDServer]:
    with serving(OpenIDServer()) as server:
        openid = OpenID(server.url, CLIENT_ID, SECRET, timeout=5, pause=0.01)
        monkeypatch.setitem(app.dependency_overrides, get_provider, lambda: openid)
        monkeypatch.setattr(html, "PROVIDER", "login.example")
        yield server
        assert client.portal is not None
        client.portal.call(openid.__aexit__, None, None, None)


def test_who_signs_in_at_the_provider_is_signed_in_here(
    lifespan: TestClient, browser: TestClient, provider: OpenIDServer
) -> None:
    browser.portal = lifespan.portal  # the provider's client lives in one event loop
    assert '<a class="button" href="/login/provider">Sign in with login.example</a>' in browser.get("/login").text
    answer = browser.get("/login/provider", params={"next": "/account/keys"})
    assert answer.status_code == 302
    back = provider.authorize(answer.headers["Location"], email=EMAIL, email_verified=True)
    assert_went_to(browser.get("/login/callback", params=back), "/account/keys")
    page = browser.get("/account").text
    assert EMAIL in page
    [path] = re.findall(r'action="(/account/identities/\d+/unlink)"', page)
    assert_went_to(browser.post(path), "/account?notice=identity-unlinked")
    again = browser.get("/login/callback", params=back)
    assert again.status_code == 400
    assert again.headers["Content-Type"].startswith("text/html")


def test_who_comes_back_from_the_provider_goes_on_to_any_path(
    lifespan: TestClient, browser: TestClient, provider: OpenIDServer
) -> None:
    browser.portal = lifespan.portal
    answer = browser.get("/login/provider", params={"next": "/?q=\u5473\u564c"})
    back = provider.authorize(answer.headers["Location"], email=EMAIL, email_verified=True)
    assert_went_to(browser.get("/login/callback", params=back), "/?q=%E5%91%B3%E5%99%8C")


def test_no_provider_is_offered_where_there_is_none(browser: TestClient, user: User) -> None:
    assert "/login/provider" not in browser.get("/login").text
    assert browser.get("/login/provider").status_code == 404
    sign_in(browser)
    assert LINK not in browser.get("/account").text
    assert browser.get(LINK).status_code == 404
    assert browser.post(LINK, data={"current_password": PASSWORD}).status_code == 404


LINK = "/account/identities"


@pytest.fixture
def owner(
    lifespan: TestClient, browser: TestClient, provider: OpenIDServer, session: Session, user: User
) -> TestClient:
    """The browser of somebody who is signed in, and has confirmed his address."""
    browser.portal = lifespan.portal
    user.email_verified_at = utc_now()
    session.commit()
    sign_in(browser)
    return browser


def start_link(browser: TestClient, **fields: str) -> str:
    """Where the page leads that answers the form."""
    page = browser.post(LINK, data={"current_password": PASSWORD, **fields})
    assert_form(page, 200, "Link an identity")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    # Not by a redirect, which browsers hold to form-action as they do the form.
    [url] = re.findall(r'<a class="button" href="([^"]*)">Go on to login.example</a>', page.text)
    assert f'<meta http-equiv="refresh" content="0; url={url}">' in page.text
    return unescape(url)


def come_back(browser: TestClient, provider: OpenIDServer, url: str, **claims: Any) -> Response:
    """By a link of another site, as a browser comes back."""
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    answer = browser.get("/login/callback", params=provider.authorize(url, **claims))
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    return answer


def test_identity_is_linked_on_the_page_and_unlinked_again(
    owner: TestClient, provider: OpenIDServer, session: Session, user: User, mails: Mails
) -> None:
    assert f'<a href="{LINK}">Link an identity of login.example</a>' in owner.get("/account").text
    assert_form(owner.get(LINK), 200, "Link an identity")
    before = sessions_of(session, user)
    answer = come_back(owner, provider, start_link(owner), sub="7", email="private@example.org", email_verified=False)
    assert_went_to(answer, "/account?notice=identity-linked")
    page = owner.get(answer.headers["Location"])
    assert 'role="status">The identity opens your account from now on.' in page.text
    assert "as 7, since" in page.text
    assert "Another way to sign in was linked" in [mail["Subject"] for mail in mails()]
    session.expire_all()
    [after] = sessions_of(session, user)
    assert after not in before, "coming back begins a session, and ends that of the browser"
    [path] = re.findall(r'action="(/account/identities/\d+/unlink)"', page.text)
    assert_went_to(owner.post(path), "/account?notice=identity-unlinked")
    assert "as 7, since" not in owner.get("/account").text
    assert f'href="{LINK}"' in owner.get("/account").text


def test_identity_that_is_there_is_not_offered_again(
    owner: TestClient, provider: OpenIDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_back(owner, provider, start_link(owner))
    monkeypatch.setitem(settings.__dict__, "OIDC_ISSUER", provider.url)
    assert f'href="{LINK}"' not in owner.get("/account").text


def test_linking_on_the_page_takes_the_password(owner: TestClient, provider: OpenIDServer) -> None:
    page = owner.post(LINK, data={"current_password": "wrong"})
    assert_form(page, 403, "Link an identity")
    assert wrong(page) == {"current_password": "Password is wrong."}
    assert "larder-sign-in" not in owner.cookies
    owner.cookies.clear()
    assert_went_to(owner.post(LINK, data={"current_password": PASSWORD}), "/login?next=/account")
    assert_went_to(owner.get(LINK), f"/login?next={LINK}")


def test_linking_on_the_page_takes_a_code_where_there_is_a_second_factor(
    owner: TestClient, provider: OpenIDServer, user: User
) -> None:
    factor = set_up(owner, as_user(user))
    assert 'name="code"' in owner.get(LINK).text
    page = owner.post(LINK, data={"current_password": PASSWORD})
    assert_form(page, 401, "Link an identity")
    assert wrong(page) == {"code": "Code is missing."}
    url = start_link(owner, code=factor.recovery_codes[0])
    assert_went_to(come_back(owner, provider, url), "/account?notice=identity-linked")


def test_identity_of_somebody_else_is_told_where_it_was_to_be_linked(
    owner: TestClient, provider: OpenIDServer, make_user: Callable[..., User], session: Session
) -> None:
    session.add(LinkedIdentity(issuer=provider.url, subject="7", user_id=make_user("bob").id))
    session.commit()
    answer = come_back(owner, provider, start_link(owner), sub="7")
    assert_form(answer, 409, "Link an identity")
    assert alert(answer) == "This identity is linked to another account."
    assert f'<form method="post" action="{LINK}">' in answer.text, "that it may be tried with another"
    assert owner.get("/account").status_code == 200, "and he is signed in as before"


def test_address_that_is_not_confirmed_is_told_before_the_provider_is_asked(
    owner: TestClient, provider: OpenIDServer, session: Session, user: User
) -> None:
    user.email_verified_at = None
    session.commit()
    page = owner.post(LINK, data={"current_password": PASSWORD})
    assert_form(page, 409, "Link an identity")
    assert alert(page) == "The e-mail address of the account has to be confirmed first."


def test_who_rather_does_not_at_the_provider_is_where_he_was(owner: TestClient, provider: OpenIDServer) -> None:
    back = {**provider.authorize(start_link(owner)), "error": "access_denied"}
    del back["code"]
    assert_form(owner.get("/login/callback", params=back), 403, "Link an identity")


def test_who_has_signed_out_meanwhile_links_nothing(
    owner: TestClient, provider: OpenIDServer, session: Session
) -> None:
    url = start_link(owner)
    owner.post("/logout")
    assert come_back(owner, provider, url).status_code == 401
    assert session.scalar(select(LinkedIdentity)) is None


def test_linking_is_limited_as_in_the_api(limits: Clock, owner: TestClient, provider: OpenIDServer) -> None:
    statuses = [owner.post(LINK, data={"current_password": "wrong"}).status_code for _ in range(11)]
    assert statuses == [403] * 10 + [429]


# What goes with the pages


@pytest.mark.parametrize("path", PAGES)
def test_nobody_keeps_what_is_somebodys_own(browser: TestClient, user: User, path: str) -> None:
    sign_in(browser)
    page = browser.get(path)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|style=|\bon\w+=|src=\"http", page.text)
    for field in re.findall(r"<input(?! type=.(?:hidden|checkbox))[^>]*>", page.text):
        name = re.findall(r'id="(\w+)"', field)[0]
        assert f'<label for="{name}">' in page.text
        assert "autocomplete=" in field


@pytest.mark.parametrize("path", [*PAGES, "/", "/recipes/1", "/recipes/1/posts", "/recipes/1/posts#again"])
def test_every_link_of_a_page_leads_somewhere(browser: TestClient, session: Session, user: User, path: str) -> None:
    session.add(Recipe(id=1, label="Pea soup", source="Grandmother", url="https://example.com/soup"))
    session.commit()
    sign_in(browser)
    # "Again" is the page with the form that was not taken.
    page = browser.post(path.removesuffix("#again")) if path.endswith("#again") else browser.get(path)
    links = {urlsplit(urljoin(path, unescape(link))) for link in re.findall(r'href="([^"#][^"]*)"', page.text)}
    broken = [link.path for link in links if not link.netloc and browser.get(link.geturl()).status_code >= 400]
    assert (len(links) > 5, broken) == (True, [])


def test_each_page_has_a_title_of_its_own(browser: TestClient, user: User) -> None:
    sign_in(browser)
    titles = [re.findall(r"<title>(.*) · Larder</title>", browser.get(path).text)[0] for path in PAGES]
    assert len(set(titles)) == len(PAGES), titles


def test_pages_for_everybody_lead_to_sign_in_or_to_the_account(browser: TestClient, user: User) -> None:
    assert '<a href="/login">Sign in</a>' in browser.get("/").text
    sign_in(browser)
    page = browser.get("/")
    assert '<a href="/account">Account</a>' in page.text
    assert page.headers["Vary"] == "Cookie"
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize("path", ["/login?notice=nonsense", "/account?notice=%00"])
def test_page_says_nothing_that_somebody_else_made_up(browser: TestClient, user: User, path: str) -> None:
    sign_in(browser)
    page = browser.get(path)
    assert page.status_code == 422
    assert "nonsense" not in page.text


def test_documents_of_the_api_name_no_page(client: TestClient) -> None:
    assert [path for path in client.get("/api/v1/openapi.json").json()["paths"] if "account" in path] == []
