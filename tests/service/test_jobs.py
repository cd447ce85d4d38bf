"""Jobs of real processes: none is lost between the commit and the mail, whoever ends when."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from app.jobs.runner import POLL
from tests.conftest import PASSWORD
from tests.support import ROOT, free_port, wait_until
from tests.support.mail_server import Inbox, mail_server
from tests.support.postgres import Server
from tests.support.service import Service, environment, prestart

AT_ONCE = 0.8 * POLL
"""Seconds, of which a busy machine needs many: what nobody was told of waits for the next look."""


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def settings(url: str, database: Engine, inbox: Inbox) -> Iterator[dict[str, Any]]:
    """A service with a mail server, and no jobs that others have left."""
    with database.begin() as connection:
        connection.execute(text("DELETE FROM job"))
    with mail_server(inbox) as port:
        yield {**mailing(port), "DATABASE_URL": url}


def mailing(port: int) -> dict[str, Any]:
    return {
        "SMTP_URL": f"smtp://127.0.0.1:{port}",
        "MAIL_FROM": "larder@example.org",
        "PUBLIC_URL": "https://larder.example.org",
    }


def sign_up(service: Service) -> str:
    email = f"{uuid4()}@example.com"
    answer = service.client.post("/api/v1/auth/signup", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return email


def test_mail_follows_the_commit_at_once(settings: dict[str, Any], inbox: Inbox) -> None:
    with Service(**settings, JOB_THREADS=1) as service:
        emails = [sign_up(service) for _ in range(3)]
        wait_until(lambda: len(inbox.mails) == 3, seconds=AT_ONCE)
        start = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - start < AT_ONCE, "it waits for nothing"
        assert "token=" not in service.output
    assert sorted(inbox.recipients) == sorted(emails)


def test_mail_of_a_process_that_died_is_sent_by_the_next(settings: dict[str, Any], inbox: Inbox) -> None:
    with Service(**settings, JOB_THREADS=0) as service:
        email = sign_up(service)
        [worker] = service.worker_pids
        os.kill(worker, signal.SIGKILL)
    assert inbox.recipients == []
    with Service(**settings, JOB_THREADS=1, WEB_CONCURRENCY=2):
        wait_until(lambda: inbox.recipients == [email], seconds=AT_ONCE)


def test_process_of_its_own_runs_jobs_until_it_is_stopped(settings: dict[str, Any], inbox: Inbox) -> None:
    with Service(**settings, JOB_THREADS=0) as service:
        email = sign_up(service)
        command = [sys.executable, "-m", "app.cli", "jobs", "run"]
        with subprocess.Popen(command, cwd=ROOT, env=environment(**settings), stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: inbox.recipients == [email])
                process.terminate()
                assert process.wait(30) == 0
            finally:
                process.kill()  # or the context would wait for it for ever


@pytest.mark.slow
def test_outage_of_the_database_is_outlived_without_much_ado(postgres: str, inbox: Inbox) -> None:
    with Server() as server, mail_server(inbox) as port:
        assert prestart(DATABASE_URL=server.url).returncode == 0
        with Service(DATABASE_URL=server.url, **mailing(port), JOB_THREADS=1) as service:
            sign_up(service)
            wait_until(lambda: len(inbox.mails) == 1, seconds=AT_ONCE)
            server.stop()
            wait_until(lambda: "jobs cannot be run" in service.output, seconds=15)
            server.start()
            wait_until(lambda: service.client.get("/health/ready").status_code == 200)
            sign_up(service)
            wait_until(lambda: len(inbox.mails) == 2, seconds=AT_ONCE)
            assert service.output.count("jobs cannot be run") == 1


def test_mail_server_that_is_not_there_fails_no_request(url: str) -> None:
    with Service(DATABASE_URL=url, **mailing(free_port()), JOB_THREADS=1) as service:
        sign_up(service)
        wait_until(lambda: "job failed" in service.output, seconds=AT_ONCE)
        assert service.client.get("/health/ready").status_code == 200
