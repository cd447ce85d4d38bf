"""What a transaction leaves for later is done after its commit, once all goes well once, and never without it."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import Engine, QueuePool, delete, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app import cli
from app.core.config import settings
from app.core.errors import Unavailable
from app.crud import outbox
from app.db import session as database
from app.db.base import utc_now
from app.jobs import Attempt, Hopeless, attempts, job, runner
from app.jobs.job import JOBS
from app.jobs.runner import Runner, run_due
from app.models import Job
from tests.support import ROOT, wait_until

HOUR = timedelta(hours=1)

done: list[tuple[Attempt, str]] = []
problems: list[Exception] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()
    problems.clear()


@job
def note(attempt: Attempt, text: str) -> None:
    """Fails as long as there are problems."""
    if problems:
        raise problems.pop()
    done.append((attempt, text))


def noted() -> list[str]:
    return [text for _, text in done]


def rows(session: Session) -> list[Job]:
    session.expire_all()
    return [*outbox.left(session)]


def make_due(session: Session) -> None:
    """Lets the time pass until the next attempt."""
    session.execute(update(Job).where(Job.run_at.is_not(None)).values(run_at=utc_now()))
    session.commit()


def test_job_is_run_after_the_commit_and_then_gone(session: Session) -> None:
    note.enqueue(session, "first")
    note.enqueue(session, text="second")
    session.commit()
    assert noted() == []
    run_due()
    assert noted() == ["first", "second"]
    assert rows(session) == []


def test_job_of_a_transaction_that_is_rolled_back_is_never_run(session: Session) -> None:
    note.enqueue(session, "never")
    session.rollback()
    with session.begin_nested() as savepoint:
        note.enqueue(session, "never either")
        savepoint.rollback()
    session.commit()
    run_due()
    assert noted() == []


@pytest.mark.parametrize("arguments", [(), ("one", "two"), (object(),)])
def test_arguments_that_do_not_fit_fail_where_they_are_given(session: Session, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Exception, match=r"argument|serializable"):
        note.enqueue(session, *arguments)  # type: ignore[arg-type]


def test_failed_job_is_tried_again_later_under_the_same_key(session: Session) -> None:
    problems.append(Unavailable("The other side is busy"))
    note.enqueue(session, "at last")
    session.commit()
    run_due()
    [row] = rows(session)
    assert row.run_at
    assert (row.attempts, row.reason) == (1, "The other side is busy")
    assert timedelta(seconds=5) < row.run_at - utc_now() < timedelta(seconds=15)
    key = f"{row.created_at:%Y%m%d%H%M%S%f}.{row.id}"
    make_due(session)
    run_due()
    assert done == [(Attempt(key, 2), "at last")]
    assert rows(session) == []


def test_what_others_say_of_a_failure_is_told_to_nobody(session: Session) -> None:
    problems.append(ValueError("the password is hunter2"))
    note.enqueue(session, "x")
    session.commit()
    with structlog.testing.capture_logs() as logs:
        run_due()
    [row] = rows(session)
    assert row.reason == "ValueError"
    assert [line["reason"] for line in logs] == ["ValueError"]


def test_job_is_given_up_after_so_many_attempts_and_kept(session: Session) -> None:
    problems.extend(Unavailable(f"no {number}") for number in range(attempts.ATTEMPTS))
    note.enqueue(session, "in vain")
    session.commit()
    for _ in range(attempts.ATTEMPTS + 3):
        make_due(session)
        run_due()
    [row] = rows(session)
    assert (row.attempts, row.run_at, row.reason) == (attempts.ATTEMPTS, None, "no 0")
    assert noted() == []


def test_hopeless_job_is_given_up_at_once(session: Session) -> None:
    problems.append(Hopeless("There is no such mailbox"))
    note.enqueue(session, "in vain")
    session.commit()
    run_due()
    [row] = rows(session)
    assert (row.attempts, row.run_at, row.reason) == (1, None, "There is no such mailbox")


def test_job_that_ends_its_process_each_time_is_given_up(session: Session) -> None:
    note.enqueue(session, "deadly")
    session.commit()
    for _ in range(attempts.ATTEMPTS):
        assert outbox.claim(session)
        make_due(session)
    run_due()
    [row] = rows(session)
    assert row.run_at is None
    assert "never came to an end" in (row.reason or "")
    assert noted() == []


def test_job_that_nobody_knows_waits_for_who_does(session: Session) -> None:
    outbox.add(session, "jobs.of_the_next_version", {"text": "x"})
    session.commit()
    run_due()
    [row] = rows(session)
    assert row.run_at
    assert row.reason == "KeyError"


def test_pauses_grow_to_a_bound_and_no_two_are_alike() -> None:
    for number, seconds in {1: 10, 2: 20, 5: 160, 11: 10240, 12: 14400, 15: 14400, 1000: 14400}.items():
        pauses = {attempts.pause_after(number).total_seconds() for _ in range(50)}
        assert seconds * 0.75 <= min(pauses) < max(pauses) <= seconds * 1.25
        assert len(pauses) > 40


def test_job_of_a_dead_process_is_run_by_another_and_by_one_at_a_time(session: Session) -> None:
    note.enqueue(session, "x")
    session.commit()
    lost = outbox.claim(session)
    assert lost
    run_due()
    assert noted() == [], "it is held"
    session.execute(update(Job).values(run_at=Job.run_at - outbox.LEASE))
    again = outbox.claim(session)
    assert again
    assert (again.id, again.attempts) == (lost.id, 2)
    outbox.done(session, lost)
    outbox.failed(session, lost, "too late", HOUR)
    [row] = rows(session)
    assert (row.reason, row.version) == (None, again.version), "it is no longer his to end"
    outbox.done(session, again)
    assert rows(session) == []


# Handed over


def test_job_that_was_handed_over_is_run_once_however_often_that_is_said(session: Session) -> None:
    note.enqueue(session, "x")
    session.commit()
    [job] = outbox.hand_over(session)
    assert (job.name, job.attempts) == (note.name, 0)
    assert outbox.hand_over(session) == []
    run_due()
    assert noted() == [], "it is for others to run"
    claims = [outbox.claim_handed_over(session, job.id, job.attempts) for _ in range(3)]
    assert [claim and claim.attempts for claim in claims] == [1, None, None]
    assert claims[0]
    outbox.failed(session, claims[0], "not yet", HOUR)
    assert outbox.claim_handed_over(session, job.id, job.attempts) is None, "it pauses"
    outbox.done(session, claims[0])
    assert outbox.claim_handed_over(session, job.id, job.attempts) is None
    assert outbox.claim_handed_over(session, 12345, 0) is None


def test_job_that_was_handed_over_and_lost_is_handed_over_again(session: Session) -> None:
    note.enqueue(session, "x")
    session.commit()
    [lost] = outbox.hand_over(session)
    make_due(session)
    [again] = outbox.hand_over(session)
    assert (again.id, again.attempts) == (lost.id, lost.attempts), "so that the first message is as good as the second"
    assert outbox.claim_handed_over(session, lost.id, lost.attempts)


def test_job_that_could_not_be_handed_over_is_due_again_unless_somebody_has_begun(session: Session) -> None:
    for text in ("reached nobody", "reached somebody after all"):
        note.enqueue(session, text)
    session.commit()
    first, second = sorted(outbox.hand_over(session), key=lambda job: job.id)
    assert outbox.claim_handed_over(session, second.id, second.attempts)
    outbox.take_back(session, [first, second])
    assert [job.id for job in outbox.hand_over(session)] == [first.id]


def test_message_about_a_job_that_was_given_up_changes_nothing(session: Session) -> None:
    problems.append(Hopeless("No"))
    note.enqueue(session, "x")
    session.commit()
    run_due()
    [row] = rows(session)
    assert outbox.claim_handed_over(session, row.id, row.attempts) is None


def test_many_are_handed_over_some_at_a_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 3)
    for _ in range(7):
        note.enqueue(session, "x")
    session.commit()
    assert [len(outbox.hand_over(session)) for _ in range(4)] == [3, 3, 1, 0]


def test_celery_knows_every_job_and_takes_no_fastapi() -> None:
    """What has jobs has to be in the list of `app.celery`."""
    script = "import sys, app.celery; from app.jobs.job import JOBS; print(*JOBS, *{'fastapi'} & {*sys.modules})"
    environment = {**os.environ, "CELERY_BROKER_URL": "redis://nowhere"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True)
    ours = {name for name in JOBS if not name.startswith("tests.")}
    assert set(done.stdout.decode().split()) == ours


# Side by side, on databases of their own


@pytest.fixture
def busy(own_engine: Engine) -> Iterator[Engine]:
    database.WriteSessions.configure(bind=own_engine)
    database.ReadSessions.configure(bind=database.reading(own_engine))
    yield own_engine
    with own_engine.begin() as connection:
        connection.execute(delete(Job))


def leave(*texts: str) -> None:
    with database.WriteSessions.begin() as session:
        for text in texts:
            note.enqueue(session, text)


def test_each_job_is_run_by_one_of_many(busy: Engine) -> None:
    leave(*(f"{number}" for number in range(40)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run_until_empty(), range(4)))
    assert Counter(noted()) == Counter(f"{number}" for number in range(40))


def run_until_empty() -> None:
    """As a runner does, which does not stop when another was quicker."""
    while runner.run_next() <= 1:
        pass


@pytest.fixture
def running(busy: Engine) -> Iterator[Runner]:
    runner = Runner(2)
    wait_until(lambda: isinstance(busy.pool, QueuePool) and busy.pool.checkedin())
    yield runner
    runner.stop()


@pytest.mark.usefixtures("running")
def test_runner_is_woken_by_the_commit() -> None:
    with database.WriteSessions.begin() as session:
        note.enqueue(session, "at once")
        with session.begin_nested():
            pass
        assert noted() == []
    wait_until(lambda: noted() == ["at once"], seconds=0.8 * runner.POLL)


def test_runner_finds_what_nobody_told_it_of(busy: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL", 0.05)
    running = Runner(1)
    with Session(busy) as session:
        outbox.add(session, note.name, {"text": "left by another process"})
        session.commit()
    wait_until(lambda: noted() == ["left by another process"])
    running.stop()


def test_stopped_runner_runs_nothing_more(running: Runner) -> None:
    running.stop()
    leave("too late")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("jobs-")]
    assert noted() == []


def test_stop_waits_for_the_job_that_is_running_but_not_for_ever(
    running: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(attempt: Attempt, arguments: object) -> None:
        begun.set()
        may_end.wait()

    monkeypatch.setattr(note, "run", slow)
    monkeypatch.setattr(runner, "STOP", 0.1)
    leave("slow")
    assert begun.wait(5)
    running.stop()
    may_end.set()
    for thread in running._threads:
        thread.join(5)


def test_outage_is_told_once_and_outlived(busy: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[None] = []
    look = outbox.seconds_to_next

    def fail(session: Session) -> float | None:
        tries.append(None)
        if len(tries) <= 20:
            raise Unavailable("The database cannot be reached")
        return look(session)

    monkeypatch.setattr(outbox, "seconds_to_next", fail)
    monkeypatch.setattr(runner, "POLL", 0.01)
    leave("afterwards")
    with structlog.testing.capture_logs() as logs:
        running = Runner(1)
        wait_until(lambda: noted() == ["afterwards"])
        running.stop()
    assert sorted(line["event"] for line in logs) == ["job done", "jobs are run again", "jobs cannot be run"]


def test_runner_has_connections_of_its_own(busy: Engine) -> None:
    assert isinstance(busy.pool, QueuePool)
    assert busy.pool.size() == settings.THREADS + settings.JOB_THREADS + 1


def test_runner_lives_as_long_as_the_service(busy: Engine) -> None:
    async def serve() -> None:
        async with runner.running(1):
            leave("now")
            await asyncio.to_thread(wait_until, lambda: noted() == ["now"])

    asyncio.run(serve())
    leave("too late")
    assert noted() == ["now"]


# From the command line


def larder(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, ["jobs", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_operator_sees_what_failed_and_has_it_run_again(session: Session) -> None:
    problems.extend([Hopeless("No such mailbox"), Hopeless("No such street")])
    for text in ("a", "b"):
        note.enqueue(session, text)
    session.commit()
    run_due()
    note.enqueue(session, "c")
    session.commit()
    first, second, third = (row.id for row in rows(session))
    lines = [line.split("\t") for line in larder("list").splitlines()]
    assert [(int(line[0]), *line[2:]) for line in lines[:2]] == [
        (first, "1", "given up", "No such street"),
        (second, "1", "given up", "No such mailbox"),
    ]
    assert (lines[2][0], lines[2][2], lines[2][4]) == (f"{third}", "0", "-")
    assert larder("retry", f"{second}", f"{third}") == "1 jobs will run again\n"
    run_due()
    assert sorted(noted()) == ["b", "c"]
    assert larder("retry") == "1 jobs will run again\n"
    run_due()
    assert sorted(noted()) == ["a", "b", "c"]
    assert larder("list") == ""


def test_what_was_given_up_is_forgotten_after_a_month(session: Session) -> None:
    for age in (31, 29):
        problems.append(Hopeless("No"))
        note.enqueue(session, f"{age}")
        session.commit()
        run_due()
        newest = select(Job.id).order_by(Job.id.desc()).limit(1).scalar_subquery()
        session.execute(update(Job).where(Job.id == newest).values(updated_at=utc_now() - timedelta(days=age)))
    note.enqueue(session, "not yet done")
    session.execute(update(Job).where(Job.run_at.is_not(None)).values(updated_at=utc_now() - timedelta(days=99)))
    session.commit()
    assert outbox.sweep(session) == 1
    assert [row.arguments["text"] for row in rows(session)] == ["29", "not yet done"]
