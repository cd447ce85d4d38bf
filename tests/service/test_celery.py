"""Jobs in the workers of Celery, through real brokers: each is run after its commit, whatever dies in between."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, text

from tests.service.test_jobs import mailing, sign_up
from tests.support import ROOT, free_port, wait_until
from tests.support.celery import Celery, worker
from tests.support.mail_server import Inbox, mail_server
from tests.support.postgres import Server
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis import Redis
from tests.support.service import Service, environment, prestart, run

Broker = Redis | RabbitMQ


@pytest.fixture(params=[Redis, RabbitMQ])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def settings(url: str, database: Engine, inbox: Inbox, broker: Broker) -> Iterator[dict[str, Any]]:
    with database.begin() as connection:
        connection.execute(text("DELETE FROM job"))
    with mail_server(inbox) as port:
        yield {**mailing(port), "DATABASE_URL": url, "CELERY_BROKER_URL": broker.url, "JOB_THREADS": 1}


def left(database: Engine) -> int:
    with database.connect() as connection:
        count: int = connection.scalar(text("SELECT count(*) FROM job"))
        return count


def test_jobs_are_run_by_celery(settings: dict[str, Any], inbox: Inbox, database: Engine) -> None:
    with worker(**settings, ENVIRONMENT="production") as celery, Service(**settings) as service:
        emails = [sign_up(service) for _ in range(3)]
        wait_until(lambda: sorted(inbox.recipients) == sorted(emails), seconds=30)
        wait_until(lambda: left(database) == 0)
        lines = [json.loads(line) for line in celery.output.splitlines() if line.startswith("{")]
        assert [line["event"] for line in lines].count("job done") == 3
        assert "job done" not in service.output
        assert celery.terminate() == 0
        assert "guest" not in celery.output.replace("guest:**", "")


# Slowly, what dies in between


def forget_time(database: Engine) -> None:
    """Lets the leases of all jobs end."""
    with database.begin() as connection:
        connection.execute(text("UPDATE job SET run_at = now() WHERE run_at IS NOT NULL"))


def handed_over(database: Engine) -> int:
    """How many wait for a worker of Celery to begin."""
    query = "SELECT count(*) FROM job WHERE attempts = 0 AND run_at > now() + interval '1 minute'"
    with database.connect() as connection:
        count: int = connection.scalar(text(query))
        return count


@pytest.mark.slow
def test_process_that_dies_before_it_hands_over_loses_nothing(
    settings: dict[str, Any], inbox: Inbox, database: Engine
) -> None:
    with Service(**settings | {"JOB_THREADS": 0}) as service:
        email = sign_up(service)
        [process] = service.worker_pids
        os.kill(process, signal.SIGKILL)
    assert left(database) == 1
    with worker(**settings), Service(**settings):
        wait_until(lambda: inbox.recipients == [email], seconds=30)


@pytest.mark.slow
def test_broker_that_dies_with_all_its_messages_loses_nothing(
    settings: dict[str, Any], inbox: Inbox, database: Engine, broker: Broker
) -> None:
    with Service(**settings) as service:
        emails = [sign_up(service) for _ in range(5)]
        wait_until(lambda: handed_over(database) == 5)
        time.sleep(1)  # they are written down as handed over before they are sent
        broker.kill()
        begun = time.monotonic()
        emails.append(sign_up(service))
        assert time.monotonic() - begun < 2, "no request waits for the broker"
        wait_until(lambda: "jobs cannot be run" in service.output, seconds=30)
        assert service.output.count("Traceback") == 0
        if isinstance(broker, RabbitMQ):
            broker.forget()
        broker.start()
        with worker(**settings) as celery:
            wait_until(lambda: inbox.recipients == emails[-1:], seconds=30)
            forget_time(database)
            wait_until(lambda: sorted(inbox.recipients) == sorted(emails), seconds=30)
            wait_until(lambda: left(database) == 0)
            assert celery.is_running
        assert "jobs are run again" in service.output


@pytest.mark.slow
def test_worker_outlives_its_broker(settings: dict[str, Any], inbox: Inbox, broker: Broker) -> None:
    with worker(**settings) as celery, Service(**settings) as service:
        celery.wait_until_ready()
        sign_up(service)
        wait_until(lambda: len(inbox.recipients) == 1, seconds=30)
        broker.kill()
        sign_up(service)
        broker.start()
        wait_until(lambda: len(inbox.recipients) == 2, seconds=60)


@pytest.mark.slow
def test_worker_that_dies_in_the_middle_of_a_job_loses_nothing(
    settings: dict[str, Any], inbox: Inbox, database: Engine
) -> None:
    inbox.may_answer.clear()
    with Service(**settings) as service:
        with worker(**settings) as celery:
            email = sign_up(service)
            wait_until(lambda: inbox.asked == 1, seconds=30)
            celery.kill()
        inbox.may_answer.set()
        with worker(**settings) as celery:
            celery.wait_until_ready()
            assert left(database) == 1, "nobody else begins while it may still be at work"
            forget_time(database)
            wait_until(lambda: left(database) == 0, seconds=30)
    assert {*inbox.recipients} == {email}
    assert len({mail["Message-ID"] for mail in inbox.mails}) == 1, "so that a second one is known for the same"


@pytest.mark.slow
def test_database_that_restarts_loses_nothing(postgres: str, inbox: Inbox, broker: Broker) -> None:
    with Server() as server, mail_server(inbox) as port:
        settings = {**mailing(port), "DATABASE_URL": server.url, "CELERY_BROKER_URL": broker.url, "JOB_THREADS": 1}
        assert prestart(DATABASE_URL=server.url).returncode == 0
        with worker(**settings) as celery, Service(**settings) as service:
            celery.wait_until_ready()
            emails = [sign_up(service)]
            wait_until(lambda: inbox.recipients == emails, seconds=30)
            server.stop()
            wait_until(lambda: "jobs cannot be run" in service.output, seconds=30)
            server.start()
            wait_until(lambda: service.client.get("/health/ready").status_code == 200)
            emails.append(sign_up(service))
            wait_until(lambda: inbox.recipients == emails, seconds=30)


@pytest.mark.slow
def test_message_that_comes_again_and_again_changes_nothing(
    settings: dict[str, Any], inbox: Inbox, database: Engine
) -> None:
    with Service(**settings) as service:
        sign_up(service)
        wait_until(lambda: handed_over(database) == 1)
    with database.connect() as connection:
        number: int = connection.scalar(text("SELECT id FROM job"))
    for arguments in [[number, 0], [number, 0], [number, 1], [number + 1000, 0], ["x", None], [2**70, 0]]:
        with Celery("call", "job", "--args", json.dumps(arguments), **settings) as call:
            assert call.wait() == 0, call.output
    with worker(**settings) as celery:
        wait_until(lambda: left(database) == 0, seconds=30)
        wait_until(lambda: celery.output.count(" received") == 7)
        assert celery.terminate() == 0
    assert len(inbox.mails) == 1


@pytest.mark.slow
def test_failures_are_kept_and_retried_from_the_command_line(
    settings: dict[str, Any], inbox: Inbox, database: Engine
) -> None:
    inbox.refusals.append(("RCPT", "550 no such mailbox"))
    with worker(**settings), Service(**settings) as service:
        email = sign_up(service)
        wait_until(lambda: "given up" in larder("list", settings), seconds=30)
        assert "mail.letters.verification\t1\tgiven up\t" in larder("list", settings)
        assert larder("retry", settings) == "1 jobs will run again\n"
        wait_until(lambda: inbox.recipients == [email], seconds=30)
        wait_until(lambda: larder("list", settings) == "")


def larder(command: str, settings: dict[str, Any]) -> str:
    done = run([sys.executable, "-m", "app.cli", "jobs", command], **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout or done.stderr


BEAT = """
from app.celery import celery
celery.conf.beat_schedule["sweep"]["schedule"] = 1.0
celery.start(["--quiet", "beat"])
"""


@pytest.mark.slow
def test_nights_are_swept_by_a_worker_and_not_by_the_service(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(**settings) as celery:
        celery.wait_until_ready()
        with subprocess.Popen([sys.executable, "-c", BEAT], cwd=ROOT, env=environment(**settings)) as beat:
            try:
                wait_until(lambda: celery.output.count("name=trail") >= 2, seconds=30)
                beat.terminate()
                assert beat.wait(30) == 0
            finally:
                beat.kill()  # or the context would wait for it for ever
        assert "sweep failed" not in celery.output


@pytest.mark.slow
def test_flower_sees_workers_and_tasks(settings: dict[str, Any], inbox: Inbox) -> None:
    port = free_port()
    options = "--address=127.0.0.1", f"--port={port}", "--basic-auth=operator:secret"
    with (
        worker("--task-events", **settings) as celery,
        Celery("flower", *options, **settings) as flower,
        Service(**settings) as service,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):

        def ask(path: str) -> httpx2.Response | None:
            with contextlib.suppress(httpx2.TransportError):
                return client.get(path, auth=("operator", "secret"))
            return None

        celery.wait_until_ready()
        wait_until(lambda: (answer := ask("/api/workers?refresh=1")) and answer.json(), seconds=30)
        assert client.get("/workers").status_code == 401
        sign_up(service)
        wait_until(lambda: len(inbox.mails) == 1)
        wait_until(lambda: "mail.letters.verification" in seen(ask("/api/tasks")), seconds=30)
        assert flower.is_running


def seen(answer: httpx2.Response | None) -> set[str]:
    return {task["name"] for task in answer.json().values() if task["state"] == "SUCCESS"} if answer else set()


@pytest.mark.slow
@pytest.mark.parametrize("broker", [Redis], indirect=True)
def test_broker_that_hangs_is_waited_for_by_no_request_and_outlived(
    settings: dict[str, Any], inbox: Inbox, database: Engine, broker: Redis
) -> None:
    with worker(**settings) as celery, Service(**settings) as service:
        celery.wait_until_ready()
        sign_up(service)
        wait_until(lambda: len(inbox.recipients) == 1, seconds=30)
        broker.pause()
        begun = time.monotonic()
        sign_up(service)
        assert time.monotonic() - begun < 4
        wait_until(lambda: "jobs cannot be run" in service.output, seconds=30)
        broker.resume()
        wait_until(lambda: len(inbox.recipients) == 2, seconds=60)
        wait_until(lambda: left(database) == 0)
