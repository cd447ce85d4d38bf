"""The command line does what HTTP does, says in a line what is wrong, and what it is at where a person waits."""

import csv
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app import cli, crud
from app.crud.query import ListQuery
from app.db.base import utc_now
from app.main import app as service
from app.models import IdempotencyKey, Recipe, User
from app.schemas.recipe import RecipeCreate
from tests.conftest import ROOT, migrate

HEADER = "label,source,url\n"
GOOD = "Soup,Aunt,https://example.com/\n"
JSON = '{"label":"Soup","source":"Aunt","url":"https://example.com/"}\n'


@pytest.fixture
def larder(session: Session) -> Callable[..., Result]:
    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli.app, [str(one) for one in arguments], input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str, name: str = "recipes.csv") -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write


Larder = Callable[..., Result]
File = Callable[..., Path]


def recipes(session: Session) -> list[Recipe]:
    return [*crud.recipe.get_multi(session, ListQuery(limit=1000))]


# Import


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", HEADER + GOOD * 3), ("a.jsonl", JSON * 3), ("A.NDJSON", JSON * 3)]
)
def test_rows_are_imported(larder: Larder, file: File, session: Session, name: str, content: str) -> None:
    done = larder("import", "recipes", file(content, name))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "3 rows imported\n")
    assert [(row.label, row.submitter_id) for row in recipes(session)] == [("Soup", None)] * 3


def test_rows_belong_to_whom_they_are_imported_for(larder: Larder, file: File, session: Session, user: User) -> None:
    assert larder("import", "recipes", file(HEADER + GOOD), "--as", user.email.upper()).exit_code == 0
    assert [row.submitter_id for row in recipes(session)] == [user.id]


def test_standard_input_is_a_file_too(larder: Larder, session: Session) -> None:
    assert larder("import", "recipes", "-", "--format", "jsonl", stdin=JSON * 2).exit_code == 0
    assert len(recipes(session)) == 2


def test_dry_run_keeps_nothing(larder: Larder, file: File, session: Session) -> None:
    done = larder("import", "recipes", file(HEADER + GOOD), "--dry-run")
    assert (done.exit_code, done.stderr) == (0, "1 rows could be imported\n")
    assert recipes(session) == []


def test_errors_are_told_by_line(larder: Larder, file: File, session: Session) -> None:
    path = file(HEADER + GOOD + ",Aunt,https://example.com/\nSoup,Aunt\n")
    done = larder("import", "recipes", path)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"{path}:3: label: Field required",
        f"{path}:4: has 2 cells, not 3",
        "larder: Some lines are not valid, and none was imported",
    ]
    assert recipes(session) == []


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("option", ["--dry-run", "--format=csv"])
def test_nothing_is_imported_for_somebody_unknown(larder: Larder, file: File, session: Session, option: str) -> None:
    done = larder("import", "recipes", file(HEADER + GOOD), "--as", "bob@example.com", option)
    assert (done.exit_code, done.stderr) == (1, "larder: There is no active account of bob@example.com\n")
    assert recipes(session) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["import", "recipes"], "Missing argument"),
        (["import", "soups", "{csv}"], "there are: recipes"),
        (["import", "users", "{csv}"], "there are: recipes"),
        (["import", "recipes", "nowhere.csv"], "does not exist"),
        (["import", "recipes", "{txt}"], "say --format"),
        (["import", "recipes", "{csv}", "--format", "xml"], "xml"),
        (["export", "soups"], "there are: events, "),
        (["export", "recipes", "--format", "xml"], "xml"),
        (["brew"], "No such command"),
    ],
)
def test_wrong_command_is_2(larder: Larder, file: File, arguments: list[str], reason: str) -> None:
    names = {"csv": file(HEADER + GOOD), "txt": file(HEADER + GOOD, "a.txt")}
    done = larder(*(one.format(**names) for one in arguments))
    assert done.exit_code == 2
    assert reason in " ".join(done.stderr.split())


# Export


@pytest.fixture
def soups(session: Session, user: User) -> None:
    for label in ("Pea soup", "Bean soup", "=Stew"):
        data = RecipeCreate(label=label, source="Aunt", url="https://example.com/")
        crud.recipe.create(session, data, user)
    session.commit()


