"""Passwords, tokens and second factors. passlib and python-jose are used here and nowhere else."""

import hashlib
import re
import secrets
import time
import warnings
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import bcrypt
import structlog
from jose import jwk, jws, jwt
from pydantic import BaseModel, Field

from app.core.config import settings
from app.core.errors import NotAuthenticated

with warnings.catch_warnings():
    # passlib 1.7.4 imports a module that Python 3.13 dropped, and asks argon2 for its version in an old way.
    warnings.filterwarnings("ignore", message="'crypt' is deprecated", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="Accessing argon2.__version__", category=DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.hash import argon2
    from passlib.totp import TOTP, AppWallet, InvalidTokenError
    from passlib.utils.handlers import MinimalHandler

    argon2.set_backend("argon2_cffi")  # pyright: ignore[reportUnknownMemberType]

log = structlog.get_logger()


# Passwords


class VerifiedBcrypt(MinimalHandler):
    """Verifies bcrypt hashes that came from elsewhere; passlib's own handler does not work with bcrypt 5."""

    name = "bcrypt"
    setting_kwds = ()
    context_kwds = ()

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:
        return str(hash).startswith(("$2a$", "$2b$", "$2y$"))

    @classmethod
    def verify(cls, secret: str | bytes, hash: str | bytes, **_: Any) -> bool:
        # bcrypt ignores what follows byte 72, and bcrypt 5 refuses it: such a hash was made of 72 bytes.
        return bcrypt.checkpw(str(secret).encode()[:72], str(hash).encode())


passwords = CryptContext(
    schemes=["argon2", VerifiedBcrypt],
    default="argon2",
    deprecated=["bcrypt"],
    # The least that OWASP's Password Storage Cheat Sheet asks for: 19 MiB, 2 passes, 1 lane; about 20 ms.
    argon2__memory_cost=19 * 1024,
    argon2__time_cost=2,
    argon2__parallelism=1,
)


class CheckedPassword(NamedTuple):
    """A password that was compared with the stored hash, if there was one."""

    hash: str | None
    right: bool
    new_hash: str | None
    """To be stored from now on, if the old one is too weak."""


def hash_password(password: str) -> str:
    return passwords.hash(password)


def verify_password(password: str, hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is right, and the hash to store from now on if the old one is too weak.

    Without a hash it takes as long as with one, so that the time does not tell whether there is an account.
    """
    try:
        if hash is not None:
            return passwords.verify_and_update(password, hash)
    except ValueError:
        log.warning("a stored password hash, or a password, is not of a known form")
    passwords.dummy_verify()  # pyright: ignore[reportUnknownMemberType]
    return False, None


# Tokens (RFC 7519, with the advice of RFC 8725)

ALGORITHM = "HS256"
LIFETIME = settings.ACCESS_TOKEN_EXPIRE_MINUTES * 60
"""Seconds."""

KEY = jwk.construct(settings.SECRET_KEY.get_secret_value(), ALGORITHM)

# All our tokens begin alike: a header with another algorithm, a key or an extension is not ours, and python-jose
# never sees it. A signature of 32 bytes has one spelling only: its last character ends in two zero bits.
HEADER = jwt.encode({}, KEY, ALGORITHM).partition(".")[0]
SHAPE = re.compile(rf"{HEADER}\.[\w-]{{2,2048}}\.[\w-]{{42}}[AEIMQUYcgkosw048]", re.ASCII)

Number = Annotated[str, Field(pattern="^[1-9][0-9]{0,17}$")]
"""The key of a row, in digits: RFC 7519 wants `sub` to be text."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: whose it is, which of his sessions has it, and what it is good for if that is not all."""

    user_id: int
    session_id: int
    scope: str | None = None
    expires: float | None = field(default=None, compare=False)
    """Seconds since the epoch; of a token that was read."""


class Claims(BaseModel, strict=True):
    """What a token has to say. python-jose would take the text "9999999999" for a time, and check twice as long."""

    iss: Literal["larder"]
    aud: Literal["larder"] | list[str]
    at_hash: None = None  # what has it is an ID token (OpenID Connect Core, section 3.1.3.6)
    type: Literal["access"]
    jti: str
    iat: int
    exp: int
    nbf: int = 0
    sub: Number
    sid: Number
    scope: str | None = None


def write_access_token(token: AccessToken, rest: float = LIFETIME) -> tuple[str, int]:
    """The signed token, and in how many seconds it expires; `rest` is for how many its session still lasts."""
    now = int(time.time())
    lifetime = min(LIFETIME, int(rest))
    claims = {
        "iss": "larder",
        "aud": "larder",
        "sub": str(token.user_id),
        "iat": now,
        "exp": now + lifetime,
        "jti": secrets.token_urlsafe(12),
        "type": "access",
        "sid": str(token.session_id),
    }
    if token.scope is not None:
        claims["scope"] = token.scope
    return jwt.encode(claims, KEY, ALGORITHM), lifetime


def read_access_token(text: str) -> AccessToken:
    """What a token says, once all about it is right; `NotAuthenticated` otherwise, whatever is wrong with it.

    The time of issue is not compared with the clock: RFC 7519, section 4.1.6, does not ask for it, and the clock of
    the host that issued it may be ahead. It bounds the expiry, though: no token lives longer than LIFETIME.
    """
    if not SHAPE.fullmatch(text):
        raise NotAuthenticated("The token is not valid")
    try:
        claims = Claims.model_validate_json(jws.verify(text, KEY, [ALGORITHM]))
        # In the very second in which it expires it has expired (RFC 7519, section 4.1.4).
        if "larder" not in claims.aud:
            raise ValueError("the token is for others")
        if not (claims.nbf <= time.time() < claims.exp and 0 < claims.exp - claims.iat <= LIFETIME):
            raise ValueError("the token is not valid now, or lives longer than any of ours")
        return AccessToken(int(claims.sub), int(claims.sid), claims.scope, claims.exp)
    except Exception as error:  # python-jose lets RecursionError, TypeError, OverflowError and others through
        raise NotAuthenticated("The token is not valid") from error


# Second factors (RFC 6238 with its defaults, which are all that some apps know: SHA-1, 6 digits, 30 seconds)

CODE = re.compile("[0-9]{6}")

_key = hashlib.sha256(b"second factor " + settings.SECRET_KEY.get_secret_value().encode()).digest()
# passlib makes a key stronger by many rounds, which this one does not need.
Totp = TOTP.using(issuer="Larder", wallet=AppWallet({"1": _key}, encrypt_cost=0))


class TotpSecret:
    """What the server and an app both know, and what its codes are made of; a new one unless `stored` is given."""

    def __init__(self, stored: str | None = None) -> None:
        self._totp = Totp.new() if stored is None else Totp.from_json(stored)

    @property
    def stored(self) -> str:
        """For the database: encrypted. Under another SECRET_KEY it is read as another secret."""
        return self._totp.to_json(encrypt=True)

    @property
    def text(self) -> str:
        """For people: base32."""
        return self._totp.base32_key

    def uri(self, account: str) -> str:
        """For apps: otpauth://..."""
        return self._totp.to_uri(label=account)

    def step(self, code: str) -> int | None:
        """Of which time step the code is: this one or, as clocks differ, the one before or after. None if wrong."""
        typed = re.sub(r"[\s-]", "", code)
        try:
            return self._totp.match(typed, window=30).counter if CODE.fullmatch(typed) else None
        except InvalidTokenError:
            return None
