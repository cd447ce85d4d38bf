"""Mails are well-formed, and nobody writes into their headers."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime

import pytest

from app.core.config import settings
from app.db.base import utc_now
from app.mail.message import compose, templates

LINK = "http://127.0.0.1:8000/reset-password?token=" + "x" * 200
TEMPLATES = sorted({name.rpartition(".")[0] for name in templates.list_templates()} - {"base", "button"})


def sent(template: str = "password-reset", to: str = "ann@example.com", **values: str) -> EmailMessage:
    """A mail as it comes out at the other end."""
    message = compose(template, to, "20260131.7", **{"email": to, "link": LINK, "label": "Pea soup", **values})
    read = message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


@pytest.mark.parametrize("template", TEMPLATES)
def test_mail_is_well_formed_in_text_and_html(template: str) -> None:
    mail = sent(template)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    for part in (text.get_content(), html.get_content()):
        assert "ann@example.com" in part
        assert "{{" not in part
        assert ("token=" in part) == ("{{ link }}" in source(template))
    assert mail["Subject"] in html.get_content()
    assert all(len(line) <= 998 for line in mail.as_bytes().splitlines())


def source(template: str) -> str:
    assert templates.loader
    text, *_ = templates.loader.get_source(templates, f"{template}.txt")
    return text


def test_link_arrives_whole() -> None:
    mail = sent()
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part
        assert LINK in part.get_content()


def test_headers_say_whose_mail_it_is_and_that_nobody_need_answer() -> None:
    mail = sent()
    assert str(mail["From"]) == f"Larder <{settings.MAIL_FROM}>"
    assert str(mail["To"]) == "ann@example.com"
    assert mail["Subject"] == "Set a new password"
    assert mail["Message-ID"] == "<20260131.7@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["MIME-Version"] == "1.0"
    assert abs((parsedate_to_datetime(mail["Date"]) - utc_now()).total_seconds()) < 5


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com\nBcc: eve@example.com",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com\r\n\r\nbuy",
        "ann@example.com, eve@example.com",
        "Ann <ann@example.com>",
        "ann",
        "",
    ],
)
def test_nobody_writes_into_a_header(address: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        compose("password-changed", address, "1", email="ann@example.com")


def test_what_is_text_is_no_markup() -> None:
    html = sent(email="<script>@example.com").get_body(("html",))
    assert html
    assert "&lt;script&gt;@example.com" in html.get_content()
