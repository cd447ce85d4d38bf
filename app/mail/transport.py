"""How a mail gets away: to a mail server or, without one, into a file."""

import os
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import structlog

from app.core.config import settings
from app.core.errors import Unavailable
from app.core.setting_types import SMTP_URL
from app.jobs import Hopeless

log = structlog.get_logger()

TIMEOUT = 10
"""Seconds that the mail server may take for each answer."""

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Transport(Protocol):
    def send(self, message: EmailMessage, key: str) -> None:
        """Raises `Unavailable` when it may go better later, and `Hopeless` when it will not."""


class Server:
    """A mail server (RFC 5321). Where TLS is asked for, its certificate has to be good for its name."""

    def __init__(self, url: str) -> None:
        found = SMTP_URL.fullmatch(url)
        assert found, "the settings let no other in"
        self.scheme = found["scheme"]
        self.host = found["host"].strip("[]")
        self.port = int(found["port"] or PORTS[self.scheme])
        self.login = (unquote(found["user"]), unquote(found["password"])) if found["user"] else None

    def send(self, message: EmailMessage, key: str) -> None:
        try:
            with closing(self._connect()) as server:
                if self.scheme == "smtp+starttls":
                    server.starttls(context=ssl.create_default_context())
                if self.login:
                    server.login(*self.login)
                server.send_message(message)
                with suppress(OSError):  # it has taken the mail, whatever becomes of the goodbye
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            code = min(code for code, _ in error.recipients.values())
            problem = Hopeless if code >= 500 else Unavailable
            raise problem(f"The mail server refuses the recipient ({code})") from error
        except smtplib.SMTPResponseException as error:
            raise Unavailable(f"The mail server refuses: {type(error).__name__} ({error.smtp_code})") from error
        except OSError as error:  # of which all others of smtplib and ssl are
            raise Unavailable(f"The mail server cannot be used: {type(error).__name__}") from error

    def _connect(self) -> smtplib.SMTP:
        own_name = settings.MAIL_FROM.rpartition("@")[2]  # to find out the real one may take long
        if self.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, own_name, timeout=TIMEOUT, context=context)
        return smtplib.SMTP(self.host, self.port, own_name, timeout=TIMEOUT)


class Files:
    """A file for each mail, as mail programs open them. Only their owner can read them: their links let people in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, message: EmailMessage, key: str) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / f"{key}.eml"
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.replace(path)
        log.info("mail written to a file, because SMTP_URL is not set", path=str(path))


transport: Transport = Server(settings.SMTP_URL) if settings.SMTP_URL else Files(settings.DATA_DIR / "mail")
