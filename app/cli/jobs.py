"""`larder jobs`: what waits to be done, and what could not be."""

import signal
import threading
from typing import Annotated

import typer

from app.cli.console import errors, refusals
from app.cli.transaction import in_transaction
from app.core.config import settings
from app.crud import outbox
from app.jobs.runner import Runner

app = typer.Typer(help="Work that waits to be done, or could not be")


@app.command("list")
def list_() -> None:
    """Shows the jobs that are not done: number, name, attempts, when the next one is, why the last one failed."""
    with refusals(""):
        for job in in_transaction(outbox.left):
            due = f"{job.run_at:%Y-%m-%dT%H:%M:%SZ}" if job.run_at else "given up"
            print(job.id, job.name, job.attempts, due, job.reason or "-", sep="\t")


@app.command("retry")
def retry(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="All unless told which")] = None,
) -> None:
    """Has jobs that were given up run again."""
    with refusals(""):
        count = in_transaction(lambda session: outbox.retry(session, ids or ()))
    errors.print(f"{count} jobs will run again")


@app.command("run")
def run() -> None:
    """Runs jobs, also those of other processes, until it is stopped; with a broker, hands them over."""
    threads = settings.JOB_THREADS or 1
    errors.print(f"Running jobs in {threads} threads")
    runner = Runner(threads)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        runner.stop()
