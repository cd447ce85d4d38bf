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


def in_lock(groups: set[str], *, extras: bool) -> set[Locked]:
    return {
        Locked(package["name"], package["version"], frozenset(file["hash"] for file in package["files"]))
        for package in load("poetry.lock")["package"]
        if groups & set(package["groups"]) and (extras or not only_with_an_extra(package))
    }


def only_with_an_extra(package: dict[str, Any]) -> bool:
    """What a group of development needs as well is not optional, but its marker tells."""
    markers = package.get("markers", {})
    return package["optional"] or (isinstance(markers, dict) and "extra ==" in markers.get("main", ""))


def in_requirements(name: str) -> set[Locked]:
    found = set()
    for entry in (ROOT / name).read_text().replace("\\\n", "").splitlines():
        requirement = Requirement(entry.partition(" --hash")[0])
        (version,) = requirement.specifier
        hashes = frozenset(re.findall(r"--hash=(\S+)", entry))
        found.add(Locked(canonicalize_name(requirement.name), version.version, hashes))
    return found


@pytest.mark.parametrize(
    ("name", "groups", "extras"),
    [("requirements.txt", {"main"}, False), ("requirements-dev.txt", {"main", "dev"}, True)],
)
def test_requirements_are_the_lock(name: str, groups: set[str], extras: bool) -> None:
    assert in_requirements(name) == in_lock(groups, extras=extras), f"{name} is not what poetry.lock says: {REFRESH}"


def test_requirements_of_a_deployment_are_the_lock_with_all_that_settings_may_ask_for() -> None:
    found = in_requirements("requirements-deploy.txt")
    assert in_lock({"main"}, extras=False) <= found <= in_lock({"main"}, extras=True), REFRESH
    extras = load("pyproject.toml")["project"]["optional-dependencies"]
    asked = [Requirement(entry).name for extra, entries in extras.items() if extra != "profile" for entry in entries]
    assert {*asked} <= {package.name for package in found}, REFRESH


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
    project = pyproject["project"]
    lists = [*project["optional-dependencies"].values(), *pyproject["dependency-groups"].values()]
    groups = [project["dependencies"], *lists]
    versions = {package.name: Version(package.version) for package in in_requirements("requirements-dev.txt")}
    for requirement in (Requirement(entry) for group in groups for entry in group if isinstance(entry, str)):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("name", ["poetry.lock", "requirements.txt", "requirements-deploy.txt", "requirements-dev.txt"])
def test_no_address_is_locked(name: str) -> None:
    """Where packages come from is the business of whoever installs them."""
    lines = (ROOT / name).read_text().splitlines()
    assert not [line for line in lines if "://" in line and not line.startswith("description = ")]
