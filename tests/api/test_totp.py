"""Second factors: set up with care, asked for where they should be, and good for one use."""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import structlog
from fastapi.testclient import TestClient
from httpx2 import Response
from passlib.totp import AppWallet
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.core import one_time, security
from app.core.one_time import Purpose
from app.core.scopes import MEMBER, Scope
from app.core.security import TotpSecret
from app.crud.proof import proof
from app.db.base import Base
from app.models import Totp, User
from tests.api.live import live
from tests.api.mailed import Mails, to_whom
from tests.api.test_auth import LOGIN, SIGNUP, login, status_of
from tests.api.test_constraints import CLIENTS, at_once
from tests.api.test_recipes import assert_problem
from tests.api.test_sessions import headers_of, refreshed
from tests.conftest import PASSWORD, as_user, with_key
from tests.support.totp import App, Factor, set_up

TOTP = "/api/v1/auth/totp"
EVENTS = "/api/v1/auth/events"
NEW_PASSWORD = "another long sentence"
CONFIRM, RECOVERY_CODES = f"{TOTP}/confirm", f"{TOTP}/recovery-codes"

REQUIRED = "urn:larder:second-factor-required"

EITHER = pytest.mark.parametrize(
    "which", [lambda factor: factor.app.code(), lambda factor: factor.recovery_codes[0]], ids=["app", "recovery"]
)

NOW = 2_000_000_000 // 30 * 30


class Clock:
    """The server's, as far as codes are concerned."""

    now = NOW

    def let_pass(self, seconds: int = 30) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(security.Totp, "now", staticmethod(lambda: clock.now))
    return clock


@pytest.fixture
def factor(client: TestClient, user: User, clock: Clock) -> Factor:
    """The user has one, and all its codes are still to be used."""
    factor = set_up(client, as_user(user))
    clock.let_pass(300)
    return factor


def sign_in(client: TestClient, code: str | None = None, **form: str) -> Response:
    fields = {"username": "ann@example.com", "password": PASSWORD, **({"code": code} if code else {}), **form}
    return client.post(LOGIN, data=fields)


def begin(client: TestClient, headers: dict[str, str], password: str = PASSWORD) -> Response:
    return client.post(TOTP, json={"current_password": password}, headers=headers)


def confirm(client: TestClient, headers: dict[str, str], code: str) -> Response:
    return client.post(CONFIRM, json={"code": code}, headers=headers)


def remove(client: TestClient, headers: dict[str, str], code: str) -> Response:
    return client.request("DELETE", TOTP, json={"code": code}, headers=headers)


def assert_asks(answer: Response) -> None:
    assert_problem(answer, 401)
    assert (answer.json()["type"], answer.json()["title"]) == (REQUIRED, "Second factor required")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_user_authentication"'


def assert_refuses(answer: Response) -> None:
    assert_problem(answer, 401, "/code")
    assert answer.json()["type"] == "about:blank"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


# Setting up


def test_factor_is_asked_for_once_it_is_confirmed(client: TestClient, user: User) -> None:
    headers = as_user(user)
    begun = begin(client, headers)
    assert begun.status_code == 200, begun.text
    assert begun.headers["Cache-Control"] == "no-store"
    state = {"is_active": False, "recovery_codes_left": 0, "confirmed_at": None}
    assert client.get(TOTP, headers=headers).json() == state
    assert sign_in(client).status_code == 200

    confirmed = confirm(client, headers, App(begun.json()["secret"]).code())
    assert confirmed.status_code == 200, confirmed.text
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    state = client.get(TOTP, headers=headers).json()
    assert (state["is_active"], state["recovery_codes_left"]) == (True, 10)
    assert_asks(sign_in(client))
    assert status_of(client, headers) == 200, "sessions of before go on"


def test_app_can_read_the_link_and_the_image(client: TestClient, user: User) -> None:
    begun = begin(client, as_user(user)).json()
    uri = urlsplit(begun["uri"])
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/Larder:ann@example.com")
    assert parse_qs(uri.query) == {"secret": [begun["secret"]], "issuer": ["Larder"]}
    kind, _, image = begun["qr_code"].partition(",")
    assert kind == "data:image/svg+xml;charset=utf-8"
    assert ET.fromstring(unquote(image)).tag == "{http://www.w3.org/2000/svg}svg"


