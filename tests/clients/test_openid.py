"""The client of an OpenID provider, against one that may lie, forge, change its keys, or not answer at all."""

import asyncio
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jws import JWSRegistry

from app.clients.openid import OpenID, id_token
from app.clients.openid.provider import Kept
from app.core.errors import BadGateway, BadRequest, DomainError, GatewayTimeout, NotAllowed, Unavailable
from app.core.pending_sign_in import PendingSignIn
from app.schemas.single_sign_on import Claims, ProviderAnswer
from tests.support.openid import CLIENT_ID, KEYS, SECRET, OpenIDServer, Token, encoded, signed, written
from tests.support.reddit import Answer, body, endless, first, reset, serving, slow, status

REDIRECT_URI = "https://larder.example.com/callback"

TIMEOUT = 1


@pytest.fixture
def server() -> Iterator[OpenIDServer]:
    with serving(OpenIDServer()) as server:
        yield server


def client_of(server: OpenIDServer, secret: str = SECRET) -> OpenID:
    return OpenID(server.url, CLIENT_ID, secret, timeout=TIMEOUT, pause=0.01)


async def sign_in(client: OpenID, server: OpenIDServer, claims: dict[str, Any], answer: dict[str, Any]) -> Claims:
    pending = PendingSignIn("/callback")
    back = server.authorize(await client.authorization_url(pending, REDIRECT_URI), **claims) | answer
    return await client.identify(ProviderAnswer.model_validate(back), pending, REDIRECT_URI)


def identify(server: OpenIDServer, answer: dict[str, Any] | None = None, **claims: Any) -> Claims:
    """Signs in with a client of its own, at a provider that says these claims."""

    async def run() -> Claims:
        async with client_of(server) as client:
            return await sign_in(client, server, claims, answer or {})

    return asyncio.run(run())


# Who it is


def test_claims_are_those_of_the_id_token(server: OpenIDServer) -> None:
    claims = identify(server, sub="7", email="Ann@Example.com", given_name="Ann", family_name="Lee")
    assert (claims.iss, claims.sub, claims.verified_email) == (server.url, "7", "ann@example.com")
    assert (claims.given_name, claims.family_name) == ("Ann", "Lee")
    assert server.times_asked("userinfo") == 0


def test_what_the_id_token_leaves_out_is_asked_for(server: OpenIDServer) -> None:
    server.userinfo = {"sub": "ann", "email": "ann@example.com", "email_verified": True, "iss": "https://other.example"}
    claims = identify(server, email=..., email_verified=...)
    assert (claims.iss, claims.verified_email) == (server.url, "ann@example.com")
    assert server.asked[-1].headers["Authorization"].startswith("Bearer ")


def test_verification_of_one_address_does_not_count_for_another(server: OpenIDServer) -> None:
    server.userinfo = {"sub": "ann", "email_verified": True}
    assert identify(server, email="root@example.com", email_verified=...).verified_email is None


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes", [True], ...])
def test_only_true_means_verified(server: OpenIDServer, verified: Any) -> None:
    server.userinfo = without({"sub": "ann", "email": "ann@example.com", "email_verified": verified})
    assert identify(server, email_verified=verified).verified_email is None


@pytest.mark.parametrize("bad", ["x" * 300, "two\nlines", "nul\0", 7, None, {}, "\ud800"])
def test_claims_that_cannot_be_stored_are_left_out(server: OpenIDServer, bad: Any) -> None:
    claims = identify(server, given_name=bad, family_name=bad, email=bad)
    assert (claims.given_name, claims.family_name, claims.verified_email) == (None, None, None)


def test_public_client_sends_its_name_and_no_password(server: OpenIDServer) -> None:
    server.answers["token"] = status(500)

    async def run() -> None:
        async with client_of(server, secret="") as client:
            await sign_in(client, server, {}, {})

    with pytest.raises(BadGateway):
        asyncio.run(run())
    assert "Authorization" not in server.asked[-1].headers
    assert server.asked[-1].form.keys() == {"grant_type", "code", "redirect_uri", "code_verifier", "client_id"}


def test_secret_goes_where_the_provider_wants_it(server: OpenIDServer) -> None:
    server.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    server.answers["token"] = status(500)
    with pytest.raises(BadGateway):
        identify(server)
    assert "Authorization" not in server.asked[-1].headers
    assert (server.asked[-1].form["client_id"], server.asked[-1].form["client_secret"]) == (CLIENT_ID, SECRET)


def test_what_a_provider_says_of_itself_is_kept(server: OpenIDServer) -> None:
    async def run() -> None:
        async with client_of(server) as client:
            for _ in range(3):
                await sign_in(client, server, {}, {})
            await asyncio.gather(*(sign_in(client, server, {}, {}) for _ in range(3)))

    asyncio.run(run())
    assert (server.times_asked("openid-configuration"), server.times_asked("jwks")) == (1, 1)


