"""What a text may look like. A pattern means the same to Python, Rust (Pydantic) and JavaScript (OpenAPI)."""

CONTROL = r"\x00-\x1f\x7f"
SPACE = r"\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space beside the control characters. What `\\s` stands for is another set in each language."""

LINE = rf"^[^{CONTROL}]*[^{SPACE}{CONTROL}][^{CONTROL}]*$"
"""One line that is not blank: no control characters, so no NUL either."""

LINE_OF_3 = rf"^[{SPACE}]*[^{SPACE}{CONTROL}][^{CONTROL}]+[^{SPACE}{CONTROL}][{SPACE}]*$"
"""The same, at least three characters long without the space around them."""

TEXT = r"^[^\x00]*$"
"""Anything but NUL, which PostgreSQL cannot store."""

NOT_BLANK = rf"^[^\x00]*[^{SPACE}{CONTROL}][^\x00]*$"
"""The same, of one or more lines, and not only space."""

INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
"""A date and time with its offset, as RFC 3339 writes it."""

DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
"""A day, as RFC 3339 writes it."""

EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$"
)
"""A valid e-mail address of the HTML standard, with at least one dot in its domain."""

WEB_URL = (
    rf"^https?://([^{SPACE}{CONTROL}/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?"
    rf"([/?#][^{SPACE}{CONTROL}]*)?$"
)
"""http or https, a host, no user name or password (RFC 3986, section 3.2.1 advises against them)."""

ORIGIN = r"^https?://[^\s\x00-\x1f\x7f/?#@*]+$"
"""What a browser sends as Origin (RFC 6454): scheme, host and port; no wildcard, no path, no last slash."""

OWN_PATH = rf"^/([^{SPACE}{CONTROL}/\\][^{SPACE}{CONTROL}\\]*)?$"
"""A path of this service. What begins with two slashes, or with what a browser takes for them, is another host."""

_SECURE = rf"(https://[^{SPACE}{CONTROL}/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{{1,5}})?)"

ISSUER = rf"^{_SECURE}(/[^{SPACE}{CONTROL}?#]*)?$"
"""An issuer (OpenID Connect Core, section 2): https, or this very machine; no user name, query or fragment."""

SECURE_ENDPOINT = rf"^{_SECURE}([/?][^{SPACE}{CONTROL}#]*)?$"
"""The same, and it may have a query."""
