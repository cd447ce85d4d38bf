"""Whatever the mail server does, the request does not fail, and the mail arrives in the end."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.crud import outbox
from app.jobs.runner import run_due
from app.mail import transport
from app.mail.transport import Server
from tests.api.test_auth import ANN, SIGNUP
from tests.jobs.test_jobs import make_due
from tests.support import free_port
from tests.support.mail_server import Inbox, mail_server

Reasons = Callable[[], list[str | None]]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where mails go to. Nobody listens there yet."""
    port = free_port()
    monkeypatch.setattr(transport, "transport", Server(f"smtp://127.0.0.1:{port}"))
    return port


@pytest.fixture
def reasons(session: Session) -> Reasons:
    """Lets the time pass until the next attempt, has it made, and answers why it failed."""

    def reasons() -> list[str | None]:
        make_due(session)
        run_due()
        session.expire_all()
        return [row.reason for row in outbox.left(session)]

    return reasons


def test_mail_waits_for_a_server_that_is_down_and_then_refuses(client: TestClient, port: int, reasons: Reasons) -> None:
    inbox = Inbox()
    inbox.refusals = [("RCPT", "450 greylisted"), ("DATA", "451 try again")]
    assert client.post(SIGNUP, json=ANN).status_code == 201
    assert reasons() == ["The mail server cannot be used: ConnectionRefusedError"]
    with mail_server(inbox, port):
        assert reasons() == ["The mail server refuses the recipient (450)"]
        assert reasons() == ["The mail server refuses: SMTPDataError (451)"]
        assert reasons() == []
    [mail] = inbox.mails
    assert (inbox.recipients, mail["Subject"]) == (["ann@example.com"], "Confirm your e-mail address")


def test_mail_that_is_sent_twice_says_so(client: TestClient, port: int, reasons: Reasons, session: Session) -> None:
    """The process ends after the server took the mail, and before that is written down."""
    inbox = Inbox()
    assert client.post(SIGNUP, json=ANN).status_code == 201
    with mail_server(inbox, port):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox, "done", lambda *_: None)
            run_due()
        assert reasons() == []
    assert len({mail["Message-ID"] for mail in inbox.mails}) == 1
    assert len(inbox.mails) == 2


def test_mailbox_that_does_not_exist_is_not_tried_again(client: TestClient, port: int, reasons: Reasons) -> None:
    inbox = Inbox()
    inbox.refusals = [("RCPT", "550 no such user")]
    assert client.post(SIGNUP, json=ANN).status_code == 201
    with mail_server(inbox, port):
        assert reasons() == ["The mail server refuses the recipient (550)"]
        assert reasons() == ["The mail server refuses the recipient (550)"]
    assert inbox.mails == []
