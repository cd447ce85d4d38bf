"""A real mail server on loopback, which takes mails, refuses them, or is not there."""

import asyncio
import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import free_port


class Inbox:
    """What a server got. `refusals` are what it answers to the next mails, and to which command.

    Who has `asked` to send a mail waits for the answer until the server `may_answer`.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.logins: list[tuple[str, str]] = []
        self.recipients: list[str] = []
        self.refusals: list[tuple[str, str]] = []
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def _refusal(self, command: str) -> str | None:
        if self.refusals and self.refusals[0][0] == command:
            return self.refusals.pop(0)[1]
        return None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._refusal("RCPT"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.asked += 1
        await asyncio.to_thread(self.may_answer.wait)
        if refusal := self._refusal("DATA"):
            return refusal
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.raw.append(envelope.content)
        self.mails.append(mail)
        self.recipients.extend(envelope.rcpt_tos)
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        right = data.password == b"right"
        return AuthResult(success=right, handled=right)


@contextmanager
def mail_server(inbox: Inbox, port: int = 0, *, certificate: Path | None = None, tls: str = "") -> Iterator[int]:
    """Serves on the port that it answers. With a `certificate`, `tls` is "starttls" or "from the start"."""
    port = port or free_port()
    options: dict[str, Any] = {}
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        if tls == "starttls":
            options = {"tls_context": context, "require_starttls": True, "auth_required": True}
        else:
            options = {"ssl_context": context, "auth_require_tls": False}
        options["authenticator"] = inbox.authenticate
    controller = Controller(inbox, "127.0.0.1", port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def make_certificate(path: Path, name: str) -> None:
    """A certificate that trusts itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(encoding))
