"""Passwords and tokens: what is let in, and the much that is not."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from argon2.low_level import Type, hash_secret
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from app.api.cursor import Cursors
from app.core import security
from app.core.config import settings
from app.core.errors import NotAuthenticated
from app.core.refresh_token import RefreshToken
from app.crud import login_session
from app.models import User
from tests.conftest import ROOT

# Passwords

OWASP = {"memory_cost": 19 * 1024, "time_cost": 2, "parallelism": 1}
PASSWORD = "correct horse battery staple"


@pytest.fixture
def real_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    real = {f"argon2__{name}": value for name, value in OWASP.items()}
    monkeypatch.setattr(security, "passwords", security.passwords.copy(**real))


def argon2(password: str, kind: Type = Type.ID, **changes: int) -> str:
    return hash_secret(password.encode(), b"some salt of 16b", **{**OWASP, **changes}, hash_len=32, type=kind).decode()


def test_new_hash_is_argon2id_as_owasp_asks_and_nothing_is_warned() -> None:
    code = "from app.core import security; print(security.hash_password('a password'))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_right_hash_is_not_made_again(real_parameters: None) -> None:
    assert security.verify_password(PASSWORD, argon2(PASSWORD)) == (True, None)


BCRYPT = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
WEAKER = {
    "bcrypt 2a": BCRYPT.replace("$2b$", "$2a$"),
    "bcrypt 2b": BCRYPT,
    "bcrypt 2y": BCRYPT.replace("$2b$", "$2y$"),
    "less memory": argon2(PASSWORD, memory_cost=1024),
    "fewer passes": argon2(PASSWORD, time_cost=1),
    "argon2i": argon2(PASSWORD, kind=Type.I),
    "argon2d": argon2(PASSWORD, kind=Type.D),
}


@pytest.mark.parametrize("old", WEAKER.values(), ids=WEAKER)
def test_weaker_hash_is_verified_and_made_again(real_parameters: None, old: str) -> None:
    right, new = security.verify_password(PASSWORD, old)
    assert right
    assert new is not None
    assert new.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert security.verify_password(PASSWORD, new) == (True, None)
    assert security.verify_password(PASSWORD + "!", old) == (False, None)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        " ",
        "!",
        "plain text",
        PASSWORD,
        "$argon2id$",
        "$argon2id$v=19$m=19456,t=2,p=1$",
        "$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ$aGFzaA",
        "$argon2id$v=99$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA",
        "$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$aGFzaA",
        "$argon2id$v=19$m=19456,t=2,p=1$!!!!$????",
        "$2b$",
        "$2b$99$" + "x" * 53,
        "$2b$04$tooshort",
        "$1$salt$md5crypt",
        "{SSHA}ldap",
        "\x00",
        "ü" * 60,
    ],
)
def test_garbage_for_a_hash_is_a_refusal(garbage: str) -> None:
    assert security.verify_password(PASSWORD, garbage) == (False, None)


def test_without_an_account_a_hash_is_computed_all_the_same(real_parameters: None) -> None:
    security.verify_password(PASSWORD, None)  # the first call also makes the hash to compare with
    start = time.process_time()
    assert security.verify_password(PASSWORD, None) == (False, None)
    assert time.process_time() - start > 0.005


@pytest.mark.parametrize(
    "password", ["a" * 72 + "b", "ünïcödé pässwörd", "🐔" * 12, " leading and trailing ", "x" * 1024, "line\nbreak" * 2]
)
def test_each_character_of_a_password_counts(password: str) -> None:
    hash = security.hash_password(password)
    assert security.verify_password(password, hash) == (True, None)
    assert security.verify_password(password[:-1], hash) == (False, None)
    assert security.verify_password(password + "x", hash) == (False, None)


@pytest.mark.parametrize("password", ["nul\x00 in the middle", "\ud800 lone surrogate", "x" * 10_000])
def test_password_that_cannot_be_hashed_is_a_refusal(password: str) -> None:
    assert security.verify_password(password, None) == (False, None)
    for hash in (argon2(PASSWORD), BCRYPT):
        assert security.verify_password(password, hash) == (False, None)


def test_bcrypt_hash_of_a_long_password_was_made_of_its_first_72_bytes() -> None:
    old = bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()
    right, new = security.verify_password("a" * 80, old)
    assert right
    assert new is not None
    assert security.verify_password("a" * 72, new) == (False, None), "from now on all of it counts"


# Tokens

KEY = settings.SECRET_KEY.get_secret_value().encode()
HEADER = {"alg": "HS256", "typ": "JWT"}
Claims = dict[str, Any]


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(claims: object, header: object = HEADER, key: bytes = KEY, digest: str = "sha256") -> str:
    """A token made by hand, so that anything at all can be signed."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(hmac.new(key, signed.encode(), digest).digest())}"