def test_set_up_takes_the_current_password(client: TestClient, session: Session, user: User) -> None:
    assert_problem(begin(client, as_user(user), "not " + PASSWORD), 403, "/current_password")
    assert session.scalars(select(Totp)).all() == []


def test_set_up_begun_anew_is_another(client: TestClient, user: User) -> None:
    headers = as_user(user)
    first, second = (App(begin(client, headers).json()["secret"]) for _ in range(2))
    assert_problem(confirm(client, headers, first.code()), 422, "/code")
    assert confirm(client, headers, second.code()).status_code == 200


def test_wrong_code_confirms_nothing(client: TestClient, user: User) -> None:
    headers = as_user(user)
    app = App(begin(client, headers).json()["secret"])
    for code in (app.wrong_code(), app.code(-2), "x"):
        assert_problem(confirm(client, headers, code), 422, "/code")
    assert sign_in(client).status_code == 200


def test_nothing_is_confirmed_that_was_not_begun(client: TestClient, user: User) -> None:
    assert_problem(confirm(client, as_user(user), "123456"), 409)


def test_second_second_factor_takes_the_place_of_none(client: TestClient, user: User, factor: Factor) -> None:
    headers = as_user(user)
    assert_problem(begin(client, headers), 409)
    assert_problem(confirm(client, headers, factor.app.code()), 409)
    assert sign_in(client, factor.app.code()).status_code == 200


def test_code_that_confirmed_is_used_up(client: TestClient, user: User) -> None:
    factor = set_up(client, as_user(user))
    assert_refuses(sign_in(client, factor.app.code()))


# Signing in


def test_login_takes_a_code_of_the_app(client: TestClient, user: User, factor: Factor) -> None:
    answer = sign_in(client, factor.app.code())
    assert answer.status_code == 200, answer.text
    assert status_of(client, headers_of(answer.json())) == 200


def test_login_without_a_code_begins_no_session(client: TestClient, user: User, factor: Factor) -> None:
    headers = as_user(user)
    for answer in (sign_in(client), sign_in(client, code="")):
        assert_asks(answer)
    assert_refuses(sign_in(client, factor.app.wrong_code()))
    assert len(client.get("/api/v1/auth/sessions", headers=headers).json()["items"]) == 2


def test_wrong_password_says_nothing_of_a_second_factor(
    client: TestClient, make_user: Callable[..., User], factor: Factor
) -> None:
    make_user("bob")
    emails = "ann@example.com", "bob@example.com", "nobody@example.com"
    codes = None, factor.app.code(), factor.recovery_codes[0], "x"
    answers = [sign_in(client, code, username=one, password="not " + PASSWORD) for one in emails for code in codes]
    assert {answer.status_code for answer in answers} == {401}
    first, *others = ({**answer.json(), "request_id": ""} for answer in answers)
    assert others == [first] * 11
    for code in codes[1:3]:
        assert sign_in(client, code).status_code == 200, "what came with a wrong password is not used up"


def test_code_of_an_account_without_a_second_factor_is_ignored(client: TestClient, user: User) -> None:
    assert sign_in(client, "123456").status_code == 200


def test_refresh_does_not_ask_again(client: TestClient, factor: Factor) -> None:
    tokens = sign_in(client, factor.app.code()).json()
    assert status_of(client, headers_of(refreshed(client, tokens))) == 200


def test_code_of_somebody_else_is_wrong(client: TestClient, make_user: Callable[..., User], factor: Factor) -> None:
    bob = set_up(client, as_user(make_user("bob")))
    for code in (factor.app.code(), *factor.recovery_codes):
        assert_refuses(sign_in(client, code, username="bob@example.com"))
    assert sign_in(client, bob.recovery_codes[0], username="bob@example.com").status_code == 200


