"""Which passwords are refused although they are long enough: what everybody would try first (NIST SP 800-63B)."""

import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

MIN_LENGTH = 12
MAX_LENGTH = 1024


def is_common(password: str) -> bool:
    return password.casefold() in _common()


def is_own_email(password: str, email: str) -> bool:
    """Whether it is the account's own address, or the name in it."""
    return password.casefold() in (email.casefold(), email.casefold().partition("@")[0])


@cache
def _common() -> frozenset[str]:
    """Those of zxcvbn's 30,000 most common ones that are long enough; read when the first password is set."""
    package = find_spec("zxcvbn")
    assert package is not None
    assert package.origin is not None
    # Not imported: the package would keep all its dictionaries in memory, 15 MB of them.
    lists = runpy.run_path(str(Path(package.origin).with_name("frequency_lists.py")))["FREQUENCY_LISTS"]
    return frozenset(word.casefold() for word in lists["passwords"] if len(word) >= MIN_LENGTH)
