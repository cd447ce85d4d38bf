"""What makes a secret too weak to start with. A rule answers with a reason, or None when the secret will do."""

from app.core.password_rules import MAX_LENGTH, MIN_LENGTH, is_common

KEY_BYTES = 32
EXAMPLES = (
    "changethis",
    "change-me",
    "changeme",
    "your-secret",
    "supersecret",
    "example",
    "password",
    "12345678",
)


def weakness_of_key(key: str) -> str | None:
    """HS256 wants a key at least as long as its hash, 32 bytes (RFC 7518, section 3.2)."""
    if not key:
        return "must be set"
    if len(key.encode()) < KEY_BYTES:
        return f"must be at least {KEY_BYTES} bytes long"
    return _weakness(key)


def weakness_of_password(password: str, email: str) -> str | None:
    """The first superuser's password opens everything, so it is held to more than length."""
    if not password:
        return "must be set"
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"must be {MIN_LENGTH} to {MAX_LENGTH} characters long"
    if is_common(password):
        return "is one of the most common passwords"
    if email.partition("@")[0].lower() in password.lower():
        return "contains the account's own name"
    return _weakness(password)


def _weakness(secret: str) -> str | None:
    if secret in (secret + secret)[1:-1] or len(set(secret)) < 6:
        return "repeats itself"
    if any(example in secret.lower() for example in EXAMPLES):
        return "is an example, not a secret"
    return None
