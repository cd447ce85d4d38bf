"""Single sign-on: whose account an identity opens, and that nobody comes in who should not."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.api.single_sign_on import get_provider
from app.clients.openid import OpenID
from app.core.config import settings
from app.core.errors import BadRequest, Invalid
from app.core.pending_sign_in import LIFETIME, PendingSignIn
from app.crud import linked_identity
from app.db.base import utc_now
from app.main import app
from app.models import LinkedIdentity, LoginSession, User
from tests.api.mailed import Mails, to_whom, token_in
from tests.api.test_auth import login, status_of
from tests.api.test_events import events_of
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user
from tests.support.openid import CLIENT_ID, SECRET, OpenIDServer
from tests.support.reddit import serving, status
from tests.support.totp import set_up

LOGIN, CALLBACK, LINK = (f"/api/v1/auth/oidc/{name}" for name in ("login", "callback", "link"))
IDENTITIES = "/api/v1/auth/identities"
COOKIE = "larder-sign-in"


@pytest.fixture
def provider(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenIDServer]:
    """The provider of the application, which says that it is Ann who comes."""
    with serving(OpenIDServer()) as server:
        openid = OpenID(server.url, CLIENT_ID, SECRET, timeout=5, pause=0.01)
        monkeypatch.setitem(app.dependency_overrides, get_provider, lambda: openid)
        yield server
        assert client.portal is not None
        client.portal.call(openid.__aexit__, None, None, None)
        client.cookies.clear()


@pytest.fixture
def verified(make_user: Callable[..., User], session: Session) -> Callable[..., User]:
    """Makes users who have confirmed their addresses."""

    def make(name: str = "ann", **fields: object) -> User:
        user = make_user(name, **fields)
        user.email_verified_at = utc_now()
        session.commit()
        return user

    return make


def leave(client: TestClient, **params: str) -> str:
    """Where the browser is sent to."""
    answer = client.get(LOGIN, params=params, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def come_back(client: TestClient, params: dict[str, str]) -> Response:
    return client.get(CALLBACK, params=params)


def sign_in(client: TestClient, provider: OpenIDServer, **claims: Any) -> Response:
    return come_back(client, provider.authorize(leave(client), **claims))


def signed_in(client: TestClient, provider: OpenIDServer, **claims: Any) -> dict[str, str]:
    """The headers of a request by who came back."""
    answer = sign_in(client, provider, **claims)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def me(client: TestClient, headers: dict[str, str]) -> dict[str, Any]:
    return dict(client.get("/api/v1/auth/me", headers=headers).json())


def start_link(client: TestClient, headers: dict[str, str], password: str = PASSWORD, **more: str) -> Response:
    return client.post(LINK, headers=headers, json={"current_password": password, **more})


def link(client: TestClient, provider: OpenIDServer, headers: dict[str, str], **claims: Any) -> Response:
    return come_back(client, provider.authorize(start_link(client, headers).json()["url"], **claims))


def linked(session: Session) -> set[tuple[int | None, str]]:
    return {(row.user_id, row.subject) for row in session.scalars(select(LinkedIdentity))}


def accounts(session: Session) -> int:
    return session.execute(select(func.count()).select_from(User)).scalar_one()


# A session


def test_sign_in_begins_a_session_as_a_login_does(client: TestClient, provider: OpenIDServer) -> None:
    answer = client.get(CALLBACK, params=provider.authorize(leave(client)), headers={"User-Agent": "A browser"})
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert answer.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    (listed,) = client.get("/api/v1/auth/sessions", headers=headers).json()["items"]
    assert (listed["device"], listed["address"]) == ("A browser", "testclient")
    refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200
    assert client.post("/api/v1/auth/logout", headers=headers).status_code == 204
    assert status_of(client, headers) == 401


def test_session_may_be_for_less(client: TestClient, provider: OpenIDServer) -> None:
    back = provider.authorize(leave(client, scope="recipes:read"))
    assert come_back(client, back).json()["scope"] == "recipes:read"
    assert client.get(LOGIN, params={"scope": "everything"}).status_code == 422


# Whose account it is


def test_new_person_gets_an_account(client: TestClient, provider: OpenIDServer, session: Session) -> None:
    who = me(client, signed_in(client, provider, email="New@example.com", given_name="New", family_name="Person"))
    assert (who["email"], who["first_name"], who["surname"]) == ("new@example.com", "New", "Person")
    assert (who["is_superuser"], who["roles"]) == (False, [])
    user = session.get_one(User, who["id"])
    assert user.email_verified_at is not None
    assert login(client, "new@example.com").status_code == 401, "no password opens it"


def test_claims_give_no_rights(client: TestClient, provider: OpenIDServer) -> None:
    more = {"is_superuser": True, "roles": ["manager"], "scope": "users:admin", "id": 1, "is_active": False}
    who = me(client, signed_in(client, provider, **more))
    assert (who["is_superuser"], who["roles"], who["is_active"]) == (False, [], True)


def test_identity_opens_the_same_account_whatever_its_email_is_later(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    bob = verified("bob")
    provider.userinfo = {"sub": "7"}
    first = me(client, signed_in(client, provider, sub="7", email="ann@example.com"))
    for claims in ({"email": bob.email}, {"email": "x@example.com", "email_verified": False}, {"email": ...}):
        assert me(client, signed_in(client, provider, sub="7", **claims)) == first
    assert linked(session) == {(first["id"], "7")}


def test_account_is_linked_where_both_sides_have_verified_its_email(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    user = verified(first_name="As it was")
    who = me(client, signed_in(client, provider, email="ANN@example.com", given_name="Other"))
    assert (who["id"], who["first_name"]) == (user.id, "As it was")
    assert linked(session) == {(user.id, "ann")}
    assert login(client).status_code == 200, "the password goes on to work"


def test_account_that_a_stranger_may_have_opened_is_not_linked_before_its_owner_has_taken_it_over(
    client: TestClient, provider: OpenIDServer, user: User, session: Session, mails: Mails
) -> None:
    """Or he, who waits with the password, would have what the owner of the address puts there."""
    assert_problem(sign_in(client, provider), 409)
    assert linked(session) == set()
    strangers = as_user(user)
    client.post("/api/v1/auth/password-reset", json={"email": user.email})
    token = token_in(mails()[-1])
    client.post("/api/v1/auth/password-reset/confirm", json={"token": token, "password": "another long sentence"})
    assert me(client, signed_in(client, provider))["id"] == user.id
    assert (login(client).status_code, status_of(client, strangers)) == (401, 401)


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": "true"}, {"email_verified": ...}, {"email": ...}]
)
def test_email_that_the_provider_has_not_verified_opens_nothing(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session, claims: dict[str, Any]
) -> None:
    verified()
    provider.userinfo = {"sub": "ann"}
    assert_problem(sign_in(client, provider, **claims), 403)
    assert_problem(sign_in(client, provider, **{"email": "new@example.com", **claims}), 403)
    assert (linked(session), accounts(session)) == (set(), 1)


def test_account_that_is_not_active_stays_closed(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    user = verified()
    headers = signed_in(client, provider)
    user.is_active = False
    session.commit()
    assert_problem(sign_in(client, provider), 403)
    assert_problem(sign_in(client, provider, sub="another"), 403)
    assert status_of(client, headers) == 401


def test_account_that_is_no_longer_confirmed_stays_closed_where_it_has_to_be(
    client: TestClient,
    provider: OpenIDServer,
    verified: Callable[..., User],
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = verified()
    signed_in(client, provider)
    user.email_verified_at = None
    session.commit()
    signed_in(client, provider)
    monkeypatch.setattr(linked_identity, "settings", settings.model_copy(update={"REQUIRE_VERIFIED_EMAIL": True}))
    assert_problem(sign_in(client, provider), 403)


def test_next_owner_of_an_address_does_not_get_the_account(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    user = verified()
    signed_in(client, provider, sub="first")
    assert_problem(sign_in(client, provider, sub="second"), 409)
    assert linked(session) == {(user.id, "first")}


def test_account_that_is_deleted_takes_its_identities_along(
    client: TestClient, provider: OpenIDServer, session: Session
) -> None:
    id = me(client, signed_in(client, provider))["id"]
    session.delete(session.get_one(User, id))
    session.commit()
    assert linked(session) == set()
    assert me(client, signed_in(client, provider))["id"] != id


# Linking and unlinking


def test_owner_links_an_identity_with_another_email(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User]
) -> None:
    user = verified()
    answer = link(client, provider, as_user(user), sub="7", email="private@example.org", email_verified=False)
    assert answer.status_code == 200
    assert me(client, signed_in(client, provider, sub="7"))["id"] == user.id
    (identity,) = client.get(IDENTITIES, headers=as_user(user)).json()["items"]
    assert (identity["issuer"], identity["subject"]) == (provider.url, "7")
    assert link(client, provider, as_user(user), sub="7").status_code == 200, "once more changes nothing"


def test_linking_takes_the_password(client: TestClient, provider: OpenIDServer, verified: Callable[..., User]) -> None:
    headers = as_user(verified())
    answer = start_link(client, headers, "another long sentence")
    assert_problem(answer, 403)
    assert answer.json()["errors"][0]["pointer"] == "/current_password"
    assert COOKIE not in client.cookies
    assert_problem(start_link(client, {}), 401)


def test_identity_of_a_stranger_does_not_wait_in_an_account_for_its_owner(
    client: TestClient, provider: OpenIDServer, user: User, session: Session
) -> None:
    """Whoever opens an account with somebody else's address would keep a way in when the owner takes it over."""
    assert_problem(start_link(client, as_user(user)), 409)
    user.email_verified_at = utc_now()
    session.commit()
    url = start_link(client, as_user(user)).json()["url"]
    user.email_verified_at = None
    session.commit()
    assert_problem(come_back(client, provider.authorize(url)), 409)
    assert linked(session) == set()