def test_key_is_not_asked_and_changes_no_second_factor(client: TestClient, user: User, factor: Factor) -> None:
    key = with_key(user, *(MEMBER - {Scope.account_write}))
    assert client.get(TOTP, headers=key).status_code == 200
    code = factor.app.code()
    answers = [begin(client, key), confirm(client, key, code), remove(client, key, code)]
    answers.append(client.post(RECOVERY_CODES, json={"code": code}, headers=key))
    assert [answer.status_code for answer in answers] == [403] * 4
    assert sign_in(client, code).status_code == 200


# Codes of the app


@pytest.mark.parametrize("seconds", [0, 29])
def test_clocks_may_differ_by_one_step(client: TestClient, factor: Factor, clock: Clock, seconds: int) -> None:
    clock.let_pass(seconds)
    codes = [factor.app.code(steps) for steps in (-2, 2, -1, 0, 1)]
    assert [sign_in(client, code).status_code for code in codes] == [401, 401, 200, 200, 200]


def test_code_is_used_once(client: TestClient, factor: Factor) -> None:
    assert sign_in(client, factor.app.code()).status_code == 200
    assert_refuses(sign_in(client, factor.app.code()))
    assert sign_in(client, factor.app.code(1)).status_code == 200


def test_code_before_one_that_was_used_is_used_up(client: TestClient, factor: Factor) -> None:
    assert sign_in(client, factor.app.code(1)).status_code == 200
    for steps in (-1, 0, 1):
        assert_refuses(sign_in(client, factor.app.code(steps)))


@pytest.mark.parametrize("shape", ["{0}{1}", "{0} {1}", "{0}-{1}", " {0}{1} "])
def test_code_may_be_typed_as_apps_show_it(client: TestClient, factor: Factor, shape: str) -> None:
    code = factor.app.code()
    assert sign_in(client, shape.format(code[:3], code[3:])).status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        "12345",
        "1234567",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "+12345",
        "0x1234",
        "💥",
        "-",
        "A" * 64,
    ],
)
def test_odd_code_is_a_wrong_one(client: TestClient, factor: Factor, code: str) -> None:
    assert_refuses(sign_in(client, code))


@pytest.mark.parametrize("code", ["1" * 65, "nul\x00"])
def test_code_that_breaks_a_rule_is_422(client: TestClient, factor: Factor, code: str) -> None:
    assert_problem(sign_in(client, code), 422, "/code")


@pytest.fixture
def real(engine: Engine, lifespan: TestClient) -> Iterator[TestClient]:
    with live(engine):
        yield lifespan


@pytest.fixture
def real_factor(real: TestClient, clock: Clock) -> Factor:
    real.post(SIGNUP, json={"email": "ann@example.com", "password": PASSWORD})
    factor = set_up(real, headers_of(login(real).json()))
    clock.let_pass(300)
    return factor


@EITHER
def test_of_twenty_who_send_the_same_code_one_gets_in(
    real: TestClient, real_factor: Factor, which: Callable[[Factor], str]
) -> None:
    code = which(real_factor)
    answers = at_once(lambda _: sign_in(real, code))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: CLIENTS - 1}


def test_of_twenty_who_confirm_one_gets_recovery_codes(real: TestClient, engine: Engine) -> None:
    real.post(SIGNUP, json={"email": "ann@example.com", "password": PASSWORD})
    headers = headers_of(login(real).json())
    code = App(begin(real, headers).json()["secret"]).code()
    answers = at_once(lambda _: confirm(real, headers, code))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CLIENTS - 1}
    assert client_state(real, headers)["recovery_codes_left"] == 10


def test_of_twenty_who_renew_the_recovery_codes_the_last_one_leaves_his(real: TestClient, real_factor: Factor) -> None:
    headers = headers_of(sign_in(real, real_factor.app.code()).json())
    codes = real_factor.recovery_codes * 2
    answers = at_once(lambda number: real.post(RECOVERY_CODES, json={"code": codes[number]}, headers=headers))
    assert {answer.status_code for answer in answers} == {200, 401}
    assert client_state(real, headers)["recovery_codes_left"] == 10


# Guessing


