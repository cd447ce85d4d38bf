"""What a text may look like. Each pattern means the same to Python, Rust (Pydantic) and JavaScript (OpenAPI)."""

LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
"""One line that is not blank: no control characters, so no NUL either."""

TEXT = r"^[^\x00]*$"
"""Anything but NUL, which PostgreSQL cannot store."""

EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$"
)
"""A valid e-mail address of the HTML standard, with at least one dot in its domain."""

WEB_URL = r"^https?://([^\s\x00-\x1f\x7f/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#][^\s\x00-\x1f\x7f]*)?$"
"""http or https, a host, no user name or password (RFC 3986, section 3.2.1 advises against them)."""
