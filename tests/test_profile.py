"""`larder profile` shows what a request really does, in whose name it is sent, and leaves nothing behind."""

import importlib.util
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from app.cli import app, profile
from tests.conftest import ROOT
from tests.support.own_service import prepare
from tests.support.service import environment


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('data')}/larder.db"
    prepare(url)
    return url


def larder(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "profile", *arguments]
    settings = environment(DATABASE_URL=url, COLUMNS="200")
    return subprocess.run(command, check=False, cwd=ROOT, env=settings, capture_output=True, text=True)


def count(url: str, table: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        number: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return number


def test_profile_names_layers_functions_and_statements(url: str) -> None:
    before = count(url, "login_session")
    done = larder(url, "/api/v1/recipes?limit=5", "--as", "admin@example.com", "-n", "100")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("GET /api/v1/recipes?limit=5: 200, ")
    layers = {"middleware", "solving", "endpoint", "crud", "SQLAlchemy", "driver", "serialisation"}
    assert {layer for layer in layers if f"│ {layer} " in done.stdout} == layers
    assert "CRUDRecipe.get_multi  app/crud/base.py" in done.stdout, "what the job's thread does is seen"
    assert "│ 1.0       │" in done.stdout
    assert "FROM recipe WHERE" in " ".join(done.stdout.split())
    assert "user.token_generation" in done.stdout, "it was asked for in his name"
    assert count(url, "login_session") == before, "and he is signed out again"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["/api/v1/recipes?limit=x"], "is answered with 422"),
        (["/api/v1/users"], "is answered with 401"),
        (["/api/v1/recipes", "--as", "nobody@example.com"], "There is no active account of nobody@example.com"),
    ],
)
def test_request_that_is_refused_is_no_profile(url: str, arguments: list[str], reason: str) -> None:
    done = larder(url, *arguments, "-n", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "find_spec", lambda _: None)
    done = CliRunner().invoke(app, ["profile", "/api/v1/recipes"])
    assert done.exit_code == 1
    assert "pip install 'larder[profile]'" in done.stderr


def test_package_is_imported_only_to_profile() -> None:
    assert importlib.util.find_spec("pyinstrument")
    script = "import sys, app.cli; print('pyinstrument' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split()[-1] == "False"
