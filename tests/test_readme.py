"""What the README says is so: its settings, its walk-through, its map."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from app.core.config import Settings
from tests.conftest import POSTGRES, ROOT

README = (ROOT / "README.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))


def test_settings_table_lists_every_setting_and_no_other() -> None:
    first_columns = re.findall(r"^\| (`.+?) \|", SECTIONS["Settings"], re.MULTILINE)
    listed = [name for column in first_columns for name in re.findall(r"`(\w+)`", column)]
    assert sorted(listed) == sorted(Settings.model_fields)


def test_settings_table_shows_the_defaults() -> None:
    defaults = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", SECTIONS["Settings"], re.MULTILINE))
    for name, shown in defaults.items():
        default = Settings.model_fields[name].default
        assert shown == (",".join(default) if isinstance(default, tuple) else str(default)), name


def test_map_names_what_is_there() -> None:
    for name in re.findall(r"^  (\w+(?:\.py|/)) ", SECTIONS["The house"], re.MULTILINE):
        assert (ROOT / "app" / name).exists(), name


REGISTRATIONS = ("-m", "pytest", "-q", "-x", "tests/test_registrations.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("app", "alembic", "tests"):
        copytree(ROOT / folder, tmp_path / folder)
    for file in ("alembic.ini", "pyproject.toml", ".env.example", "README.md"):
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    return tmp_path


def test_added_resource_works_as_the_walk_through_says(copy: Path) -> None:
    text = SECTIONS["Add a resource"]
    files = dict(re.findall(r"^`(app/\S+\.py)`.*?```python\n(.*?)```", text, re.MULTILINE | re.DOTALL))
    assert len(files) == 4
    for name, code in files.items():
        (copy / name).write_text(code)

    run(copy, "-m", "alembic", "upgrade", "head")
    run(copy, *REGISTRATIONS, fails_with="does not list")
    diff = re.search(r"```diff\n(.*?)```", text, re.DOTALL)
    assert diff
    register(copy, diff[1])
    run(copy, *REGISTRATIONS, fails_with="a migration is missing")
    for command in re.findall(r"^.venv/bin/python (-m alembic .*)$", text, re.MULTILINE):
        run(copy, *(word.strip('"') for word in command.split()))
    run(copy, *REGISTRATIONS)

    written = sum(len(code.splitlines()) for code in files.values())
    blank = sum(not line.strip() for code in files.values() for line in code.splitlines())
    assert written - blank <= 60, "a plain resource has become too long"
    run(copy, "-c", USE_IT)


def register(copy: Path, diff: str) -> None:
    for part in diff.split("--- ")[1:]:
        name, *changes = part.splitlines()
        text = (copy / name).read_text()
        above = ""
        for line in changes:
            if line.startswith(" "):
                above = f"{line[1:]}\n"
                assert above in text, f"{name} has no line {above}"
            elif line.startswith("+"):
                text = text.replace(above, f"{above}{line[1:]}\n") if above else f"{text}{line[1:]}\n"
        (copy / name).write_text(text)


def run(copy: Path, *arguments: str, fails_with: str = "") -> None:
    environment = {"PATH": "/usr/bin:/bin", "ENV_FILE": "", "DATA_DIR": str(copy / "data")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # none is needed, and they take seconds
    if POSTGRES in os.environ:
        environment["TEST_DATABASE_URL"] = os.environ[POSTGRES]
    (copy / "data").mkdir(exist_ok=True)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(fails_with), done.stdout + done.stderr
    assert fails_with in done.stdout


USE_IT = """
from fastapi.testclient import TestClient
from app.core.config import settings
from app.initial_data import main
from app.main import app

main()
with TestClient(app) as client:
    password = settings.FIRST_SUPERUSER_PASSWORD.get_secret_value()
    login = client.post("/api/v1/auth/login", data={"username": settings.FIRST_SUPERUSER_EMAIL, "password": password})
    token = login.json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/v1/ingredients"
    created = client.post(path, json={"name": "Flour", "grams": 500}, headers=headers)
    assert created.status_code == 201, created.text
    assert client.post(path, json={"name": "Flour", "grams": 1}, headers=headers).status_code == 409
    assert client.post(path, json={"name": "Sugar", "grams": -1}, headers=headers).status_code == 422
    assert client.post(path, json={"name": "Sugar", "grams": 1}).status_code == 401
    assert client.get(path, params={"q": "flour", "grams": 500}).json()["items"] == [created.json()]
    assert client.patch(created.headers["Location"], json={"grams": 1}, headers=headers).json()["version"] == 2
    assert client.get(created.headers["Location"]).headers["ETag"] == '"2"'
    assert client.post(f"{path}/batch", json={"items": [{"name": "Salt", "grams": 1}]}, headers=headers).is_success
    table = "name,grams\\nFlour,1\\nOil,2\\n"
    taken = client.post(f"{path}/import", content=table, headers=headers | {"Content-Type": "text/csv"})
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "/2/name")
    assert client.get(f"{path}/export?sort=name").text.count("Salt") == 1
    assert client.delete(created.headers["Location"], headers=headers).status_code == 204
"""
