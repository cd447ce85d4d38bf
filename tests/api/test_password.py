"""A password is changed by who knows it, set anew by who reads the mail, and never one that all the world tries."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Connection, event, update
from sqlalchemy.orm import Session

from app import crud
from app.core import one_time, security
from app.core.config import settings
from app.core.one_time import Purpose
from app.core.password_rules import is_common
from app.crud import outbox
from app.crud.proof import proof
from app.db import session as database
from app.models import User
from app.schemas.user import UserCreate
from tests.api.mailed import Mails, link_in, to_whom, token_in
from tests.api.test_auth import SIGNUP, login, signed_in, status_of
from tests.api.test_recipes import assert_problem
from tests.conftest import PASSWORD, as_user

CHANGE, RESET, CONFIRM = (f"/api/v1/auth/{path}" for path in ("password", "password-reset", "password-reset/confirm"))
NEW = "another long sentence"


def change(client: TestClient, headers: dict[str, str], current: str = PASSWORD, new: str = NEW) -> Response:
    return client.post(CHANGE, json={"current_password": current, "password": new}, headers=headers)


def ask(client: TestClient, email: str = "ann@example.com") -> Response:
    return client.post(RESET, json={"email": email})


def confirm(client: TestClient, token: str, password: str = NEW) -> Response:
    return client.post(CONFIRM, json={"token": token, "password": password})


def reset_token(client: TestClient, mails: Mails) -> str:
    assert ask(client).status_code == 202
    return token_in(mails()[-1])


# Rules

NAME = "annabel.of.the.hills"
SETTING = ("signup", "create", "patch", "patch both", "put", "change", "reset")

SetPassword = Callable[[str], Response]


@pytest.fixture(params=SETTING)
def set_password(
    request: pytest.FixtureRequest, client: TestClient, make_user: Callable[..., User], superuser: User
) -> SetPassword:
    """Every way to set a password of an account whose name is long enough to be one."""
    hers = {"email": f"{NAME}@example.com"}
    if request.param in ("signup", "create"):
        path = SIGNUP if request.param == "signup" else "/api/v1/users"
        return lambda word: client.post(path, json=hers | {"password": word}, headers=as_user(superuser))
    user = make_user(NAME)
    if request.param == "change":
        return lambda word: change(client, as_user(user), new=word)
    if request.param == "reset":
        token = one_time.write(Purpose.reset_password, proof(Purpose.reset_password, user))
        return lambda word: confirm(client, token, word)
    method, data = {"patch": ("PATCH", {}), "patch both": ("PATCH", hers), "put": ("PUT", hers)}[request.param]
    path = f"/api/v1/users/{user.id}"
    return lambda word: client.request(method, path, json=data | {"password": word}, headers=as_user(superuser))


REFUSED = {
    "common": "1q2w3e4r5t6y",
    "common, shouted": "QWERTY123456",
    "the account's name": NAME,
    "the account's address": f"{NAME}@example.com",
    "the account's address, shouted": f"{NAME}@example.com".upper(),
    "short": "eleven char",
    "long": "x" * 1025,
    "with NUL": "nul \x00 in the middle",
}


def test_no_way_leads_past_the_rules(set_password: SetPassword) -> None:
    for why, word in REFUSED.items():
        answer = set_password(word)
        assert_problem(answer, 422, "/password")
        assert word not in answer.text, why
    assert set_password(NEW).is_success, "what was refused used nothing up"


@pytest.mark.parametrize("word", ["twelve chars", "x" * 1024, "päßwörter sind 🐔 so", " " * 12])
def test_all_else_is_allowed(client: TestClient, set_password: SetPassword, word: str) -> None:
    assert set_password(word).is_success
    assert login(client, f"{NAME}@example.com", word).status_code == 200


def test_common_ones_are_those_that_a_list_knows() -> None:
    assert is_common("LeaveMeAlone")
    assert not is_common(PASSWORD)
    assert not is_common("monkey"), "it is too short to be looked up"


def test_older_password_still_signs_in(client: TestClient, session: Session, user: User) -> None:
    session.execute(update(User).where(User.id == user.id).values(hashed_password=security.hash_password("monkey")))
    session.commit()
    assert login(client, password="monkey").status_code == 200
    assert change(client, as_user(user), current="monkey").status_code == 204


# Changing it


def test_changed_password_ends_all_sessions_and_is_told_by_mail(client: TestClient, user: User, mails: Mails) -> None:
    sessions = [signed_in(client), signed_in(client)]
    answer = change(client, sessions[0])
    assert (answer.status_code, answer.content) == (204, b"")
    assert [status_of(client, one) for one in sessions] == [401, 401]
    assert login(client).status_code == 401
    assert status_of(client, signed_in(client, password=NEW)) == 200
    assert to_whom(mails()) == [("ann@example.com", "Your password was changed")]


@pytest.mark.parametrize("current", ["not " + PASSWORD, "x", "🐔" * 2048])
def test_who_does_not_know_the_password_does_not_change_it(
    client: TestClient, user: User, mails: Mails, current: str
) -> None:
    before = signed_in(client)
    answer = change(client, before, current=current)
    assert_problem(answer, 403, "/current_password")
    assert status_of(client, before) == 200
    assert mails() == []


@pytest.mark.parametrize("current", ["", "nul \x00 in the middle", "x" * 2049, None])
def test_current_password_that_cannot_be_one_is_422(client: TestClient, user: User, current: str) -> None:
    assert_problem(change(client, as_user(user), current=current), 422, "/current_password")


# Setting it anew


def test_reset_leads_back_in_through_the_mailbox(client: TestClient, user: User, mails: Mails) -> None:
    session = signed_in(client)
    answer = ask(client, "ANN@example.com")
    assert (answer.status_code, answer.content) == (202, b"")
    [mail] = mails()
    assert to_whom([mail]) == [("ann@example.com", "Set a new password")]
    assert link_in(mail).startswith(f"{settings.PUBLIC_URL}/reset-password?token=")
    assert confirm(client, token_in(mail)).status_code == 204
    assert status_of(client, session) == 401
    assert login(client).status_code == 401
    after = signed_in(client, password=NEW)
    assert client.get("/api/v1/auth/me", headers=after).json()["email_verified_at"], "he reads what is sent there"
    assert to_whom(mails())[1:] == [("ann@example.com", "Your password was changed")]


def test_link_in_the_mail_is_ours_whatever_host_was_asked(client: TestClient, user: User, mails: Mails) -> None:
    client.post(RESET, json={"email": "ann@example.com"}, headers={"Host": "evil.example", "X-Forwarded-Host": "e"})
    assert link_in(mails()[0]).startswith(f"{settings.PUBLIC_URL}/")


@pytest.mark.parametrize("email", ["nobody@example.com", "gone@example.com"])
def test_nobody_else_gets_a_mail_and_the_answer_does_not_tell(
    client: TestClient, make_user: Callable[..., User], mails: Mails, email: str
) -> None:
    make_user()
    make_user("gone", is_active=False)
    answers = [ask(client, one) for one in ("ann@example.com", email)]
    first, second = ((answer.status_code, answer.content, {*answer.headers}) for answer in answers)
    assert first == second
    assert [to for to, _ in to_whom(mails())] == ["ann@example.com"]


@pytest.mark.parametrize("path", [RESET, "/api/v1/auth/verify-email"])
def test_request_does_the_same_work_whether_or_not_there_is_an_account(
    client: TestClient, session: Session, connection: Connection, user: User, path: str
) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *call: statements.append(call[2]))
    done = []
    for email in ("ann@example.com", "nobody@example.com"):
        statements.clear()
        assert client.post(path, json={"email": email}).status_code == 202
        done.append([statement for statement in statements if "SAVEPOINT" not in statement])
    assert done[0] == done[1]
    assert [statement.partition(" (")[0] for statement in done[0]] == ["INSERT INTO job"]
    ann, nobody = outbox.left(session)
    assert ann.name == nobody.name
    assert (ann.arguments, nobody.arguments) == ({"email": "ann@example.com"}, {"email": "nobody@example.com"})


def test_token_of_a_reset_is_used_once(client: TestClient, user: User, mails: Mails) -> None:
    token = reset_token(client, mails)
    assert confirm(client, token).status_code == 204
    assert_problem(confirm(client, token, "a third long sentence"), 400, "/token")
    assert login(client, password=NEW).status_code == 200


def test_token_of_a_reset_lives_for_an_hour(
    client: TestClient, user: User, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = reset_token(client, mails)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3601)
    assert_problem(confirm(client, token), 400, "/token")
    monkeypatch.setattr(time, "time", lambda: now() + 3590)
    assert confirm(client, token).status_code == 204


@pytest.mark.parametrize(
    "change", [{"password": "a third long sentence"}, {"email": "annie@example.com"}, {"is_active": False}]
)
def test_token_of_a_reset_ends_with_what_it_was_made_for(
    client: TestClient, user: User, superuser: User, mails: Mails, change: dict[str, object]
) -> None:
    token = reset_token(client, mails)
    path = f"/api/v1/users/{user.id}"
    assert client.patch(path, json=change, headers=as_user(superuser)).status_code == 200
    assert_problem(confirm(client, token), 400, "/token")


def test_token_of_a_deleted_account_is_nobodys(client: TestClient, user: User, superuser: User, mails: Mails) -> None:
    token = reset_token(client, mails)
    assert client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)).status_code == 204
    assert_problem(confirm(client, token), 400, "/token")


def test_use_of_a_token_ends_all_that_were_mailed_before(client: TestClient, user: User, mails: Mails) -> None:
    first, second = reset_token(client, mails), reset_token(client, mails)
    assert confirm(client, second).status_code == 204
    assert_problem(confirm(client, first), 400, "/token")


def test_of_six_uses_at_once_one_counts(busy_client: TestClient) -> None:
    with database.WriteSessions.begin() as session:
        ann = crud.user.create(session, UserCreate(email="ann@example.com", password=PASSWORD))
    token = one_time.write(Purpose.reset_password, proof(Purpose.reset_password, ann))
    with ThreadPoolExecutor(6) as threads:
        answers = threads.map(lambda number: confirm(busy_client, token, f"{NEW} {number}"), range(6))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 5


@pytest.mark.parametrize("body", [{}, {"email": None}, {"email": "ann"}, {"email": "ann@example.com\nBcc: eve@e.com"}])
def test_reset_of_what_is_no_address_is_422(client: TestClient, body: dict[str, object]) -> None:
    assert_problem(client.post(RESET, json=body), 422, "/email")
