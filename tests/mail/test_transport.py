"""A mail goes to a real server, over TLS that is what it says; or into a file."""

import socket
import ssl
from pathlib import Path

import pytest
import structlog

from app.core.errors import DomainError, Unavailable
from app.jobs import Hopeless
from app.mail import transport
from app.mail.message import compose
from app.mail.transport import Files, Server
from tests.support import free_port
from tests.support.mail_server import Inbox, mail_server, make_certificate

TLS = {"smtp+starttls": "starttls", "smtps": "from the start"}
MESSAGE = compose("password-changed", "ann@example.com", "7", email="ann@example.com")
CONTENT = MESSAGE.as_bytes()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of localhost, and trusted."""
    path = tmp_path / "localhost.pem"
    make_certificate(path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_server_gets_the_mail_as_it_is(inbox: Inbox) -> None:
    with mail_server(inbox) as port:
        Server(f"smtp://127.0.0.1:{port}").send(MESSAGE, "7")
    assert inbox.raw == [CONTENT]
    assert inbox.recipients == ["ann@example.com"]


@pytest.mark.parametrize("scheme", TLS)
def test_mail_and_password_go_over_tls(inbox: Inbox, certificate: Path, scheme: str) -> None:
    with mail_server(inbox, certificate=certificate, tls=TLS[scheme]) as port:
        Server(f"{scheme}://l%40rder:right@localhost:{port}").send(MESSAGE, "7")
    assert inbox.logins == [("l@rder", "right")]
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("scheme", TLS)
@pytest.mark.parametrize("why", ["nobody trusts it", "another name"])
def test_certificate_that_is_not_good_gets_neither_mail_nor_password(
    inbox: Inbox, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, why: str
) -> None:
    if why == "nobody trusts it":
        monkeypatch.delenv("SSL_CERT_FILE")
    host = "localhost" if why == "nobody trusts it" else "127.0.0.1"
    with (
        mail_server(inbox, certificate=certificate, tls=TLS[scheme]) as port,
        pytest.raises(Unavailable, match=ssl.SSLCertVerificationError.__name__),
    ):
        Server(f"{scheme}://larder:right@{host}:{port}").send(MESSAGE, "7")
    assert (inbox.mails, inbox.logins) == ([], [])


def test_server_without_tls_gets_nothing_where_tls_is_asked_for(inbox: Inbox) -> None:
    with mail_server(inbox) as port, pytest.raises(Unavailable, match="SMTPNotSupportedError"):
        Server(f"smtp+starttls://larder:right@127.0.0.1:{port}").send(MESSAGE, "7")
    assert inbox.mails == []


@pytest.mark.parametrize(
    ("command", "answer", "problem"),
    [
        ("RCPT", "450 later", Unavailable),
        ("RCPT", "550 nobody of that name hunter2", Hopeless),
        ("DATA", "451 later", Unavailable),
        ("DATA", "554 not from here hunter2", Unavailable),
    ],
)
def test_refusal_is_told_by_its_number(inbox: Inbox, command: str, answer: str, problem: type[DomainError]) -> None:
    inbox.refusals.append((command, answer))
    with mail_server(inbox) as port, pytest.raises(problem) as error:
        Server(f"smtp://127.0.0.1:{port}").send(MESSAGE, "7")
    assert type(error.value) is problem
    assert answer[:3] in error.value.detail
    assert "hunter2" not in error.value.detail


def test_refused_login_is_told_without_the_password(inbox: Inbox, certificate: Path) -> None:
    with (
        mail_server(inbox, certificate=certificate, tls="starttls") as port,
        pytest.raises(Unavailable, match="535") as error,
    ):
        Server(f"smtp+starttls://larder:wrong@localhost:{port}").send(MESSAGE, "7")
    assert "wrong" not in error.value.detail


def test_server_that_is_not_there(inbox: Inbox) -> None:
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        Server(f"smtp://127.0.0.1:{free_port()}").send(MESSAGE, "7")


def test_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(Unavailable, match="SMTPServerDisconnected"),
    ):
        Server(f"smtp://127.0.0.1:{silent.getsockname()[1]}").send(MESSAGE, "7")


def test_without_a_server_it_is_a_file_that_only_its_owner_reads_and_the_log_names(tmp_path: Path) -> None:
    files = Files(tmp_path / "mail")
    with structlog.testing.capture_logs() as logs:
        files.send(MESSAGE, "7")
        files.send(MESSAGE, "7")
    [path] = (tmp_path / "mail").iterdir()
    assert path.read_bytes() == CONTENT
    assert (path.name, path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == ("7.eml", 0o600, 0o700)
    assert [line["path"] for line in logs] == [str(path)] * 2
    assert all("ann@example.com" not in str(line) for line in logs)
