"""What happens before each start: wait, migrate, seed. Any number of hosts may do so at once, any number of times."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, select, text

from app.initial_data import TUTORIAL_RECIPES
from tests.support import ROOT, free_port
from tests.support.postgres import Server, fresh_database
from tests.support.service import prestart, run

Contents = dict[str, list[tuple[Any, ...]]]


def contents(url: str) -> Contents:
    """Every row of every table."""
    engine = create_engine(url)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = {name: sorted(map(tuple, connection.execute(select(table)))) for name, table in tables.tables.items()}
    engine.dispose()
    return rows


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def cpu_seconds_of_children() -> float:
    """What they took of the processor, which the machine's other work does not change as it does the time."""
    return sum(os.times()[2:4])


def start_at_once(url: str, hosts: int) -> None:
    with ThreadPoolExecutor(hosts) as pool:
        starts = [*pool.map(lambda _: prestart(DATABASE_URL=url), range(hosts))]
    assert [(one.returncode, one.stderr) for one in starts] == [(0, "")] * hosts


def assert_as_one_start_leaves_it(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        users = connection.execute(text('SELECT email, is_superuser, is_active FROM "user"')).all()
        recipes = connection.execute(text("SELECT label, source, url FROM recipe ORDER BY id")).all()
        migrations = connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one()
    engine.dispose()
    assert users == [("admin@example.com", True, True)]
    assert recipes == [(one.label, one.source, one.url) for one in TUTORIAL_RECIPES]
    assert migrations == 1


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/larder.db"
    else:
        with fresh_database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.mark.slow
def test_eight_hosts_at_once_leave_what_one_would(empty_url: str) -> None:
    start_at_once(empty_url, hosts=8)
    assert_as_one_start_leaves_it(empty_url)


def test_first_start_plants_what_the_next_leaves_alone(empty_url: str) -> None:
    start_at_once(empty_url, hosts=2)
    assert_as_one_start_leaves_it(empty_url)
    before = contents(empty_url)

    before_again = cpu_seconds_of_children()
    again = prestart(DATABASE_URL=empty_url)
    assert cpu_seconds_of_children() - before_again < 10
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert contents(empty_url) == before

    # What an operator does, stays.
    execute(
        empty_url,
        "DELETE FROM recipe WHERE label = 'Chicken Paprikash'",
        "UPDATE recipe SET label = 'Pollo Vesuvio' WHERE label = 'Chicken Vesuvio'",
        'DELETE FROM "user"',
    )
    changed = contents(empty_url)
    assert [len(changed[name]) for name in ("user", "recipe", "seed")] == [0, 2, 2]
    assert prestart(DATABASE_URL=empty_url).returncode == 0
    assert contents(empty_url) == changed


def test_failing_migration_stops_the_start(empty_url: str, tmp_path: Path) -> None:
    execute(empty_url, "CREATE TABLE recipe (id INTEGER)")
    started = run([str(tree(tmp_path) / "run.sh")], DATABASE_URL=empty_url)
    assert (started.returncode, started.stdout) == (1, "")
    [line] = started.stderr.splitlines()
    assert "already exists" in line
    # Of a failed migration nothing stays.
    assert contents(empty_url).keys() <= {"recipe", "alembic_version"}
    assert not contents(empty_url).get("alembic_version")


def tree(directory: Path) -> Path:
    """A place where run.sh has nothing to set up: this tree, with the environment that runs the tests."""
    for name in ("alembic", "alembic.ini", "app", "prestart.sh", "requirements.txt", "run.sh", ".setup.sh"):
        (directory / name).symlink_to(ROOT / name)
    (directory / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith("requirements"):
            (directory / ".venv" / part.name).symlink_to(part)
    (directory / ".venv" / "requirements.txt").symlink_to(ROOT / "requirements.txt")
    return directory


@pytest.mark.parametrize(
    ("url", "listens"),
    [("//larder:hush@{}/larder", False), ("//{}/larder?user=larder&password=hush", True)],
    ids=["refuses", "is silent"],
)
def test_waiting_for_the_database_ends_with_what_to_check(url: str, listens: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1] if listens else free_port()}"
        start = time.monotonic()
        ended = prestart(DATABASE_URL=f"postgresql+psycopg2:{url.format(address)}", DATABASE_WAIT=1)
    assert ended.returncode == 1
    assert time.monotonic() - start < 20
    [line] = ended.stderr.splitlines()
    assert "DATABASE_URL" in line
    assert address in line
    assert "hush" not in ended.stderr + ended.stdout


@pytest.mark.slow
def test_start_waits_for_a_database_that_comes_late(postgres: str) -> None:
    with Server() as server, ThreadPoolExecutor() as host:
        server.stop()
        start = host.submit(prestart, DATABASE_URL=server.url, DATABASE_WAIT=30)
        time.sleep(2)
        server.start()
        assert start.result().returncode == 0


@pytest.mark.slow
def test_migration_gives_up_on_a_locked_table_and_changes_nothing(url: str) -> None:
    before = contents(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE recipe IN ACCESS SHARE MODE"))  # a long read is enough
        start = time.monotonic()
        ended = run([sys.executable, "-m", "alembic", "downgrade", "base"], DATABASE_URL=url)
        seconds = time.monotonic() - start
    engine.dispose()
    assert ended.returncode == 1
    assert 10 <= seconds < 20
    assert "lock timeout" in ended.stderr
    assert contents(url) == before
