"""compose.yaml: what it names is there, and nobody starts before what he needs. No Docker is asked."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app import gunicorn_conf
from app.core.config import Settings
from tests.support import ROOT
from tests.support.documents import documents

DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
[COMPOSE] = documents(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def of_each(key: str) -> Iterator[tuple[str, str]]:
    """The names that each service refers to under this key, such as of networks."""
    for name, service in SERVICES.items():
        for one in service.get(key, ()):
            yield name, one["source"] if isinstance(one, dict) else one


@pytest.mark.parametrize("key", ["networks", "secrets", "configs"])
def test_what_services_share_is_defined_and_used(key: str) -> None:
    assert {one for _, one in of_each(key)} == COMPOSE[key].keys()


def test_volumes_are_defined_and_used() -> None:
    assert {one.partition(":")[0] for _, one in of_each("volumes")} == COMPOSE["volumes"].keys()


def test_services_wait_until_what_they_need_is_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            has_one = "healthcheck" in SERVICES[needed] or needed in OURS  # the image brings its own
            assert has_one, needed
    assert {"db", "redis"} <= SERVICES["api"]["depends_on"].keys()


def test_files_are_there_or_made_by_the_script_for_secrets(tmp_path_factory: pytest.TempPathFactory) -> None:
    script = (DEPLOY / "secrets.sh").read_text()
    for one in COMPOSE["secrets"].values():
        folder, _, name = one["file"].partition("/")
        assert folder == "secrets"
        assert re.search(rf"\b{re.escape(name)}\b", script), name
    for config in COMPOSE["configs"].values():
        assert "content" in config or (DEPLOY / config["file"]).is_file()
    for service in OURS.values():
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_settings_are_settings() -> None:
    for service in OURS.values():
        assert set(service["environment"]) - {"SECRETS_DIR"} <= Settings.model_fields.keys()
        assert {one for one in service["secrets"] if one.isupper()} <= Settings.model_fields.keys()


def test_no_secret_stands_in_it() -> None:
    assert not re.search(r"(?i)(password|secret|key)\w*:[ ]*\$?\{?[^\s{]*:-", TEXT)
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|DATABASE_URL", name):
                assert value.startswith("/run/secrets"), name


def test_nobody_may_more_than_he_has_to() -> None:
    for name, service in SERVICES.items():
        if name != "db":  # its image changes users by itself
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}
    assert COMPOSE["networks"]["inner"]["internal"]


def test_stop_takes_longer_than_what_is_under_way() -> None:
    for service in OURS.values():
        assert seconds(service["stop_grace_period"]) > gunicorn_conf.graceful_timeout


def test_proxy_is_the_one_that_is_believed() -> None:
    address = SERVICES["nginx"]["networks"]["edge"]["ipv4_address"]
    assert SERVICES["api"]["environment"]["FORWARDED_ALLOW_IPS"] == address
    shipped = re.findall(r"^ *(keepalive\w* .*;)", (DEPLOY / "nginx" / "upstream.conf").read_text(), re.MULTILINE)
    assert [line for line in shipped if line not in COMPOSE["configs"]["upstream"]["content"]] == []