def guess(client: TestClient, factor: Factor, times: int) -> None:
    for _ in range(times):
        assert_refuses(sign_in(client, factor.app.wrong_code()))


@pytest.fixture
def later(session: Session) -> Callable[[timedelta], None]:
    """Lets time pass since wrong codes were sent."""

    def let_pass(time: timedelta) -> None:
        row = session.scalars(select(Totp).execution_options(populate_existing=True)).one()
        assert row.wrong_since is not None
        row.wrong_since -= time
        session.commit()

    return let_pass


def test_after_ten_wrong_codes_the_right_one_is_refused_for_a_day(
    client: TestClient, factor: Factor, later: Callable[[timedelta], None]
) -> None:
    guess(client, factor, 10)
    assert_refuses(sign_in(client, factor.app.code()))
    later(timedelta(hours=23, minutes=59))
    assert_refuses(sign_in(client, factor.app.code()))
    later(timedelta(minutes=1, seconds=1))
    assert sign_in(client, factor.app.code()).status_code == 200


def test_guessing_on_does_not_make_the_day_longer(
    client: TestClient, factor: Factor, later: Callable[[timedelta], None]
) -> None:
    guess(client, factor, 10)
    later(timedelta(hours=23))
    guess(client, factor, 5)
    later(timedelta(hours=1, seconds=1))
    assert sign_in(client, factor.app.code()).status_code == 200


def test_owner_gets_in_with_a_recovery_code_while_others_guess(client: TestClient, factor: Factor) -> None:
    guess(client, factor, 12)
    assert sign_in(client, factor.recovery_codes[0]).status_code == 200


def test_right_code_forgives_wrong_ones(client: TestClient, factor: Factor, clock: Clock) -> None:
    for _ in range(3):
        guess(client, factor, 9)
        assert sign_in(client, factor.app.code()).status_code == 200
        clock.let_pass()


def test_wrong_codes_are_counted_also_where_nobody_signs_in(client: TestClient, user: User, factor: Factor) -> None:
    headers = as_user(user)
    for _ in range(5):
        assert_refuses(remove(client, headers, factor.app.wrong_code()))
        json = {"code": factor.app.wrong_code()}
        assert_refuses(client.post(RECOVERY_CODES, json=json, headers=headers))
    assert_refuses(sign_in(client, factor.app.code()))


def test_used_code_is_no_guess(client: TestClient, factor: Factor) -> None:
    """Somebody who sends his form twice, or whose answer was lost, locks himself out of nothing."""
    assert sign_in(client, factor.app.code()).status_code == 200
    for _ in range(12):
        assert_refuses(sign_in(client, factor.app.code()))
    assert sign_in(client, factor.app.code(1)).status_code == 200


def test_each_of_twenty_wrong_codes_at_once_is_counted(real: TestClient, real_factor: Factor, engine: Engine) -> None:
    at_once(lambda _: sign_in(real, real_factor.app.wrong_code()))
    with engine.connect() as connection:
        assert connection.scalar(select(Totp.wrong_codes)) == CLIENTS
    assert_refuses(sign_in(real, real_factor.app.code()))


# Recovery codes


def test_each_recovery_code_is_good_for_one_use(client: TestClient, user: User, factor: Factor) -> None:
    headers = as_user(user)
    for left, code in zip(range(9, -1, -1), factor.recovery_codes, strict=True):
        assert sign_in(client, code).status_code == 200
        assert client_state(client, headers)["recovery_codes_left"] == left
    assert_refuses(sign_in(client, factor.recovery_codes[0]))


def test_recovery_code_may_be_typed_in_other_ways(client: TestClient, factor: Factor) -> None:
    first, second, *_ = factor.recovery_codes
    assert sign_in(client, first.lower().replace("-", "")).status_code == 200
    assert sign_in(client, f" {second.replace('-', ' ')} ").status_code == 200


def test_new_recovery_codes_take_the_place_of_the_old_ones(client: TestClient, user: User, factor: Factor) -> None:
    answer = client.post(RECOVERY_CODES, json={"code": factor.app.code()}, headers=as_user(user))
    assert answer.status_code == 200, answer.text
    new = answer.json()["recovery_codes"]
    assert len({*new, *factor.recovery_codes}) == 20
    assert_refuses(sign_in(client, factor.recovery_codes[0]))
    assert sign_in(client, new[0]).status_code == 200


