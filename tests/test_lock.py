"""pyproject.toml, poetry.lock and the two requirements files say the same; it takes no Poetry to see it."""

import hashlib
import json
import re
import tomllib
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support import ROOT

REFRESH = "see the comment on poetry lock in pyproject.toml"


class Locked(NamedTuple):
    name: str
    version: str
    hashes: frozenset[str]


def load(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def in_lock(groups: set[str]) -> set[Locked]:
    return {
        Locked(package["name"], package["version"], frozenset(file["hash"] for file in package["files"]))
        for package in load("poetry.lock")["package"]
        if groups & set(package["groups"])
    }


def in_requirements(name: str) -> set[Locked]:
    found = set()
    for entry in (ROOT / name).read_text().replace("\\\n", "").splitlines():
        requirement = Requirement(entry.partition(" --hash")[0])
        (version,) = requirement.specifier
        hashes = frozenset(re.findall(r"--hash=(\S+)", entry))
        found.add(Locked(canonicalize_name(requirement.name), version.version, hashes))
    return found


@pytest.mark.parametrize(
    ("name", "groups"),
    [("requirements.txt", {"main"}), ("requirements-dev.txt", {"main", "dev"})],
)
def test_requirements_are_the_lock(name: str, groups: set[str]) -> None:
    assert in_requirements(name) == in_lock(groups), f"{name} is not what poetry.lock says: {REFRESH}"


def test_lock_is_of_this_pyproject() -> None:
    """As Poetry reckons it: a digest of everything that decides what is locked."""
    pyproject = load("pyproject.toml")
    keys = {"requires-python", "dependencies", "optional-dependencies"}
    relevant = {
        "project": {key: value for key, value in pyproject["project"].items() if key in keys},
        "dependency-groups": pyproject["dependency-groups"],
        "tool": {"poetry": {}},
    }
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
    assert load("poetry.lock")["metadata"]["content-hash"] == digest, f"poetry.lock is stale: {REFRESH}"


def test_everything_asked_for_is_locked() -> None:
    pyproject = load("pyproject.toml")
    groups = [pyproject["project"]["dependencies"], *pyproject["dependency-groups"].values()]
    versions = {package.name: Version(package.version) for package in in_requirements("requirements-dev.txt")}
    for requirement in (Requirement(entry) for group in groups for entry in group if isinstance(entry, str)):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("name", ["poetry.lock", "requirements.txt", "requirements-dev.txt"])
def test_no_address_is_locked(name: str) -> None:
    """Where packages come from is the business of whoever installs them."""
    assert "://" not in (ROOT / name).read_text()
