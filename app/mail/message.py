"""How a template becomes a mail (RFC 5322), with a text for people who want one and HTML for the others."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.core.config import settings
from app.db.base import utc_now

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def compose(template: str, to: str, key: str, **values: object) -> EmailMessage:
    """A mail to one address. The first line of the text template is its subject.

    Mails with the same `key` are the same mail, and say so in their Message-ID. Raises `ValueError` on a line break
    in what goes into a header.
    """
    subject, _, text = templates.get_template(f"{template}.txt").render(values).partition("\n")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Larder", addr_spec=settings.MAIL_FROM)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = utc_now()
    message["Message-ID"] = f"<{key}@{settings.MAIL_FROM.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # nobody's holiday should answer it (RFC 3834)
    message.set_content(text.lstrip())
    message.add_alternative(templates.get_template(f"{template}.html").render(values, subject=subject), subtype="html")
    return message