def test_identity_of_another_account_cannot_be_linked(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    ann, bob = verified("ann"), verified("bob")
    signed_in(client, provider, sub="7")
    assert_problem(link(client, provider, as_user(bob), sub="7"), 409)
    assert_problem(link(client, provider, as_user(ann), sub="8"), 409)
    assert linked(session) == {(ann.id, "7")}


def test_session_that_has_ended_links_nothing(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    headers = as_user(verified())
    url = start_link(client, headers).json()["url"]
    client.post("/api/v1/auth/logout", headers=headers)
    assert_problem(come_back(client, provider.authorize(url)), 401)
    assert linked(session) == set()


def test_identity_that_was_unlinked_opens_nothing_until_it_is_linked_again(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    user = verified()
    headers = signed_in(client, provider, sub="7")
    (identity,) = client.get(IDENTITIES, headers=headers).json()["items"]
    place = f"{IDENTITIES}/{identity['id']}"
    assert_problem(client.delete(place, headers=as_user(verified("bob"))), 404)
    assert client.delete(place, headers=headers).status_code == 204
    assert_problem(client.delete(place, headers=headers), 404)
    assert client.get(IDENTITIES, headers=headers).json() == {"items": []}
    assert_problem(sign_in(client, provider, sub="7"), 403)
    assert link(client, provider, as_user(user), sub="7").status_code == 200
    assert me(client, signed_in(client, provider, sub="7"))["id"] == user.id


def test_account_with_a_second_factor_is_linked_with_a_code_only(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], session: Session
) -> None:
    """Or whoever reads the mail, which is not enough to change the password, would be in."""
    user = verified()
    factor = set_up(client, as_user(user))
    assert_problem(sign_in(client, provider), 409)
    assert linked(session) == set()
    assert_problem(start_link(client, as_user(user)), 401)
    started = start_link(client, as_user(user), code=factor.recovery_codes[0])
    assert come_back(client, provider.authorize(started.json()["url"])).status_code == 200
    assert me(client, signed_in(client, provider))["id"] == user.id


def test_owner_is_told(client: TestClient, provider: OpenIDServer, verified: Callable[..., User], mails: Mails) -> None:
    user = verified()
    headers = signed_in(client, provider)
    assert to_whom(mails()) == [("ann@example.com", "Another way to sign in was linked")]
    (identity,) = client.get(IDENTITIES, headers=headers).json()["items"]
    client.delete(f"{IDENTITIES}/{identity['id']}", headers=headers)
    told = [("identity_unlinked", provider.url), ("signed_in", None), ("identity_linked", provider.url)]
    assert events_of(client, user)[:3] == told
    link(client, provider, as_user(user))
    assert len(mails()) == 2


def test_refusal_of_an_account_that_is_known_is_told(client: TestClient, provider: OpenIDServer, user: User) -> None:
    sign_in(client, provider)
    assert events_of(client, user)[0] == ("sign_in_failed", None)


def test_new_account_is_told_and_gets_no_mail(client: TestClient, provider: OpenIDServer, mails: Mails) -> None:
    headers = signed_in(client, provider)
    items = client.get("/api/v1/auth/events", params={"sort": "id"}, headers=headers).json()["items"]
    assert [one["what"] for one in items] == ["account_opened", "identity_linked", "signed_in"]
    assert mails() == []


# The browser


def test_cookie_is_short_lived_and_nobody_elses(client: TestClient, provider: OpenIDServer) -> None:
    cookie = client.get(LOGIN, follow_redirects=False).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    signed_in(client, provider)
    assert COOKIE not in client.cookies


def test_answer_counts_only_where_it_was_asked_for(client: TestClient, provider: OpenIDServer) -> None:
    back = provider.authorize(leave(client))
    cookie = client.cookies[COOKIE]
    for wrong in ({"state": "x" * 43}, {"state": "ü"}, {"state": PendingSignIn(CALLBACK).state}):
        assert_problem(come_back(client, back | wrong), 400)
    for text in ("", "x", "x.y", cookie[:-1], cookie[:-1] + ("A" if cookie[-1] != "A" else "B"), f"{cookie}x"):
        client.cookies.clear()
        client.cookies.set(COOKIE, text)
        assert_problem(come_back(client, back), 400)
    client.cookies.clear()
    assert_problem(come_back(client, back), 400)
    leave(client)
    assert_problem(come_back(client, back), 400)
    assert provider.times_asked("token") == 0
    client.cookies.clear()
    client.cookies.set(COOKIE, cookie)
    assert come_back(client, back).status_code == 200


def test_code_is_good_once(client: TestClient, provider: OpenIDServer, session: Session) -> None:
    back = provider.authorize(leave(client))
    cookie = client.cookies[COOKIE]
    assert come_back(client, back).status_code == 200
    client.cookies.set(COOKIE, cookie)
    assert_problem(come_back(client, back), 400)
    assert session.execute(select(func.count()).select_from(LoginSession)).scalar_one() == 1


def test_answer_may_say_more_than_is_known_but_nothing_twice(client: TestClient, provider: OpenIDServer) -> None:
    back = provider.authorize(leave(client))
    assert_problem(client.get(CALLBACK, params=[*back.items(), ("code", "other")]), 422)
    more = [("session_state", "x"), ("scope", "openid"), ("scope", "email"), ("prompt", "none")]
    assert client.get(CALLBACK, params=[*back.items(), *more]).status_code == 200


@pytest.mark.parametrize(("error", "expected"), [("access_denied", 403), ("server_error", 502), ("<script>", 502)])
def test_error_of_the_provider_is_a_problem_that_does_not_repeat_it(
    client: TestClient, provider: OpenIDServer, error: str, expected: int
) -> None:
    back = provider.authorize(leave(client)) | {"error": error, "error_description": "<b>what it says</b>"}
    answer = come_back(client, back)
    assert_problem(answer, expected)
    assert error not in answer.text
    assert "what it says" not in answer.text


def test_sources_and_passwords_are_limited(
    client: TestClient, provider: OpenIDServer, verified: Callable[..., User], limits: object
) -> None:
    answer = client.get(LOGIN, follow_redirects=False)
    assert answer.headers["RateLimit-Policy"] == '"single-sign-on";q=300;w=900'
    headers = as_user(verified())
    statuses = [start_link(client, headers, "another long sentence").status_code for _ in range(11)]
    assert statuses == [403] * 10 + [429]


def test_provider_that_is_down_is_a_problem(client: TestClient, provider: OpenIDServer) -> None:
    provider.answers["openid-configuration"] = status(503)
    assert_problem(client.get(LOGIN), 502)
    assert COOKIE not in client.cookies


def test_without_a_provider_there_is_nothing(client: TestClient, user: User) -> None:
    assert_problem(client.get(LOGIN), 404)
    assert_problem(client.get(CALLBACK, params={"state": "x"}), 404)
    assert_problem(start_link(client, as_user(user)), 404)
    assert client.get(IDENTITIES, headers=as_user(user)).json() == {"items": []}


# What the browser carries


def test_pending_sign_in_is_read_as_it_was_written() -> None:
    pending = PendingSignIn(CALLBACK, "/account?tab=1", "recipes:read", 7, 8)
    assert PendingSignIn.read(str(pending), CALLBACK, pending.state) == pending


def test_pending_sign_in_tells_nothing_that_the_provider_is_to_check() -> None:
    pending = PendingSignIn(CALLBACK)
    content = base64.urlsafe_b64decode(str(pending).partition(".")[0] + "==").decode()
    for secret in (pending.state, pending.nonce, pending.verifier):
        assert len(secret) == 43
        assert secret not in content
    assert len({pending.state, pending.nonce, pending.verifier, PendingSignIn(CALLBACK).state}) == 4
    assert pending.secret not in repr(pending)


def test_pending_sign_in_does_not_last(monkeypatch: pytest.MonkeyPatch) -> None:
    pending = PendingSignIn(CALLBACK)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + LIFETIME - 2)
    assert PendingSignIn.read(str(pending), CALLBACK, pending.state) == pending
    monkeypatch.setattr(time, "time", lambda: now + LIFETIME + 1)
    with pytest.raises(BadRequest):
        PendingSignIn.read(str(pending), CALLBACK, pending.state)


def test_pending_sign_in_ends_where_it_was_to_end() -> None:
    pending = PendingSignIn("/login/callback")
    with pytest.raises(BadRequest):
        PendingSignIn.read(str(pending), CALLBACK, pending.state)


@pytest.mark.parametrize("path", ["/", "/account", "/account?tab=1#keys", "/a//b", "/ünder"])
def test_pending_sign_in_goes_on_to_a_path_of_ours(path: str) -> None:
    assert PendingSignIn(CALLBACK, path).next == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "account",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n",
        "https://evil.example/",
        "javascript:alert(1)",
        " /",
        "/a\\b",
    ],
)
def test_pending_sign_in_goes_nowhere_else(path: str) -> None:
    with pytest.raises(Invalid):
        PendingSignIn(CALLBACK, path)
