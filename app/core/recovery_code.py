"""Recovery codes: random, written down by people, and typed by them."""

import base64
import hashlib
import re
import secrets

BYTES = 15
"""120 bits. From 112 on a plain hash will do (OWASP ASVS 5.0, requirement 6.5.2), as nobody can try them all."""


def new_recovery_code() -> str:
    """24 letters and digits in groups of four, such as `MFRG-GZDF-MZTW-Q2LK-NNWG-23TP`."""
    return "-".join(re.findall("....", base64.b32encode(secrets.token_bytes(BYTES)).decode()))


def recovery_code_hash(text: str) -> bytes:
    """What is stored of a code, however its letters and groups are typed."""
    return hashlib.sha256(re.sub(r"[\s-]", "", text).upper().encode()).digest()
