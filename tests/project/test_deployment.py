"""The container, compose file and systemd units: what can be checked without an engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml

import needs
from blindlink.cli.tree import CONTEXT, root

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
UNITS = sorted((ROOT / "deploy/systemd").iterdir())
SERVICES = ("web", "worker")


def parsed(words: list[str]) -> click.Context:
    """What a command line of ours means. Raises click.UsageError for one that is wrong."""
    parent = click.Context(root, **cast(dict[str, Any], CONTEXT))
    command = root.get_command(parent, words[0])
    assert command is not None, words
    return command.make_context(words[0], list(words[1:]), parent=parent)


class TestContainer:
    def test_ends_as_a_user_without_rights(self) -> None:
        last = DOCKERFILE.rsplit("FROM ", 1)[1]
        users = re.findall(r"^USER (\S+)$", last, re.MULTILINE)
        assert users == ["10001:10001"]
        assert last.index("USER ") < last.index("ENTRYPOINT")
        assert "ADD " not in DOCKERFILE

    def test_installs_by_hash_and_nothing_else(self) -> None:
        installs = [part for part in re.split(r"&&|\n", DOCKERFILE) if "pip install" in part]
        assert len(installs) == 3
        for line in installs:
            assert "--no-deps" in line
            assert "--require-hashes" in line or "--no-index wheels/" in line

    def test_copies_only_what_the_context_lets_through(self) -> None:
        let_in = {
            line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[:1] == "!"
        }
        copied = [
            word
            for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
            for word in line.split()[:-1]
        ]
        assert set(copied) == let_in
        for name in copied:
            assert (ROOT / name).exists(), name

    def test_its_command_is_one_of_ours(self) -> None:
        found = re.search(r"^CMD (\[\"serve\".*\])$", DOCKERFILE, re.MULTILINE)
        assert found is not None
        assert parsed(yaml.safe_load(found[1])).params["workers"] == 0


class TestCompose:
    @pytest.mark.parametrize("name", SERVICES)
    def test_runs_with_the_least_rights(self, name: str) -> None:
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["user"] == "10001:10001"
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]

    @pytest.mark.parametrize("name", SERVICES)
    def test_its_command_is_one_of_ours(self, name: str) -> None:
        words = [
            re.sub(r"\$\{.*\}", "https://x", each) for each in COMPOSE["services"][name]["command"]
        ]
        assert parsed(words).params["metrics"] == "0.0.0.0:9410"

    def test_only_the_worker_reaches_the_linkers_keys(self) -> None:
        for name, service in COMPOSE["services"].items():
            has = any(str(each).startswith("keys:") for each in service["volumes"])
            assert has == (name == "worker")
            assert ("ttp.passphrase" in service["secrets"]) == (name == "worker")

    def test_no_secret_is_in_it(self) -> None:
        for service in COMPOSE["services"].values():
            for name in service.get("environment", {}):
                assert not name.endswith("PASSWORD")

    def test_what_it_names_is_there(self) -> None:
        """Volumes and secrets; and every volume lies in a folder that the image gives its user."""
        made = re.search(r"install -d .*", DOCKERFILE)
        assert made is not None
        for name in SERVICES:
            service = COMPOSE["services"][name]
            assert set(service["secrets"]) <= set(COMPOSE["secrets"])
            for each in service["volumes"]:
                volume, folder = each.split(":")[:2]
                assert volume in COMPOSE["volumes"]
                assert re.search(rf"{folder}(\s|$)", made[0]), folder


class TestUnits:
    @pytest.mark.needs("systemd-analyze")
    def test_systemd_finds_nothing_wrong(self, tmp_path: Path) -> None:
        verify = needs.program("systemd-analyze")
        names = []
        for unit in UNITS:
            text = unit.read_text().replace("/opt/blindlink/bin/blindlink", sys.executable)
            text = text.replace("=blindlink\nGroup=blindlink", "=nobody\nGroup=nogroup")
            names.append(tmp_path / unit.name.replace("@", "@1"))
            names[-1].write_text(text)
        done = subprocess.run(
            [verify, "verify", *names],
            capture_output=True,
            check=False,
            text=True,
            env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        )
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"])
    def test_their_commands_are_ours(self, unit: Path) -> None:
        found = re.search(r"/opt/blindlink/bin/blindlink ([^'\n]*)", unit.read_text())
        assert found is not None
        words = [each.strip('"') for each in re.sub(r"\$\(.*?\)", "x", found[1]).split()]
        assert parsed(words).params["data"] == Path("/var/lib/blindlink")

    def test_the_passphrase_comes_as_a_credential(self) -> None:
        text = (ROOT / "deploy/systemd/blindlink-worker@.service").read_text()
        assert "LoadCredential=blindlink-passphrase:" in text
        assert "passphrase" not in (ROOT / "deploy/systemd/blindlink-web.service").read_text()