def good_claims(user_id: int = 1, session_id: int = 1) -> Claims:
    now = int(time.time())
    return {
        "iss": "larder",
        "aud": "larder",
        "sub": str(user_id),
        "iat": now,
        "exp": now + 60,
        "jti": "a-token",
        "type": "access",
        "sid": str(session_id),
    }


def without(name: str) -> Callable[[Claims], str]:
    return lambda claims: token({other: value for other, value in claims.items() if other != name})


def claiming(**changes: object) -> Callable[[Claims], str]:
    return lambda claims: token(claims | changes)


def headed(**changes: object) -> Callable[[Claims], str]:
    return lambda claims: token(claims, HEADER | changes)


def spoiled(change: Callable[[str], str]) -> Callable[[Claims], str]:
    return lambda claims: change(token(claims))


def unsigned(algorithm: str) -> Callable[[Claims], str]:
    return lambda claims: f"{part(HEADER | {'alg': algorithm})}.{part(claims)}."


def last_character_respelled(text: str) -> str:
    """The same 32 bytes to a lenient decoder: the last two of the signature's 258 bits say nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def nested(depth: int) -> Callable[[Claims], str]:
    return lambda claims: token(part(claims)[:-1].encode() + b',"x":' + b"[" * depth + b"]" * depth + b"}")


FORGED: dict[str, Callable[[Claims], str]] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg nOnE": unsigned("nOnE"),
    "alg empty": unsigned(""),
    "alg none, signed": headed(alg="none"),
    "alg hs256": headed(alg="hs256"),
    "alg null": headed(alg=None),
    "alg a list": headed(alg=["HS256"]),
    "alg missing": lambda claims: token(claims, {"typ": "JWT"}),
    "alg RS256": headed(alg="RS256"),
    "alg HS384": lambda claims: token(claims, HEADER | {"alg": "HS384"}, digest="sha384"),
    "alg HS512": lambda claims: token(claims, HEADER | {"alg": "HS512"}, digest="sha512"),
    "alg dir, as in encryption": headed(alg="dir", enc="A256GCM"),
    "kid": headed(kid="1"),
    "kid that is a path": headed(kid="../../dev/null"),
    "kid that is SQL": headed(kid="' UNION SELECT 'key' --"),
    "kid a list": headed(kid=["1"]),
    "kid a file of zeros": lambda claims: token(claims, HEADER | {"kid": "/dev/zero"}, key=b"\0" * 32),
    "kid twice": lambda claims: token(claims, b'{"alg":"HS256","typ":"JWT","kid":"1","kid":"2"}'),
    "alg twice": lambda claims: token(claims, b'{"alg":"none","alg":"HS256","typ":"JWT"}'),
    "jku": headed(jku="https://example.com/keys"),
    "jku of this host": headed(jku="http://127.0.0.1:8000/api/v1/openapi.json"),
    "jku a file": headed(jku="file:///dev/zero"),
    "jwk": headed(jwk={"kty": "oct", "k": part(b"own key")}),
    "jwk of one's own, which signed it": lambda claims: token(
        claims, HEADER | {"jwk": {"kty": "oct", "k": part(b"own key")}}, key=b"own key"
    ),
    "x5u": headed(x5u="https://example.com/certificate"),
    "x5c": headed(x5c=["MIIB"]),
    "typ at+jwt": headed(typ="at+jwt"),
    "typ dpop+jwt": headed(typ="dpop+jwt"),
    "cty JWT": headed(cty="JWT"),
    "crit unknown": headed(crit=["unheard-of"], **{"unheard-of": True}),
    "crit b64": headed(crit=["b64"], b64=False),
    "zip": headed(zip="DEF"),
    "header not JSON": lambda claims: token(claims, b"{"),
    "header a list": lambda claims: token(claims, ["HS256"]),
    "header spelled otherwise": lambda claims: token(claims, b'{"typ": "JWT", "alg": "HS256"}'),
    "signature empty": spoiled(lambda text: text.rpartition(".")[0] + "."),
    "signature missing": spoiled(lambda text: text.rpartition(".")[0]),
    "signature truncated": spoiled(lambda text: text[:-4]),
    "signature followed by junk": spoiled(lambda text: text + "AAAA"),
    "signature followed by stars": spoiled(lambda text: text + "**"),
    "signature padded": spoiled(lambda text: text + "="),
    "signature with another last character": spoiled(last_character_respelled),
    "signature of another token": lambda claims: (
        token(claims | {"jti": "another"}).rpartition(".")[0] + "." + token(claims).rpartition(".")[2]
    ),
    "another key": lambda claims: token(claims, key=b"another key that is long enough!"),
    "empty key": lambda claims: token(claims, key=b""),
    "no iss": without("iss"),
    "no aud": without("aud"),
    "no sub": without("sub"),
    "no iat": without("iat"),
    "no exp": without("exp"),
    "no jti": without("jti"),
    "no type": without("type"),
    "no sid": without("sid"),
    "iss wrong": claiming(iss="elsewhere"),
    "iss null": claiming(iss=None),
    "iss a list": claiming(iss=["larder"]),
    "aud wrong": claiming(aud="elsewhere"),
    "aud empty": claiming(aud=[]),
    "aud an object": claiming(aud={"larder": 1}),
    "type refresh": claiming(type="refresh"),
    "type id": claiming(type="id"),
    "type Access": claiming(type="Access"),
    "type a list": claiming(type=["access"]),
    "type null": claiming(type=None),
    "jti a number": claiming(jti=1),
    "exp a second ago": claiming(exp=int(time.time()) - 1),
    "exp long ago": claiming(exp=0),
    "exp negative": claiming(exp=-1),
    "exp text": claiming(exp="9999999999"),
    "exp a fraction": claiming(exp=time.time() + 60.5),
    "exp a list": claiming(exp=[9999999999]),
    "exp null": claiming(exp=None),
    "exp true": claiming(exp=True),
    "exp NaN": claiming(exp=float("nan")),
    "exp infinite": claiming(exp=float("inf")),
    "exp in a hundred years": claiming(exp=int(time.time()) + 100 * 365 * 86400),
    "exp huge": claiming(exp=10**400),
    "exp of too many digits": lambda claims: token(part(claims)[:-1].encode() + b',"exp":' + b"9" * 1200 + b"}"),
    "nbf tomorrow": claiming(nbf=int(time.time()) + 86400),
    "iat text": claiming(iat="yesterday"),
    "iat null": claiming(iat=None),
    "iat NaN": claiming(iat=float("nan")),
    "iat long ago": claiming(iat=0),
    "iat after exp": claiming(iat=int(time.time()) + 3600),
    "sub a number": claiming(sub=1),
    "sub not a number": claiming(sub="ann"),
    "sub empty": claiming(sub=""),
    "sub zero": claiming(sub="0"),
    "sub negative": claiming(sub="-1"),
    "sub signed": claiming(sub="+1"),
    "sub padded": claiming(sub=" 1"),
    "sub in Arabic digits": claiming(sub="\u0661"),
    "sub with a line break": claiming(sub="1\n"),
    "sub of 400 digits": claiming(sub="9" * 400),
    "sub larger than a bigint": claiming(sub=str(2**63)),
    "sub of nobody": claiming(sub="999999999"),
    "sub a list": claiming(sub=["1"]),
    "sub null": claiming(sub=None),
    "sub with NUL": claiming(sub="1\x00"),
    "sub of another": lambda claims: token(claims | {"sub": str(int(claims["sub"]) - 1)}),
    "sid of another": lambda claims: token(claims | {"sid": str(int(claims["sid"]) - 1)}),
    "sid of no session": claiming(sid="999999999"),
    "sid zero": claiming(sid="0"),
    "sid negative": claiming(sid="-1"),
    "sid a number": lambda claims: token(claims | {"sid": int(claims["sid"])}),
    "sid true": claiming(sid=True),
    "sid null": claiming(sid=None),
    "sid a list": lambda claims: token(claims | {"sid": [claims["sid"]]}),
    "sid an object": claiming(sid={"$gt": ""}),
    "sid padded": lambda claims: token(claims | {"sid": f" {claims['sid']}"}),
    "sid with a line break": lambda claims: token(claims | {"sid": f"{claims['sid']}\n"}),
    "sid with SQL": claiming(sid="1 OR 1=1"),
    "sid larger than a bigint": claiming(sid=str(2**63)),
    "sid huge": claiming(sid="9" * 400),
    "scope a number": claiming(scope=1),
    "scope true": claiming(scope=True),
    "scope a list": claiming(scope=["recipes:read"]),
    "at_hash": claiming(at_hash="x"),
    "claims not an object": lambda claims: token([claims]),
    "claims null": lambda _: token(None),
    "claims not JSON": lambda _: token(b"{"),
    "claims not UTF-8": lambda _: token(b'{"sub": "\xff"}'),
    "claims of lone surrogates": lambda _: token(b'{"sub": "\\ud800"}'),
    "claims empty": lambda _: token(b""),
    "nested 700 deep": nested(700),
    "nested 10,000 deep": nested(10_000),
    "1 MB": lambda claims: token(claims | {"x": "x" * 700_000}),
    "five parts, as of an encrypted one": spoiled(lambda text: text + ".AAAA.AAAA"),
    "four parts": spoiled(lambda text: text + ".AAAA"),
    "only dots": lambda _: "..",
    "no dots": spoiled(lambda text: text.replace(".", "")),
    "empty": lambda _: "",
    "spaces": lambda _: "   ",
    "a space within": spoiled(lambda text: text.replace(".", ". ")),
    "NUL within": spoiled(lambda text: text.replace(".", ".\x00")),
    "NUL after": spoiled(lambda text: text + "\x00"),
    "not ASCII": spoiled(lambda text: text.replace(".", ".é")),
    "quoted": spoiled(lambda text: f'"{text}"'),
    "twice": spoiled(lambda text: f"{text} {text}"),
    "twice, with a comma": spoiled(lambda text: f"{text}, Bearer {text}"),
    "bearer of bearer": spoiled(lambda text: f"Bearer {text}"),
    "base64 of another alphabet": spoiled(lambda text: text.replace("-", "+").replace("_", "/") + "+/"),
    "password in its place": lambda _: PASSWORD,
    "refresh token in its place": lambda _: str(RefreshToken.new()),
    "cursor in its place": lambda _: Cursors(["id"], TypeAdapter(tuple[int]), []).write(User(id=1)),
    "signed with the key of refresh tokens": lambda claims: token(
        claims, key=hashlib.sha256(b"refresh token " + KEY).digest()
    ),
}


def assert_refused(client: TestClient, authorization: bytes) -> None:
    for path in ("/api/v1/auth/me", "/api/v1/recipes"):
        answer = client.get(path, headers=[(b"Authorization", authorization)])
        assert answer.status_code == 401, answer.text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 401
        assert answer.json()["instance"] == path


@pytest.fixture
def claims(session: Session, superuser: User, user: User) -> Claims:
    """Those of a user who is signed in, as somebody else is, who has more rights and the number before."""
    login_session.begin(session, superuser)
    opened = login_session.begin(session, user)
    session.commit()
    return good_claims(user.id, opened.session_id)


@pytest.mark.parametrize("name", FORGED)
def test_forged_token_is_401(client: TestClient, claims: Claims, name: str) -> None:
    assert_refused(client, b"Bearer " + FORGED[name](claims).encode("latin-1"))


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"bearer", b"Basic YTpi", b"Digest x", b"\xff", b"Bearer\tx", b"x" * 9000]
)
def test_header_without_a_bearer_token_is_401(client: TestClient, user: User, header: bytes) -> None:
    assert_refused(client, header)


def test_token_made_by_hand_is_good_when_nothing_is_wrong_with_it(client: TestClient, claims: Claims) -> None:
    for good in (claims, claims | {"aud": ["elsewhere", "larder"], "more": "to come"}):
        answer = client.get("/api/v1/auth/me", headers={"Authorization": f"bearer {token(good)}"})
        assert str(answer.json()["id"]) == claims["sub"]


def test_token_expires_in_the_second_it_names() -> None:
    now = int(time.time())
    with pytest.raises(NotAuthenticated):
        security.read_access_token(token(good_claims() | {"exp": now}))
    assert security.read_access_token(token(good_claims() | {"exp": now + 5})).user_id == 1


def test_token_from_a_host_whose_clock_is_ahead_is_good() -> None:
    ahead = int(time.time()) + 90
    claims = good_claims() | {"iat": ahead, "exp": ahead + settings.ACCESS_TOKEN_EXPIRE_MINUTES * 60}
    assert security.read_access_token(token(claims)).user_id == 1


def test_written_token_says_all_that_it_should() -> None:
    text, expires_in = security.write_access_token(security.AccessToken(user_id=42, session_id=7))
    header, payload = (json.loads(base64.urlsafe_b64decode(one + "==")) for one in text.split(".")[:2])
    assert header == HEADER
    assert {name: type(value) for name, value in payload.items()} == {
        "iss": str, "aud": str, "sub": str, "iat": int, "exp": int, "jti": str, "type": str, "sid": str
    }  # fmt: skip
    assert payload["sub"] == "42"
    assert payload["exp"] - payload["iat"] == expires_in == 900
    assert security.read_access_token(text) == security.AccessToken(user_id=42, session_id=7)


def test_no_two_tokens_have_the_same_id() -> None:
    texts = {security.write_access_token(security.AccessToken(1, 1))[0] for _ in range(100)}
    assert len(texts) == 100
