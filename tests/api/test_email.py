"""An address counts once its owner has shown that he reads what is sent there."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from app.core.config import Settings, settings
from app.crud import credentials
from app.models import User
from tests.api.mailed import Mails, link_in, to_whom, token_in
from tests.api.test_auth import ANN, ME, SIGNUP, login, signed_in
from tests.api.test_password import NEW, ask
from tests.api.test_password import change as change_password
from tests.api.test_password import confirm as confirm_reset
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user

VERIFY, CHANGE = "/api/v1/auth/verify-email", "/api/v1/auth/email"


def confirm(client: TestClient, token: str, path: str = VERIFY) -> Response:
    return client.post(f"{path}/confirm", json={"token": token})


def verified(client: TestClient, user: User) -> bool:
    return client.get(ME, headers=as_user(user)).json()["email_verified_at"] is not None


def ask_for_change(
    client: TestClient, user: User, email: str = "annie@example.com", password: str = PASSWORD
) -> Response:
    return client.post(CHANGE, json={"email": email, "current_password": password}, headers=as_user(user))


def change_token(client: TestClient, user: User, mails: Mails, email: str = "annie@example.com") -> str:
    assert ask_for_change(client, user, email).status_code == 202
    return token_in(next(mail for mail in reversed(mails()) if mail["To"] == email))


# Verification


def test_signup_is_followed_by_a_mail_that_confirms_the_address(client: TestClient, mails: Mails) -> None:
    assert client.post(SIGNUP, json=ANN).json()["email_verified_at"] is None
    [mail] = mails()
    assert to_whom([mail]) == [("ann@example.com", "Confirm your e-mail address")]
    assert link_in(mail).startswith(f"{settings.PUBLIC_URL}/verify-email?token=")
    answer = confirm(client, token_in(mail))
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(ME, headers=signed_in(client)).json()["email_verified_at"]


def test_signup_that_fails_sends_nothing(client: TestClient, user: User, mails: Mails) -> None:
    assert_problem(client.post(SIGNUP, json=ANN), 409, "/email")
    assert mails() == []


def test_verification_is_mailed_again_to_who_needs_it_and_the_answer_does_not_tell(
    client: TestClient, make_user: Callable[..., User], mails: Mails
) -> None:
    make_user()
    make_user("gone", is_active=False)
    confirmed = make_user("bob")
    assert client.post(VERIFY, json={"email": "bob@example.com"}).status_code == 202
    assert confirm(client, token_in(mails()[0])).status_code == 204
    assert verified(client, confirmed)
    answers = {}
    for name in ("ann", "bob", "gone", "nobody"):
        answer = client.post(VERIFY, json={"email": f"{name}@example.com"})
        answers[name] = (answer.status_code, answer.content, frozenset(answer.headers))
    assert set(answers.values()) == {answers["ann"]}
    assert answers["ann"][:2] == (202, b"")
    assert [to for to, _ in to_whom(mails())[1:]] == ["ann@example.com"]


def test_token_of_a_verification_is_used_once_and_within_a_day(
    client: TestClient, user: User, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(VERIFY, json={"email": user.email})
    token = token_in(mails()[0])
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 24 * 3600 + 1)
    assert_problem(confirm(client, token), 400, "/token")
    monkeypatch.undo()
    assert confirm(client, token).status_code == 204
    assert_problem(confirm(client, token), 400, "/token")


def test_verification_is_of_one_address(client: TestClient, user: User, superuser: User, mails: Mails) -> None:
    client.post(VERIFY, json={"email": user.email})
    token = token_in(mails()[0])
    path = f"/api/v1/users/{user.id}"
    client.patch(path, json={"email": "annie@example.com"}, headers=as_user(superuser))
    assert_problem(confirm(client, token), 400, "/token")
    assert not verified(client, user)


def test_address_that_somebody_else_sets_has_yet_to_be_confirmed(
    client: TestClient, user: User, superuser: User, mails: Mails
) -> None:
    client.post(VERIFY, json={"email": user.email})
    assert confirm(client, token_in(mails()[0])).status_code == 204
    path = f"/api/v1/users/{user.id}"
    for email, stays in {"ann@example.com": True, "ANN@example.com": True, "annie@example.com": False}.items():
        answer = client.patch(path, json={"email": email}, headers=as_user(superuser))
        assert (answer.json()["email_verified_at"] is not None) == stays, email


@pytest.mark.parametrize("field", ["email_verified_at", "verified"])
def test_nobody_confirms_by_saying_so(client: TestClient, user: User, superuser: User, field: str) -> None:
    said: dict[str, Any] = {field: "2026-01-31T12:00:00Z"}
    assert_problem(client.post(SIGNUP, json=ANN | said), 422, f"/{field}")
    path = f"/api/v1/users/{user.id}"
    assert_problem(client.patch(path, json=said, headers=as_user(superuser)), 422, f"/{field}")


def test_unverified_account_signs_in_unless_a_setting_demands_it(
    client: TestClient, user: User, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert login(client).status_code == 200
    strict = settings.model_copy(update={"REQUIRE_VERIFIED_EMAIL": True})
    monkeypatch.setattr(credentials, "settings", strict)
    unverified, unknown = login(client), login(client, "nobody@example.com")
    assert (unverified.status_code, unknown.status_code) == (401, 401)
    assert unverified.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
    client.post(VERIFY, json={"email": user.email})
    assert confirm(client, token_in(mails()[0])).status_code == 204
    assert login(client).status_code == 200


def test_setting_is_off_by_default() -> None:
    assert Settings.model_fields["REQUIRE_VERIFIED_EMAIL"].default is False


# Another address


def test_new_address_is_confirmed_where_it_leads_and_told_to_the_old_one(
    client: TestClient, user: User, mails: Mails
) -> None:
    answer = ask_for_change(client, user, "Annie@Example.com")
    assert (answer.status_code, answer.content) == (202, b"")
    link, notice = sorted(mails(), key=lambda mail: mail["To"], reverse=True)
    assert to_whom([link, notice]) == [
        ("annie@example.com", "Confirm your new e-mail address"),
        ("ann@example.com", "Your e-mail address is about to change"),
    ]
    assert client.get(ME, headers=as_user(user)).json()["email"] == "ann@example.com"
    assert link_in(link).startswith(f"{settings.PUBLIC_URL}/change-email?token=")
    assert confirm(client, token_in(link), CHANGE).status_code == 204
    me = client.get(ME, headers=as_user(user)).json()
    assert me["email"] == "annie@example.com"
    assert me["email_verified_at"]
    assert to_whom(mails())[2:] == [("ann@example.com", "Your e-mail address was changed")]
    assert login(client).status_code == 401
    assert login(client, "annie@example.com").status_code == 200


def test_address_is_not_changed_without_the_password(client: TestClient, user: User, mails: Mails) -> None:
    assert_problem(ask_for_change(client, user, password="not " + PASSWORD), 403, "/current_password")
    assert mails() == []


def test_address_that_another_account_has_is_409_once_it_is_confirmed(
    client: TestClient, make_user: Callable[..., User], mails: Mails
) -> None:
    ann, _ = make_user(), make_user("bob")
    token = change_token(client, ann, mails, "bob@example.com")
    assert_problem(confirm(client, token, CHANGE), 409, "/email")
    assert client.get(ME, headers=as_user(ann)).json()["email"] == "ann@example.com"
    assert [mail["Subject"] for mail in mails()].count("Your e-mail address was changed") == 0


def test_token_of_a_change_is_used_once(client: TestClient, user: User, mails: Mails) -> None:
    token, other = (change_token(client, user, mails, f"{name}@example.com") for name in ("annie", "anna"))
    assert confirm(client, token, CHANGE).status_code == 204
    for late in (token, other):
        assert_problem(confirm(client, late, CHANGE), 400, "/token")


def test_owner_who_takes_the_account_back_ends_the_change_of_a_thief(
    client: TestClient, user: User, mails: Mails
) -> None:
    """Also when the mail with the link is only written afterwards."""
    written = change_token(client, user, mails, "thief@example.com")
    assert ask_for_change(client, user, "thief@example.net").status_code == 202
    session = as_user(user)
    assert change_password(client, session, new=NEW).status_code == 204
    late = token_in(next(mail for mail in mails() if mail["To"] == "thief@example.net"))
    for token in (written, late):
        assert_problem(confirm(client, token, CHANGE), 400, "/token")


def test_old_address_can_set_a_new_password_until_then(client: TestClient, user: User, mails: Mails) -> None:
    token = change_token(client, user, mails, "thief@example.com")
    ask(client)
    assert confirm_reset(client, token_in(mails()[-1])).status_code == 204
    assert_problem(confirm(client, token, CHANGE), 400, "/token")


# Tokens

PURPOSES = ("password-reset", "verify-email", "email")


@pytest.fixture
def tokens(client: TestClient, user: User, mails: Mails) -> dict[str, str]:
    """One for each purpose, all of them good."""
    ask(client)
    client.post(VERIFY, json={"email": user.email})
    reset, verification = map(token_in, mails())
    return dict(zip(PURPOSES, (reset, verification, change_token(client, user, mails)), strict=True))


@pytest.mark.parametrize("path", PURPOSES)
def test_token_is_for_one_purpose(
    client: TestClient, session: Session, user: User, tokens: dict[str, str], path: str
) -> None:
    right = tokens.pop(path)
    password = {"password": NEW} if path == "password-reset" else {}
    for token in (*tokens.values(), as_user(user)["Authorization"].removeprefix("Bearer ")):
        answer = client.post(f"/api/v1/auth/{path}/confirm", json={"token": token, **password})
        assert_problem(answer, 400, "/token")
    session.refresh(user)
    assert (user.email, user.email_verified_at, user.token_generation) == ("ann@example.com", None, 1)
    assert client.post(f"/api/v1/auth/{path}/confirm", json={"token": right, **password}).status_code == 204


def test_token_from_a_mail_is_no_access_token(client: TestClient, tokens: dict[str, str]) -> None:
    for token in tokens.values():
        answer = client.get(ME, headers={"Authorization": f"Bearer {token}"})
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
