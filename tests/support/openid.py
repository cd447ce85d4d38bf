"""An OpenID provider on loopback that signs its ID tokens itself, or whatever a test wants it to say instead."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

from authlib.oidc.core.util import create_half_hash
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import RSAKey

from tests.support.reddit import Handler, Server

CLIENT_ID, SECRET = "larder", "what only larder and the provider know: %/+"

Claims = dict[str, Any]

KEYS = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("first", "second")]
"""A provider begins with the first one; others do not know its private half."""


class Token(NamedTuple):
    """An ID token that is about to be signed."""

    header: dict[str, Any]
    claims: Any
    key: RSAKey


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def written(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """By hand: joserfc would refuse to write what a forger does."""
    content = f"{encoded(header)}.{encoded(claims)}"
    return f"{content}.{encoded(sign(content.encode()))}"


def signed(token: Token) -> str:
    private = token.key.private_key
    assert private is not None
    return written(token.header, token.claims, lambda text: private.sign(text, PKCS1v15(), SHA256()))


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]
    form: dict[str, str]


class Grant(NamedTuple):
    """What a code is good for."""

    question: dict[str, str]
    claims: Claims


class OpenIDServer(Server):
    """Issues one code for each authorization, and answers it once, to whoever proves that it is his."""

    def __init__(self) -> None:
        super().__init__(OpenIDHandler)
        self.keys = KEYS[:1]
        self.sign: Callable[[Token], str] = signed
        self.userinfo: Claims = {}
        self.metadata: Claims = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=ours",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        }
        self.grants: dict[str, Grant] = {}
        self.asked: list[Asked] = []

    def authorize(self, url: str, **claims: Any) -> dict[str, str]:
        """Signs somebody in, and answers what his browser is sent back with."""
        question = {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
        assert url.startswith(f"{self.url}/authorize?")
        assert question["response_type"] == "code"
        assert question["code_challenge_method"] == "S256"
        assert "openid" in question["scope"].split()
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(question, claims)
        return {"code": code, "state": question["state"], "iss": self.url}

    def times_asked(self, path: str) -> int:
        return [one.path for one in self.asked].count(path)

    def token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Claims]:
        if (
            headers.get("Authorization")
            != "Basic " + base64.b64encode(b"larder:what+only+larder+and+the+provider+know%3A+%25%2F%2B").decode()
        ):
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form["code"], None)
        if grant is None or form["grant_type"] != "authorization_code":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (encoded(digest), form["redirect_uri"]) != (
            grant.question["code_challenge"],
            grant.question["redirect_uri"],
        ):
            return 400, {"error": "invalid_grant"}
        now, access_token, key = int(time.time()), secrets.token_urlsafe(16), self.keys[-1]
        half = create_half_hash(access_token, "RS256") or b""
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "ann",
            "iat": now,
            "exp": now + 300,
            "nonce": grant.question["nonce"],
            "at_hash": half.decode(),
            "email": "ann@example.com",
            "email_verified": True,
            **grant.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        token = self.sign(Token({"alg": "RS256", "kid": key.kid}, claims, key))
        return 200, {"id_token": token, "access_token": access_token, "token_type": "Bearer", "expires_in": 60}


class OpenIDHandler(Handler):
    def answer(self, form: dict[str, str]) -> None:
        server = cast(OpenIDServer, self.server)
        path = self.path.rpartition("/")[2]
        asked = Asked(path, dict(self.headers), form)
        server.asked.append(asked)
        if path in server.answers:
            return server.answers[path](self)
        status, content = 200, server.metadata
        if path == "jwks":
            content = {"keys": [key.as_dict(private=False) for key in server.keys]}
        elif path == "token":
            status, content = server.token(form, asked.headers)
        elif path == "userinfo":
            content = server.userinfo
        self.respond(status, json.dumps(content).encode())
