"""Single sign-on as it is set up: the service in processes of its own, and a real provider on the other side."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.support import free_port
from tests.support.oidc_provider import NoProvider, installed, oidc_provider
from tests.support.openid import CLIENT_ID, SECRET, OpenIDServer
from tests.support.reddit import after, serving, status
from tests.support.service import Service

LOGIN, CALLBACK, ME = (f"/api/v1/auth/{name}" for name in ("oidc/login", "oidc/callback", "me"))


@pytest.fixture(scope="module")
def public_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def issuer(public_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    try:
        place = installed(request.config.cache.mkdir("oidc-provider"))
    except NoProvider as reason:
        pytest.skip(f"no OpenID provider: {reason}")
    with oidc_provider(place, CLIENT_ID, SECRET, f"{public_url}{CALLBACK}") as issuer:
        yield issuer


def service(url: str, issuer: str, **settings: Any) -> Service:
    """Two workers: whoever sends a browser away need not be the one to whom it comes back."""
    oidc = {"OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": SECRET}
    return Service(DATABASE_URL=url, LOG_LEVEL="WARNING", **{"WEB_CONCURRENCY": 2, **oidc, **settings})


@contextmanager
def browser(person: str, refuses: bool = False) -> Iterator[httpx2.Client]:
    """Somebody at the provider."""
    headers = {"X-Person": person} | ({"X-Refuse": "yes"} if refuses else {})
    with httpx2.Client(headers=headers, trust_env=False, timeout=30) as client:
        yield client


def answer_of(browser: httpx2.Client, url: str, public_url: str) -> dict[str, str]:
    """What the provider sends the browser back with."""
    for _ in range(10):
        if url.startswith(public_url):
            return dict(parse_qsl(urlsplit(url).query))
        answer = browser.get(url)
        assert answer.has_redirect_location, answer.text
        url = str(answer.url.join(answer.headers["Location"]))
    raise AssertionError("the provider sends the browser around for ever")


def sign_in(larder: Service, public_url: str, person: str, refuses: bool = False) -> httpx2.Response:
    """With a browser that has never been there."""
    larder.client.cookies.clear()
    with browser(person, refuses) as client:
        answer = answer_of(client, larder.client.get(LOGIN).headers["Location"], public_url)
    return larder.client.get(CALLBACK, params=answer)


def test_people_of_a_real_provider_sign_in(url: str, issuer: str, public_url: str) -> None:
    with service(url, issuer, PUBLIC_URL=public_url) as larder:
        answer = sign_in(larder, public_url, "ann")
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        who = larder.client.get(ME, headers=headers).json()
        assert (who["email"], who["first_name"], who["surname"]) == ("ann@provider.example.com", "ann", "Real")

        again = sign_in(larder, public_url, "ann").json()["access_token"]
        assert larder.client.get(ME, headers={"Authorization": f"Bearer {again}"}).json()["id"] == who["id"]

        # Not verified here, not verified there, and not willing.
        account = {"email": "bob@provider.example.com", "password": "a long sentence will do"}
        assert larder.client.post("/api/v1/auth/signup", json=account).status_code == 201
        assert sign_in(larder, public_url, "bob").status_code == 409
        assert sign_in(larder, public_url, "unknown").status_code == 403
        assert sign_in(larder, public_url, "cat", refuses=True).status_code == 403


def test_real_provider_takes_a_code_once_and_from_its_browser_only(url: str, issuer: str, public_url: str) -> None:
    with service(url, issuer, PUBLIC_URL=public_url) as larder, browser("dan") as person:
        stolen = answer_of(person, larder.client.get(LOGIN).headers["Location"], public_url)
        thiefs = dict(parse_qsl(urlsplit(larder.client.get(LOGIN).headers["Location"]).query))
        assert larder.client.get(CALLBACK, params=stolen | {"state": thiefs["state"]}).status_code == 400

        answer = answer_of(person, larder.client.get(LOGIN).headers["Location"], public_url)
        cookies = dict(larder.client.cookies)
        assert larder.client.get(CALLBACK, params=answer).status_code == 200
        larder.client.cookies.update(cookies)
        assert larder.client.get(CALLBACK, params=answer).status_code == 400


def test_slow_provider_holds_no_connection_and_cookies_are_secure_over_tls(url: str) -> None:
    """One thread and one connection, and everybody else is served while three sign-ins wait for the provider."""
    with serving(OpenIDServer()) as server:
        settings = {"PUBLIC_URL": "https://larder.example.com", "THREADS": 1, "WEB_CONCURRENCY": 1}
        with service(url, server.url, **settings) as larder:
            answer = larder.client.get(LOGIN)
            cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-larder-sign-in=")
            assert {"Secure", "Path=/", "HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
            assert "Domain" not in cookie

            back = server.authorize(answer.headers["Location"])
            go_on = threading.Event()
            server.answers["token"] = after(go_on, status(503))
            statuses: list[int] = []

            def come_back() -> None:
                headers = {"Cookie": cookie.partition(";")[0]}
                statuses.append(httpx2.get(f"{larder.url}{CALLBACK}", params=back, headers=headers).status_code)

            threads = [threading.Thread(target=come_back) for _ in range(3)]
            for thread in threads:
                thread.start()
            while server.times_asked("token") < len(threads):
                assert larder.client.get("/api/v1/recipes").status_code == 200
            go_on.set()
            for thread in threads:
                thread.join()
            assert statuses == [502, 502, 502]
