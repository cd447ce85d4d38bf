"""Passwords and tokens. passlib and python-jose are used here and nowhere else."""

import re
import secrets
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
from jose import jwk, jwt

from app.core.config import settings
from app.core.errors import NotAuthenticated

with warnings.catch_warnings():
    # passlib 1.7.4 imports a module that Python 3.13 dropped, and asks argon2 for its version in an old way.
    warnings.filterwarnings("ignore", message="'crypt' is deprecated", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="Accessing argon2.__version__", category=DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.hash import argon2
    from passlib.utils.handlers import MinimalHandler

    argon2.set_backend("argon2_cffi")


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
    def verify(cls, secret: str | bytes, hash: str | bytes, **context: Any) -> bool:
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


def hash_password(password: str) -> str:
    return passwords.hash(password)


def verify_password(password: str, hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is right, and the hash to store from now on if the old one is too weak.

    Without a hash it takes as long as with one, so that the time does not tell whether there is an account.
    """
    if hash is None or passwords.identify(hash) is None:
        passwords.dummy_verify()
        return False, None
    return passwords.verify_and_update(password, hash)


# Tokens (RFC 7519, with the advice of RFC 8725)

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "larder"
PURPOSE = "access"

# Three parts of base64url; a signature of 32 bytes has one spelling only, its last character ends in two zero bits.
SHAPE = re.compile(r"[\w-]{2,512}\.[\w-]{2,2048}\.[\w-]{42}[AEIMQUYcgkosw048]", re.ASCII)

_key = jwk.construct(settings.SECRET_KEY.get_secret_value(), ALGORITHM)
_required = {f"require_{claim}": True for claim in ("exp", "iat", "sub", "jti", "aud", "iss")}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: whose it is, and of which generation of his tokens."""

    user_id: int
    generation: int


def write_access_token(token: AccessToken) -> tuple[str, int]:
    """The signed token, and in how many seconds it expires."""
    lifetime = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(token.user_id),
        "iat": now,
        "exp": now + lifetime,
        "jti": secrets.token_urlsafe(12),
        "type": PURPOSE,
        "generation": str(token.generation),
    }
    return jwt.encode(claims, _key, ALGORITHM), int(lifetime.total_seconds())


def read_access_token(text: str) -> AccessToken:
    """What a token says, once all about it is right; `NotAuthenticated` otherwise, whatever is wrong with it."""
    if not SHAPE.fullmatch(text):
        raise NotAuthenticated("The token is not valid")
    try:
        if "crit" in jwt.get_unverified_header(text):
            raise ValueError("python-jose ignores critical extensions instead of refusing them")
        claims = jwt.decode(
            text, _key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_required
        )
        if claims["type"] != PURPOSE or not isinstance(claims["exp"], int):
            raise ValueError("not an access token")
        return AccessToken(int(claims["sub"]), int(claims["generation"]))
    except Exception as error:  # python-jose lets RecursionError, TypeError, OverflowError and others through
        raise NotAuthenticated("The token is not valid") from error