@pytest.mark.usefixtures("soups")
def test_rows_are_exported(larder: Larder, tmp_path: Path) -> None:
    done = larder("export", "recipes", "--format", "jsonl")
    assert (done.exit_code, done.stderr) == (0, "3 rows exported\n")
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["Pea soup", "Bean soup", "=Stew"]

    done = larder("export", "recipes", "--output", tmp_path / "out.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    with (tmp_path / "out.csv").open(newline="") as table:
        assert [row["label"] for row in csv.DictReader(table)] == ["Pea soup", "Bean soup", "'=Stew"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.usefixtures("soups")
@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        (["q=soup", "sort=label"], ["Bean soup", "Pea soup"]),
        (["label__in=Pea soup", "label__in==Stew"], ["Pea soup", "=Stew"]),
        (["label==Stew"], ["=Stew"]),
        (["deleted=only", "--as", "ann@example.com"], []),
    ],
)
def test_parameters_are_those_of_http(larder: Larder, parameters: list[str], found: list[str]) -> None:
    done = larder("export", "recipes", "--format", "jsonl", *parameters)
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == found


@pytest.mark.usefixtures("soups")
@pytest.mark.parametrize(
    "parameter", ["sort=color", "color=red", "limit=5", "id=x", "q=", "q", "=", "deleted=only", "label=\udcff"]
)
def test_bad_parameter_leaves_no_file(larder: Larder, tmp_path: Path, parameter: str) -> None:
    done = larder("export", "recipes", parameter, "--output", tmp_path / "out.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("larder: ")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.usefixtures("soups")
def test_file_that_cannot_be_written_is_1(larder: Larder, tmp_path: Path) -> None:
    done = larder("export", "recipes", "--output", tmp_path / "nowhere" / "out.csv")
    assert done.exit_code == 1
    assert done.stderr.endswith("No such file or directory\n")


# The others


def test_old_answers_are_swept(larder: Larder, session: Session) -> None:
    old = utc_now().replace(year=2020)
    for number, created_at in enumerate([old, old, utc_now()]):
        session.add(
            IdempotencyKey(
                caller_id=0,
                path="/",
                key=f"{number}",
                request_digest=b"",
                status=201,
                body=b"",
                created_at=created_at,
            )
        )
    session.commit()
    done = larder("sweep")
    assert done.exit_code == 0
    assert "idempotency keys: 2\n" in done.stderr
    assert "idempotency keys: 0\n" in larder("sweep").stderr


def test_contract_is_written_where_there_is_none(larder: Larder, tmp_path: Path) -> None:
    path = tmp_path / "openapi" / "v1.json"
    assert larder("openapi", path).exit_code == 0
    assert json.loads(path.read_text()) == service.openapi()
    assert larder("openapi", path).exit_code == 0


def test_contract_that_would_break_is_left_as_it_is(larder: Larder, tmp_path: Path) -> None:
    promised = json.loads(json.dumps(service.openapi()))
    promised["paths"]["/api/v1/soups"] = {"get": {"operationId": "soups_list", "responses": {}}}
    path = tmp_path / "v1.json"
    path.write_text(json.dumps(promised))
    done = larder("openapi", path)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "GET /api/v1/soups: is gone"
    assert json.loads(path.read_text()) == promised


# As a program


def run(tmp_path: Path, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/larder.db"}
    command = [sys.executable, "-m", "app.cli", *map(str, arguments)]
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command, cwd=ROOT, env=environment, text=True, check=False, **{"capture_output": True, **options}
    )


def test_database_that_is_not_prepared_is_a_line(tmp_path: Path, file: File) -> None:
    done = run(tmp_path, "import", "recipes", file(HEADER + GOOD))
    assert done.returncode == 1
    assert done.stderr == "larder: The database is not as this version needs it; ./prestart.sh prepares it\n"


def test_progress_is_shown_to_a_person(tmp_path: Path, file: File) -> None:
    migrate(f"sqlite:///{tmp_path}/larder.db")
    terminal, theirs = pty.openpty()
    path = file(HEADER + GOOD * 2000)
    done = run(tmp_path, "import", "recipes", path, capture_output=False, stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Reading" in shown
    assert "2000 rows imported" in shown