# Removing


@EITHER
def test_factor_is_removed_with_one_of_its_codes(
    client: TestClient, user: User, factor: Factor, which: Callable[[Factor], str]
) -> None:
    headers = as_user(user)
    assert_refuses(remove(client, headers, factor.app.wrong_code()))
    assert_problem(client.request("DELETE", TOTP, json={}, headers=headers), 422, "/code")
    assert_asks(sign_in(client))
    assert remove(client, headers, which(factor)).status_code == 204
    assert client_state(client, headers) == {"is_active": False, "recovery_codes_left": 0, "confirmed_at": None}
    assert sign_in(client).status_code == 200
    assert set_up(client, headers).recovery_codes != factor.recovery_codes


def test_superuser_removes_the_factor_of_somebody_else_who_is_told(
    client: TestClient, user: User, superuser: User, factor: Factor, mails: Mails
) -> None:
    path = f"/api/v1/users/{user.id}/totp"
    assert_problem(client.delete(path, headers=as_user(user)), 403)
    assert client.delete(path, headers=as_user(superuser)).status_code == 204
    newest = client.get(EVENTS, headers=as_user(user), params={"what": "second_factor_removed"}).json()["items"]
    assert [one["actor_id"] for one in newest] == [superuser.id]
    assert to_whom(mails())[-1:] == [("ann@example.com", "Your second factor was removed")]
    assert sign_in(client).status_code == 200
    assert_problem(client.delete(path, headers=as_user(superuser)), 404)


def test_superuser_removes_his_own_with_a_code_only(client: TestClient, superuser: User) -> None:
    set_up(client, as_user(superuser))
    assert_problem(client.delete(f"/api/v1/users/{superuser.id}/totp", headers=as_user(superuser)), 403)
    assert_asks(sign_in(client, username="root@example.com"))


def test_factor_goes_with_its_account(client: TestClient, user: User, superuser: User, factor: Factor) -> None:
    assert client.delete(f"/api/v1/users/{user.id}", headers=as_user(superuser)).status_code == 204


# Before other changes

