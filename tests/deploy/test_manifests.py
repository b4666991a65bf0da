"""What is shipped for deploying names things that exist, and asks for no more than it needs."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from wisqu.env import ROOT
from wisqu.variables import VARIABLES

pytestmark = pytest.mark.pure
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes/base"
OF_PROCESSES = {"FORWARDED_ALLOW_IPS", "HOST", "PORT", "WEB_CONCURRENCY"}
SECRETS = {name for name in VARIABLES if re.search("KEY|SECRET|TOKEN|DSN|_URL$", name)} - {
    "OPENROUTER_APP_URL", "OPENROUTER_BASE_URL", "FILE_STORAGE_URL",
}  # fmt: skip


def documents() -> list[dict[str, Any]]:
    names = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [each for name in names for each in yaml.safe_load_all((BASE / name).read_text())]


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [each for each in documents() if each["kind"] in kinds]


def pods() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(each, each["spec"]["template"]["spec"]) for each in of_kind("Deployment", "Job")]


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_kustomize_takes_every_file_of_the_folder() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in BASE.glob("*.yaml") if path.stem != "kustomization")


def test_there_are_three_web_processes_one_clock_and_a_budget() -> None:
    found = {each["metadata"]["name"]: each["spec"] for each in of_kind("Deployment")}
    assert {name: spec["replicas"] for name, spec in found.items()} == {"web": 3, "worker": 2, "beat": 1}
    assert found["beat"]["strategy"]["type"] == "Recreate"
    kinds = {each["kind"] for each in documents()}
    assert {"Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Job"} <= kinds


@pytest.mark.parametrize(
    "pod", pods(), ids=lambda pod: pod[0]["metadata"]["name"] if isinstance(pod, tuple) else ""
)
def test_no_container_is_root_or_may_write_into_its_image(pod: tuple[dict[str, Any], dict[str, Any]]) -> None:
    spec = pod[1]
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        context = container["securityContext"]
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
        assert container["envFrom"] == [{"configMapRef": {"name": "wisqu"}}, {"secretRef": {"name": "wisqu"}}]
        assert "limits" in container["resources"]


def test_probes_ask_addresses_that_the_api_has() -> None:
    paths = json.loads((ROOT / "tests/snapshots/openapi.json").read_text())["paths"]
    text = "\n".join(path.read_text() for path in [*BASE.glob("*.yaml"), DEPLOY / "Dockerfile"])
    asked = set(re.findall(r"/api/v1/health/\w+", text))
    assert asked == {"/api/v1/health/live", "/api/v1/health/ready", "/api/v1/health/metrics"}
    assert asked <= set(paths)


def test_configuration_names_variables_that_exist_and_no_secret() -> None:
    config = of_kind("ConfigMap")[0]["data"]
    shared = compose()["x-product"]["environment"]
    assert set(config) | set(shared) <= set(VARIABLES) | OF_PROCESSES
    assert not set(config) & SECRETS
    assert of_kind("Secret") == []
    assert "POSTGRES_PASSWORD" in shared["DATABASE_URL"]


def test_commands_are_there() -> None:
    commands = [spec["containers"][0]["command"] for _, spec in pods()]
    assert {command[2] for command in commands if command[:2] == ["python", "-m"]} == {"wisqu.serve"}
    assert all(find_spec(command[2]) for command in commands if command[0] == "celery")
    assert ["python", "manage.py", "prepare"] in commands


def test_everything_that_a_pod_names_is_there() -> None:
    """Schemas don't say so; the cluster would refuse the pod."""
    claims = {each["metadata"]["name"] for each in of_kind("PersistentVolumeClaim")}
    for workload, spec in pods():
        volumes = {each["name"]: each for each in spec.get("volumes", [])}
        containers = [*spec.get("initContainers", []), *spec["containers"]]
        mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
        assert mounted == set(volumes), workload["metadata"]["name"]
        assert {each["persistentVolumeClaim"]["claimName"] for each in volumes.values()
                if "persistentVolumeClaim" in each} <= claims  # fmt: skip


def test_no_process_meets_tables_of_the_version_before() -> None:
    for workload, spec in pods():
        waits = [container["command"][-1] for container in spec.get("initContainers", [])]
        assert ["migrate --check" in each for each in waits] == [True] * (workload["kind"] == "Deployment")
    needs = [each["depends_on"] for each in compose()["services"].values() if each.get("depends_on")]
    assert sum("migrate" in each for each in needs) == 3


def test_what_a_worker_counts_can_be_read() -> None:
    worker = next(spec for each, spec in pods() if each["metadata"]["name"] == "worker")["containers"][0]
    port = worker["ports"][0]
    assert worker["env"] == [{"name": "WORKER_METRICS_PORT", "value": str(port["containerPort"])}]
    open_to = {each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy")}["worker"]
    assert open_to["ingress"] == [{"ports": [{"port": port["name"]}]}]
    assert compose()["services"]["worker"]["environment"]["WORKER_METRICS_PORT"] == "9100"


def test_processes_have_time_to_end() -> None:
    config = of_kind("ConfigMap")[0]["data"]
    needed = int(config["SHUTDOWN_NOTICE_SECONDS"]) + int(config["SHUTDOWN_GRACE_SECONDS"])
    web = next(spec for each, spec in pods() if each["metadata"]["name"] == "web")
    assert web["terminationGracePeriodSeconds"] > needed
    assert int(compose()["services"]["web"]["stop_grace_period"].removesuffix("s")) > needed


def test_images_are_pinned_by_digest() -> None:
    images = [each.get("image", "") for each in compose()["services"].values()]
    assert all("@sha256:" in image for image in images if not image.startswith("wisqu:"))
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"PYTHON_IMAGE=\S+@sha256:[0-9a-f]{64}\n", dockerfile)
    assert "--require-hashes" in dockerfile
    assert not re.search(r"&& [^(\n]*\|\| true", dockerfile), (
        "what fails in the image's build fails the build"
    )
    assert re.search(r"(?m)^USER 10001", dockerfile)


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    from wisqu.telemetry import metrics

    known = {described.name for metric in metrics._defined for described in metric.describe()}
    known |= {"wisqu_queue_depth", "wisqu_workers", "wisqu_beat_age_seconds", "wisqu_build_info"}
    board = json.loads((DEPLOY / "grafana/wisqu.json").read_text())
    asked = {
        re.sub(r"_(total|bucket|sum|count)$", "", name)
        for panel in board["panels"]
        for target in panel.get("targets", [])
        for name in re.findall(r"wisqu_\w+", target["expr"])
    }
    assert asked <= known
    shown = {
        "turns", "turn_first_token_seconds", "tokens", "cost_usd", "cache_savings_usd", "fallbacks", "breaker_open",
        "queue_depth", "streams_open", "sockets_open", "quota_refusals", "http_requests",
    }  # fmt: skip
    assert {f"wisqu_{name}" for name in shown} <= asked


def test_nothing_shipped_speaks_of_a_real_host() -> None:
    for path in sorted(Path(DEPLOY).rglob("*")):
        if path.is_file():
            for host in re.findall(r"https?://([\w.-]+)", path.read_text()):
                assert host.endswith((".example", "example.org")) or host in {
                    "127.0.0.1", "localhost", "wisqu_web"}, (path, host)  # fmt: skip
