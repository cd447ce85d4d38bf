"""The manifests: valid, confined, and in step with what the service says of itself."""

import json
import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from app import gunicorn_conf
from app.api import health
from app.core.config import Settings
from tests.support import ROOT
from tests.support.documents import documents

DIRECTORY = ROOT / "deploy" / "kubernetes"
FILES = [path for path in sorted(DIRECTORY.glob("*.yaml")) if path.name != "kustomization.yaml"]
RESOURCES = [document for path in FILES for document in documents(path)]
[KUSTOMIZATION] = documents(DIRECTORY / "kustomization.yaml")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def named(kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in RESOURCES if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """What each Deployment, Job and CronJob runs."""
    for one in RESOURCES:
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield one["metadata"]["name"], template["spec"]


PODS = dict(pods())
CONTAINERS = [container for pod in PODS.values() for container in (*pod.get("initContainers", ()), *pod["containers"])]
[API] = PODS["api"]["containers"]


@pytest.mark.parametrize("one", RESOURCES, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_resource_is_valid(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_all_files_are_applied_but_the_example() -> None:
    assert {*KUSTOMIZATION["resources"], "secret.example.yaml"} == {path.name for path in FILES}
    assert not any(named("Secret", "secrets")["stringData"].values())


@pytest.mark.parametrize("name", PODS)
def test_pod_is_confined(name: str) -> None:
    """As the restricted Pod Security Standard demands, and by the user of the image."""
    pod = PODS[name]
    security = pod["securityContext"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in DOCKERFILE
    assert security["runAsNonRoot"]
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        own = container["securityContext"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


def test_settings_are_settings() -> None:
    lines = (DIRECTORY / "settings.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines} | named("Secret", "secrets")["stringData"].keys()
    assert names - {"SECRETS_DIR"} <= Settings.model_fields.keys()
    [mounted] = {mount["mountPath"] for mount in API["volumeMounts"] if mount["name"] == "secrets"}
    assert f"SECRETS_DIR={mounted}" in lines


def test_probes_ask_what_is_there() -> None:
    paths = {route.path for route in health.router.routes}  # type: ignore[attr-defined]
    probes = {name: API[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert {probe["httpGet"]["path"] for probe in probes.values()} <= paths
    assert probes["readinessProbe"]["timeoutSeconds"] > health.PATIENCE


def test_ports_lead_to_the_service() -> None:
    [port] = API["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in DOCKERFILE
    assert port["containerPort"] == Settings.model_fields["PORT"].default
    [exposed] = named("Service", "api")["spec"]["ports"]
    assert exposed["targetPort"] == port["name"]
    [rule] = named("Ingress", "larder")["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "api", "port": {"name": exposed["name"]}}


def test_names_that_select_are_names_of_pods() -> None:
    labels = {name: name for name in PODS}
    for one in RESOURCES:
        for selected in re.findall(r'"app.kubernetes.io/name": "(\w+)"', json.dumps(one)):
            assert selected in labels, one["metadata"]["name"]
    assert named("HorizontalPodAutoscaler", "api")["spec"]["scaleTargetRef"]["name"] in PODS


def test_drain_takes_longer_than_what_is_under_way() -> None:
    [_, pause] = API["lifecycle"]["preStop"]["exec"]["command"]
    assert PODS["api"]["terminationGracePeriodSeconds"] > int(pause) + gunicorn_conf.graceful_timeout
    assert int(pause) >= 2 * API["readinessProbe"]["periodSeconds"]
    assert PODS["worker"]["terminationGracePeriodSeconds"] > gunicorn_conf.graceful_timeout


def test_what_is_started_is_in_the_image() -> None:
    for container in CONTAINERS:
        assert container["image"] == KUSTOMIZATION["images"][0]["name"]
        for module in re.findall(r"\bapp(?:\.\w+)+", " ".join(container["command"])):
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists() or (
                ROOT / module.replace(".", "/")
            ).is_dir()
        for script in re.findall(r"\./(\S+)", " ".join(container["command"])):
            assert f" {script} " in DOCKERFILE