# What the ID token has to be


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_other_signatures_of_the_provider_count(server: OpenIDServer, algorithm: str) -> None:
    registry = JWSRegistry(algorithms=[algorithm])
    header = {"alg": algorithm, "kid": "first"}
    server.sign = lambda token: jwt.encode(header, {**token.claims, "at_hash": None}, token.key, registry=registry)
    assert identify(server).sub == "ann"


Sign = Callable[[Token], str]


def without(values: dict[str, Any]) -> dict[str, Any]:
    """... stands for a value that is left out."""
    return {name: value for name, value in values.items() if value is not ...}


def with_header(**header: Any) -> Sign:
    """Rightly signed, with something else in the header."""
    return lambda token: signed(token._replace(header=without({**token.header, **header})))


def with_claims(**claims: Any) -> Sign:
    """A `timedelta` is a time, counted from when the token is made."""
    return lambda token: signed(token._replace(claims=without({**token.claims, **_dated(claims)})))


def _dated(claims: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {
        name: int(now + value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }


def with_payload(payload: bytes) -> Sign:
    return lambda token: signed(token._replace(claims=payload))


def with_secret(secret: bytes) -> Sign:
    """Signed with a key that both sides know, because it is public."""
    return lambda token: written(
        {**token.header, "alg": "HS256"}, token.claims, lambda text: hmac.digest(secret, text, "sha256")
    )


def always(text: str) -> Sign:
    return lambda _: text


def by_another(token: Token) -> str:
    return with_header(kid="first")(token._replace(key=KEYS[1]))


def unsigned(token: Token, algorithm: str = "none") -> str:
    return f"{encoded({**token.header, 'alg': algorithm})}.{encoded(token.claims)}."


def changed_after(token: Token) -> str:
    header, _, signature = signed(token).split(".")
    return f"{header}.{encoded({**token.claims, 'sub': 'root'})}.{signature}"


PEM = KEYS[0].as_pem(private=False)
PUBLIC = KEYS[1].as_dict(private=False)

FORGED: dict[str, Sign] = {
    "alg none": unsigned,
    "alg NONE": lambda token: unsigned(token, "NoNe"),
    "no signature": lambda token: unsigned(token, "RS256"),
    "no alg": with_header(alg=None),
    "alg a list": with_header(alg=["RS256"]),
    "alg unknown": with_header(alg="RS1"),
    "HS256 with the public key": with_secret(PEM),
    "HS256 with the modulus": with_secret(str(KEYS[0].as_dict(private=False)["n"]).encode()),
    "HS256 with our secret": with_secret(SECRET.encode()),
    "HS256 with nothing": with_secret(b""),
    "ES256 with the key of RS256": with_header(alg="ES256"),
    "key of somebody else": by_another,
    "key in the header": lambda token: with_header(jwk=PUBLIC)(token._replace(key=KEYS[1])),
    "address of a key": lambda token: with_header(jku="http://127.0.0.1/jwks")(token._replace(key=KEYS[1])),
    "certificate in the header": lambda token: with_header(x5c=["MIIB"])(token._replace(key=KEYS[1])),
    "kid unknown": with_header(kid="third"),
    "kid a number": with_header(kid=7),
    "kid a path": with_header(kid="../../dev/null"),
    "crit unknown": with_header(crit=["exp"], exp=1),
    "crit not there": with_header(crit=["b64"]),
    "crit a text": with_header(crit="b64"),
    "b64 false": with_header(b64=False, crit=["b64"]),
    "changed after signing": changed_after,
    "junk after the signature": lambda token: signed(token) + ".AAAA",
    "encrypted": always("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.AA.AA.AA.AA"),
    "empty": always(""),
    "dots": always(".."),
    "no base64": always("%%%.%%%.%%%"),
    "not ASCII": always("ü.ü.ü"),
    "header no object": lambda token: "W10." + signed(token).partition(".")[2],
    "deep header": lambda token: encoded(b"[" * 100_000) + "." + signed(token).partition(".")[2],
    "too long": with_claims(more="x" * 150_000),
    "claims a list": with_payload(b"[]"),
    "claims no JSON": with_payload(b"{"),
    "claims deep": with_payload(b'{"a":' * 20_000),
    "claims of a long number": with_payload(b'{"exp":' + b"9" * 5000 + b"}"),
    "nonce of another": with_claims(nonce="x" * 43),
    "nonce missing": with_claims(nonce=...),
    "nonce null": with_claims(nonce=None),
    "nonce a list": with_claims(nonce=["x"]),
    "aud of another": with_claims(aud="other"),
    "aud missing": with_claims(aud=...),
    "aud empty": with_claims(aud=[]),
    "aud a number": with_claims(aud=7),
    "aud only begins like ours": with_claims(aud=CLIENT_ID + "2"),
    "aud of several, and nobody's in particular": with_claims(aud=[CLIENT_ID, "other"]),
    "aud of several, and another's": with_claims(aud=[CLIENT_ID, "other"], azp="other"),
    "azp of another": with_claims(azp="other"),
    "iss of another": with_claims(iss="https://other.example.com"),
    "iss missing": with_claims(iss=...),
    "iss a list": lambda token: with_claims(iss=[token.claims["iss"]])(token),
    "iss with a slash more": lambda token: with_claims(iss=token.claims["iss"] + "/")(token),
    "expired": with_claims(exp=timedelta(seconds=-120)),
    "exp missing": with_claims(exp=...),
    "exp text": with_claims(exp="9999999999"),
    "exp true": with_claims(exp=True),
    "exp NaN": with_claims(exp=float("nan")),
    "exp infinite": with_claims(exp=float("inf")),
    "iat missing": with_claims(iat=...),
    "iat to come": with_claims(iat=timedelta(seconds=600)),
    "nbf to come": with_claims(nbf=timedelta(seconds=600)),
    "sub missing": with_claims(sub=...),
    "sub empty": with_claims(sub=""),
    "sub a number": with_claims(sub=7),
    "sub null": with_claims(sub=None),
    "sub too long": with_claims(sub="x" * 256),
    "sub with NUL": with_claims(sub="a\0"),
    "sub a lone surrogate": with_claims(sub="\ud800"),
    "for another access token": with_claims(at_hash="x" * 22),
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
def test_forged_id_token_is_refused(server: OpenIDServer, sign: Sign) -> None:
    server.sign = sign
    with pytest.raises(BadGateway):
        identify(server)


UNUSUAL: dict[str, Sign] = {
    "as usual": with_header(),
    "more in the header": with_header(typ="other", more="to ignore"),
    "no kid": with_header(kid=...),
    "aud a list": with_claims(aud=[CLIENT_ID]),
    "aud of several, and ours": with_claims(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "clocks that differ": with_claims(exp=timedelta(seconds=-5), iat=timedelta(seconds=5)),
    "no at_hash": with_claims(at_hash=...),
}


@pytest.mark.parametrize("sign", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_id_token_is_accepted(server: OpenIDServer, sign: Sign) -> None:
    """Also: what forges the others would be accepted if it forged nothing."""
    server.sign = sign
    assert identify(server).sub == "ann"


# Its keys


def test_new_key_counts_at_once_and_an_old_one_until_it_is_gone(
    server: OpenIDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_token, "PAUSE_BETWEEN_KEYS", 0)

    async def run() -> None:
        async with client_of(server) as client:
            await sign_in(client, server, {}, {})
            server.keys = [KEYS[0], KEYS[1]]
            await sign_in(client, server, {}, {})
            assert server.times_asked("jwks") == 2
            server.sign = lambda token: signed(token._replace(header={**token.header, "kid": "first"}, key=KEYS[0]))
            await sign_in(client, server, {}, {})
            assert server.times_asked("jwks") == 2
            client.provider.keys = Kept(client.provider._fetch_keys)
            server.keys = KEYS[1:]
            with pytest.raises(BadGateway):
                await sign_in(client, server, {}, {})

    asyncio.run(run())


def test_unknown_keys_are_asked_for_once_in_a_while(server: OpenIDServer) -> None:
    server.sign = with_header(kid="third")

    async def run() -> None:
        async with client_of(server) as client:
            for _ in range(5):
                with pytest.raises(BadGateway):
                    await sign_in(client, server, {}, {})

    asyncio.run(run())
    assert server.times_asked("jwks") == 1


def test_one_of_several_keys_has_to_be_named(server: OpenIDServer) -> None:
    server.keys = KEYS
    server.sign = with_header(kid=...)
    with pytest.raises(BadGateway):
        identify(server)


# What else a provider may do


def metadata(**changes: Any) -> Callable[[OpenIDServer], None]:
    def change(server: OpenIDServer) -> None:
        server.metadata = without(server.metadata | changes)

    return change


def answers(path: str, answer: Answer) -> Callable[[OpenIDServer], None]:
    return lambda server: server.answers.update({path: answer})


HANGS = slow(3600, status(200))
DISCOVERY = "openid-configuration"

MISBEHAVIOUR: dict[str, tuple[Callable[[OpenIDServer], None], type[DomainError]]] = {
    "other issuer": (metadata(issuer="https://other.example.com"), BadGateway),
    "issuer with a slash more": (lambda server: metadata(issuer=server.url + "/")(server), BadGateway),
    "no token endpoint": (metadata(token_endpoint=...), BadGateway),
    "token endpoint in the clear": (metadata(token_endpoint="http://provider.example.com/token"), BadGateway),
    "keys from a file": (metadata(jwks_uri="file:///etc/passwd"), BadGateway),
    "authorization endpoint a script": (metadata(authorization_endpoint="javascript:alert(1)"), BadGateway),
    "token endpoint without a host": (metadata(token_endpoint="https:///token"), BadGateway),
    **{
        f"{path} {name}": (answers(path, answer), error)
        for path in (DISCOVERY, "jwks", "token", "userinfo")
        for name, answer, error in (
            ("500", status(500), BadGateway),
            ("404", status(404), BadGateway),
            ("401", status(401), BadGateway),
            ("moves", body(b"", 302, Location="/elsewhere"), BadGateway),
            ("resets", reset, BadGateway),
            ("hangs", HANGS, GatewayTimeout),
            ("endless", endless(b" " * 65536), BadGateway),
            ("endless, slowly", endless(b" ", pause=0.05), GatewayTimeout),
            ("no JSON", body(b"<html>"), BadGateway),
            ("a list", body(b"[]"), BadGateway),
            ("deep", body(b"[" * 100_000), BadGateway),
        )
    },
    "no keys": (answers("jwks", body(b'{"keys": []}')), BadGateway),
    "keys no list": (answers("jwks", body(b'{"keys": 7}')), BadGateway),
    "a key without its modulus": (answers("jwks", body(b'{"keys": [{"kty": "RSA", "kid": "first"}]}')), BadGateway),
    "keys that both sides know": (
        answers("jwks", body(b'{"keys": [{"kty": "oct", "kid": "first", "k": "AAAA"}]}')),
        BadGateway,
    ),
    "code not good": (answers("token", body(b'{"error": "invalid_grant"}', 400)), BadRequest),
    "client not known": (answers("token", body(b'{"error": "invalid_client"}', 401)), BadGateway),
    "error no text": (answers("token", body(b'{"error": 7}', 400)), BadGateway),
    "no ID token": (answers("token", body(b'{"access_token": "x", "token_type": "Bearer"}')), BadGateway),
    "speaks of somebody else": (answers("userinfo", body(b'{"sub": "root"}')), BadGateway),
    "speaks of nobody": (answers("userinfo", body(b"{}")), BadGateway),
}


@pytest.mark.parametrize(("misbehave", "error"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_provider_that_misbehaves_is_a_gateway_error_in_time(
    server: OpenIDServer, misbehave: Callable[[OpenIDServer], None], error: type[DomainError]
) -> None:
    misbehave(server)
    start = time.monotonic()
    with pytest.raises(error):
        identify(server, email=...)
    assert time.monotonic() - start < 10 * TIMEOUT


def test_nobody_there_is_a_bad_gateway(server: OpenIDServer) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(BadGateway):
        identify(server)


def test_what_may_pass_is_tried_again_and_a_code_is_not(server: OpenIDServer) -> None:
    keys = json.dumps({"keys": [KEYS[0].as_dict(private=False)]}).encode()
    server.answers["jwks"] = first(status(503), reset, body(keys))
    assert identify(server).sub == "ann"
    server.answers["token"] = status(503)
    with pytest.raises(BadGateway):
        identify(server)
    assert server.times_asked("token") == 2


# What the browser brings back


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"iss": "https://other.example.com"}, BadRequest),
        ({"iss": None}, BadRequest),
        ({"code": None}, BadRequest),
        ({"code": "unknown"}, BadRequest),
        ({"error": "access_denied"}, NotAllowed),
        ({"error": "login_required", "code": None}, NotAllowed),
        ({"error": "temporarily_unavailable"}, Unavailable),
        ({"error": "server_error"}, BadGateway),
        ({"error": "invalid_scope"}, BadGateway),
        ({"error": "x" * 2048}, BadGateway),
        ({"error": "access_denied", "iss": "https://other.example.com"}, BadRequest),
    ],
)
def test_answer_without_a_good_code_says_why(
    server: OpenIDServer, answer: dict[str, Any], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        identify(server, answer)
    assert not [one for one in server.asked if one.path == "token" and one.form["code"] != "unknown"]


def test_provider_that_does_not_promise_its_name_may_leave_it_out(server: OpenIDServer) -> None:
    metadata(authorization_response_iss_parameter_supported=...)(server)
    assert identify(server, {"iss": None}).sub == "ann"
    with pytest.raises(BadRequest):
        identify(server, {"iss": "https://other.example.com"})


def test_code_is_good_for_the_browser_that_asked_for_it_only(server: OpenIDServer) -> None:
    """PKCE: somebody else's code, put into one's own answer, meets another verifier."""

    async def run() -> None:
        async with client_of(server) as client:
            others = PendingSignIn("/callback")
            code = server.authorize(await client.authorization_url(others, REDIRECT_URI))["code"]
            with pytest.raises(BadRequest):
                await sign_in(client, server, {}, {"code": code})

    asyncio.run(run())
