"""Each night one process throws away what nobody can ask for any more, and no more than one."""

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlalchemy import Engine, text

from app import sweeps
from app.api import sweeping
from app.core.errors import Unavailable
from app.db import session as database
from app.db.lock import unless_held
from tests.conftest import ROOT
from tests.support import wait_until

SECONDS_TO_NIGHT = sweeps.seconds_to_night  # before others replace it

swept: list[str] = []


@pytest.fixture(autouse=True)
def elected(own_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process may be elected; all that there is to sweep is in `swept`."""
    swept.clear()
    monkeypatch.setattr(database, "engine", own_engine)
    monkeypatch.setattr(sweeps, "SWEEPS", {"things": sweep})


def sweep() -> int:
    swept.append("things")
    return 1


def test_only_one_of_many_sweeps() -> None:
    others = [threading.Thread(target=sweeps.sweep_as_elected, args=(0.3,)) for _ in range(5)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert swept == ["things"]
    sweeps.sweep_as_elected(0)
    assert swept == ["things"] * 2, "the next night is as good as any"


HOLD = """
import sys
from app.db.lock import unless_held
from app.db.session import make_engine
with unless_held(make_engine(sys.argv[1]), "sweeps") as held:
    print(held, flush=True)
    sys.stdin.read()
"""


def test_who_was_elected_and_died_is_in_nobodys_way(own_engine: Engine) -> None:
    url = own_engine.url.set(drivername=own_engine.url.drivername.replace("larder", "psycopg2"))
    command = [sys.executable, "-c", HOLD, url.render_as_string(hide_password=False)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        sweeps.sweep_as_elected(0)
        assert swept == []
        process.kill()
        process.wait()

    def sweeps_now() -> list[str]:
        sweeps.sweep_as_elected(0)
        return swept

    wait_until(sweeps_now)  # PostgreSQL notices a little later


def test_lock_is_no_transaction_and_takes_no_connection_from_the_pool(own_engine: Engine) -> None:
    with unless_held(own_engine, "sweeps") as held:
        assert held
        assert own_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        with unless_held(own_engine, "another") as other:
            assert other, "each name is a lock of its own"
        if own_engine.dialect.name == "postgresql":
            states = text("SELECT state FROM pg_stat_activity WHERE datname = current_database()")
            with own_engine.connect() as connection:
                assert "idle in transaction" not in connection.scalars(states).all()


def test_failed_sweep_is_told_and_keeps_none_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise Unavailable("not now")

    monkeypatch.setattr(sweeps, "SWEEPS", {"broken": fail, **sweeps.SWEEPS})
    with structlog.testing.capture_logs() as logs:
        sweeps.sweep_all()
    assert [(line["event"], line["name"]) for line in logs] == [("sweep failed", "broken"), ("swept", "things")]


def test_service_sweeps_night_after_night_until_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "seconds_to_night", lambda: 0.01)
    monkeypatch.setattr(sweeping, "APART", 0)

    async def serve() -> None:
        async with sweeping.sweeping():
            await asyncio.to_thread(wait_until, lambda: len(swept) >= 2)

    asyncio.run(asyncio.wait_for(serve(), 10))
    for thread in threading.enumerate():
        if thread.name == "sweeps":
            thread.join(5)
    count = len(swept)
    threading.Event().wait(0.1)
    assert len(swept) == count


@pytest.mark.parametrize(
    ("now", "hours"), [("2026-11-21T02:30", 0.5), ("2026-11-21T03:00", 24), ("2026-12-31T23:00", 4)]
)
def test_nights_begin_at_three(monkeypatch: pytest.MonkeyPatch, now: str, hours: float) -> None:
    monkeypatch.setattr(sweeps, "utc_now", lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert timedelta(seconds=SECONDS_TO_NIGHT()) == timedelta(hours=hours)
