"""The application as it is, on databases that the migrations built, each test in a transaction that is thrown away.

A test that takes `client` or `session` runs once on SQLite and once on PostgreSQL. Nothing of the developer's own
settings or databases is ever touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRATCH = Path(tempfile.mkdtemp(prefix="larder-tests-"))

# Before the application reads its settings: none of the developer's.
for name in [*os.environ]:
    if name in (ROOT / ".env.example").read_text():
        del os.environ[name]
os.environ |= {
    "ENV_FILE": "",
    "DATA_DIR": str(SCRATCH),
    "SECRET_KEY": "only-the-tests-sign-their-tokens-with-this",
    "FIRST_SUPERUSER_PASSWORD": "only for the tests",
}

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from app import crud
from app.core import security
from app.db import session as database
from app.main import app
from app.models import User
from app.schemas.user import UserCreate
from tests.support.postgres import NoServer, fresh_database, postgres_server

POSTGRES = "TEST_POSTGRES"
WHY_NOT = "TEST_POSTGRES_MISSING"
PASSWORD = "correct horse battery staple"

# 0.5 ms instead of 20 a hash, or half of the run would be hashing.
security.passwords.update(argon2__memory_cost=8, argon2__time_cost=1)


def pytest_configure(config: pytest.Config) -> None:
    """Starts one PostgreSQL for all workers; they find it through the environment, as does whatever they start."""
    config.add_cleanup(partial(shutil.rmtree, SCRATCH, ignore_errors=True))
    if hasattr(config, "workerinput"):
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    try:
        os.environ[POSTGRES] = stack.enter_context(postgres_server())
    except NoServer as reason:
        os.environ[WHY_NOT] = str(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what was not tested, and why."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests {reason}", red=True, bold=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database at the newest migration, without rows."""
    with ExitStack() as stack:
        url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/larder.db"
        if request.param == "postgresql":
            if WHY_NOT in os.environ:
                pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
            url = stack.enter_context(fresh_database(os.environ[POSTGRES]))
        migrate(url)
        yield url


def migrate(url: str) -> None:
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "DATABASE_URL": url})


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """The one connection of a test. What the application commits on it is a savepoint, gone with the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        for sessions in (database.WriteSessions, database.ReadSessions):
            sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "engine", engine)
            yield connection
        transaction.rollback()


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """For what a test arranges and looks at itself. It sees what the application committed, and the other way round."""
    with database.WriteSessions() as session:
        yield session


@pytest.fixture(scope="session")
def lifespan() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def client(lifespan: TestClient, connection: Connection) -> TestClient:
    return lifespan


@pytest.fixture
def make_user(session: Session) -> Callable[..., User]:
    """Makes users, `ann@example.com` unless told otherwise, all with the password PASSWORD."""

    def make(name: str = "ann", **fields: object) -> User:
        data = UserCreate.model_validate({"email": f"{name}@example.com", "password": PASSWORD, **fields})
        user = crud.user.create(session, data)
        session.commit()
        return user

    return make


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def superuser(make_user: Callable[..., User]) -> User:
    return make_user("root", is_superuser=True)


def as_user(user: User) -> dict[str, str]:
    """The headers of a request by this user."""
    token, _ = security.write_access_token(security.AccessToken(user.id, user.token_generation))
    return {"Authorization": f"Bearer {token}"}
