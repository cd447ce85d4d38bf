"""What the documents refer to is there, and the commands that they show are commands."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(
        r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    ):
        path, _, section = target.partition("#")
        if path.startswith("http"):
            continue
        place = document.parent / path if path else document
        assert place.exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)$", place.read_text(), re.MULTILINE)
            assert section in map(anchor, headings), target


def anchor(heading: str) -> str:
    """As it is called where documents are shown: without punctuation."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def commands_in(document: str) -> list[str]:
    return re.findall(r"^larder (.+)$", (ROOT / "docs" / document).read_text(), re.MULTILINE)


def test_files_are_handled_by_commands_that_exist() -> None:
    shown = commands_in("files.md")
    assert {line.split()[0] for line in shown if not line.startswith("-")} == {"import", "export", "sweep", "openapi"}
    for line in shown:
        command, *words = line.split()
        said = CliRunner().invoke(app, [command, "--help"]).stdout
        for option in re.findall(r"--[a-z-]+", " ".join(words)):
            assert option in said, (command, option)


def test_jobs_are_handled_by_commands_that_exist() -> None:
    shown = commands_in("jobs.md")
    assert [line.split()[:2] for line in shown] == [["jobs", name] for name in ("list", "retry", "run")]
    for line in shown:
        assert CliRunner().invoke(app, [*line.split()[:2], "--help"]).exit_code == 0


def test_resource_below_another_one_is_shown_as_comments_have_it() -> None:
    written = "".join(path.read_text() for path in (ROOT / "app").rglob("*comment.py"))
    shown = re.findall(r"^\+ *(.+)$", (ROOT / "docs" / "nesting.md").read_text(), re.MULTILINE)
    assert len(shown) >= 6
    for line in shown:
        assert line in written
