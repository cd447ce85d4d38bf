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
        assert (document.parent / path).exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)$", (document.parent / path).read_text(), re.MULTILINE)
            assert section in {heading.lower().replace(" ", "-") for heading in headings}, target


def test_files_are_handled_by_commands_that_exist() -> None:
    shown = re.findall(r"^larder (.+)$", (ROOT / "docs" / "files.md").read_text(), re.MULTILINE)
    assert {line.split()[0] for line in shown if not line.startswith("-")} == {"import", "export", "sweep", "openapi"}
    for line in shown:
        command, *words = line.split()
        said = CliRunner().invoke(app, [command, "--help"]).stdout
        for option in re.findall(r"--[a-z-]+", " ".join(words)):
            assert option in said, (command, option)