CHANGES: dict[str, Callable[..., Response]] = {
    "password": lambda client, headers, code, _: client.post(
        "/api/v1/auth/password",
        json={"current_password": PASSWORD, "password": NEW_PASSWORD, "code": code},
        headers=headers,
    ),
    "e-mail": lambda client, headers, code, _: client.post(
        "/api/v1/auth/email",
        json={"current_password": PASSWORD, "email": "annie@example.com", "code": code},
        headers=headers,
    ),
    "reset": lambda client, _, code, user: client.post(
        "/api/v1/auth/password-reset/confirm",
        json={
            "token": one_time.write(Purpose.reset_password, proof(Purpose.reset_password, user)),
            "password": NEW_PASSWORD,
            "code": code,
        },
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_takes_a_code(client: TestClient, user: User, factor: Factor, mails: Mails, name: str) -> None:
    headers = as_user(user)
    before = len(mails())
    assert_asks(CHANGES[name](client, headers, None, user))
    assert_refuses(CHANGES[name](client, headers, factor.app.wrong_code(), user))
    assert_asks(sign_in(client))
    assert len(mails()) == before
    assert CHANGES[name](client, headers, factor.app.code(), user).is_success
    assert len(mails()) > before


@pytest.mark.parametrize("name", ["password", "reset"])
def test_second_factor_survives_a_new_password(client: TestClient, user: User, factor: Factor, name: str) -> None:
    assert CHANGES[name](client, as_user(user), factor.app.code(), user).status_code == 204
    assert_asks(sign_in(client, password=NEW_PASSWORD))
    assert sign_in(client, factor.app.code(1), password=NEW_PASSWORD).status_code == 200


def test_wrong_password_is_said_before_a_code_is_asked_for(client: TestClient, user: User, factor: Factor) -> None:
    json = {"current_password": "not " + PASSWORD, "password": NEW_PASSWORD}
    assert_problem(client.post("/api/v1/auth/password", json=json, headers=as_user(user)), 403, "/current_password")


def test_those_who_change_all_at_once_do_not_wait_for_each_other_for_ever(
    real: TestClient, real_factor: Factor
) -> None:
    headers = [headers_of(sign_in(real, code).json()) for code in real_factor.recovery_codes[:2]]
    codes = [*real_factor.recovery_codes[2:], real_factor.app.code(), real_factor.app.wrong_code()]
    sends: list[Callable[[str], Response]] = [
        lambda code: sign_in(real, code),
        lambda code: real.post(RECOVERY_CODES, json={"code": code}, headers=headers[0]),
        lambda code: CHANGES["password"](real, headers[1], code, None),
        lambda code: CHANGES["e-mail"](real, headers[0], code, None),
        lambda code: remove(real, headers[1], code),
    ]
    answers = at_once(lambda number: sends[number % 5](codes[number % len(codes)]))
    assert max(answer.status_code for answer in answers) < 500


# What the owner can see


def test_owner_sees_what_happened_to_his_second_factor(
    client: TestClient, user: User, factor: Factor, mails: Mails
) -> None:
    headers = as_user(user)
    sign_in(client)
    sign_in(client, factor.app.wrong_code())
    sign_in(client, factor.recovery_codes[0])
    client.post(RECOVERY_CODES, json={"code": factor.app.code()}, headers=headers)
    remove(client, headers, factor.app.code(1))
    items = client.get(EVENTS, headers=headers, params={"sort": "id"}).json()["items"]
    assert [one["what"] for one in items if one["what"].startswith(("second", "recovery"))] == [
        "second_factor_added",
        "second_factor_failed",
        "recovery_code_used",
        "recovery_codes_renewed",
        "second_factor_removed",
    ]
    assert to_whom(mails()) == [
        ("ann@example.com", "A second factor was set up"),
        ("ann@example.com", "Your second factor was removed"),
    ]


# Secrets


def test_no_secret_is_kept_in_clear_logged_or_answered_again(
    client: TestClient, session: Session, user: User, clock: Clock
) -> None:
    headers = as_user(user)
    with structlog.testing.capture_logs() as logs:
        factor = set_up(client, headers)
        clock.let_pass()
        answers = [
            sign_in(client),
            sign_in(client, factor.app.wrong_code()),
            sign_in(client, factor.app.code()),
            client.get(TOTP, headers=headers),
            begin(client, headers),
            confirm(client, headers, factor.app.code()),
            client.get("/api/v1/auth/me", headers=headers),
            remove(client, headers, factor.app.wrong_code()),
        ]
    rows = [
        repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
        for table in Base.metadata.sorted_tables
        for row in session.execute(text(f'SELECT * FROM "{table.name}"'))
    ]
    raw = factor.app.key
    secrets = [factor.app.secret, raw.hex(), repr(raw)[2:-1], *factor.recovery_codes]
    secrets += [one.replace("-", "") for one in factor.recovery_codes]
    for place in (*rows, repr(logs), *(answer.text for answer in answers)):
        for secret in secrets:
            assert secret.lower() not in place.lower()


def test_under_another_key_only_recovery_codes_count(
    client: TestClient, session: Session, factor: Factor, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AppWallet({"1": b"another key"}, encrypt_cost=0)
    monkeypatch.setattr(security.Totp, "wallet", other)
    assert_refuses(sign_in(client, factor.app.code()))
    assert sign_in(client, factor.recovery_codes[0]).status_code == 200


def client_state(client: TestClient, headers: dict[str, str]) -> dict[str, Any]:
    return dict(client.get(TOTP, headers=headers).json())


# RFC 6238, appendix B; the last six of the eight digits, which is what six digits are


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(clock: Clock, time: int, code: str) -> None:
    clock.now = time
    known = security.Totp(b"12345678901234567890", "raw").to_json(encrypt=True)
    assert TotpSecret(known).step(code) == time // 30
