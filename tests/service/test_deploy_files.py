"""Alert rules, dashboard and manifests: what can be checked without Prometheus or a cluster."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client import generate_latest

from blindlink.cli.tree import CONTEXT, root
from blindlink.service.telemetry.metrics import registry
from worlds.service import Served

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS: list[dict[str, Any]] = [
    each for each in yaml.safe_load_all((DEPLOY / "kubernetes/blindlink.yaml").read_text()) if each
]
PODS = [each for each in MANIFESTS if each["kind"] in ("Deployment", "StatefulSet")]


def expressions() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((DEPLOY / "grafana/blindlink.json").read_text())
    return found + [each["expr"] for panel in board["panels"] for each in panel["targets"]]


def test_every_metric_that_is_watched_is_one_that_there_is(embedded: Served) -> None:
    embedded.submit("moj")
    embedded.connection("moj")._pool.request("GET", embedded.url + "/health")
    text = generate_latest(registry(embedded.service)).decode()
    there = set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
    there |= {f"{name}{ending}" for name in there for ending in ("_total", "_bucket")}
    asked = {
        name for each in expressions() for name in re.findall(r"\b(?:blindlink|process)_\w+", each)
    }
    assert asked - there == set()
    assert len(asked) > 10


def test_every_alarm_says_what_it_is_about() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
    names = [rule["alert"] for rule in rules]
    assert len(set(names)) == len(names)
    runbook = (DEPLOY.parent / "docs/how-to/operate-the-service.md").read_text()
    for rule in rules:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["alert"] in runbook, rule["alert"]


@pytest.mark.parametrize("pod", PODS, ids=lambda each: each["metadata"]["name"])
class TestManifests:
    def test_have_the_least_rights(self, pod: dict[str, Any]) -> None:
        spec = pod["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["automountServiceAccountToken"] is False
        (container,) = spec["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "@sha256:" in container["image"]

    def test_run_commands_of_ours(self, pod: dict[str, Any]) -> None:
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        parent = click.Context(root, **CONTEXT)
        words = container["args"]
        command = root.get_command(parent, words[0])  # type: ignore[attr-defined]
        made = command.make_context(words[0], list(words[1:]), parent=parent)
        assert made.params["data"] == Path("/var/lib/blindlink")

    def test_mount_what_they_name_and_keys_only_in_workers(self, pod: dict[str, Any]) -> None:
        spec = pod["spec"]["template"]["spec"]
        volumes = {each["name"] for each in spec["volumes"]}
        mounts = {each["name"] for each in spec["containers"][0]["volumeMounts"]}
        assert mounts == volumes
        assert ("keys" in volumes) == (pod["metadata"]["name"] == "worker")
