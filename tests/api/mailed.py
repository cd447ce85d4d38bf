"""What tests read in mails."""

import re
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

Mails = Callable[[], list[EmailMessage]]


def link_in(mail: EmailMessage) -> str:
    """The one link of a mail, which its text and its HTML share."""
    found = set()
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part
        found |= set(re.findall(r"https?://[^\s<\"]+", part.get_content()))
    [link] = found
    assert isinstance(link, str)
    return link


def token_in(mail: EmailMessage) -> str:
    [token] = parse_qs(urlsplit(link_in(mail)).query)["token"]
    return token


def to_whom(mails: Sequence[EmailMessage]) -> list[tuple[str, str]]:
    return [(str(mail["To"]), str(mail["Subject"])) for mail in mails]
