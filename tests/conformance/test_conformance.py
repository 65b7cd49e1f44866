"""A reader written from docs/spec alone accepts every good vector and refuses every bad one."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.reader import VECTORS, Document, World, answer, listed
from conformance.run import expected

ALL = list(listed())
HERE = Path(__file__).parent
WORLD = World.load()


@pytest.mark.parametrize(("kind", "vector"), ALL, ids=[f"{k}/{v['file']}" for k, v in ALL])
def test_a_vector(kind: str, vector: Document) -> None:
    assert answer(kind, VECTORS / kind / vector["file"], WORLD) == expected(vector)


def test_no_vector_is_left_out() -> None:
    files = {path.name for kind, _ in ALL for path in (VECTORS / kind).iterdir()}
    assert {vector["file"] for _, vector in ALL} == files - {"vectors.json"}
    folders = {path.parent.name for path in VECTORS.glob("*/vectors.json")}
    assert {kind for kind, _ in ALL} == folders
    assert len(ALL) >= 490


@pytest.mark.parametrize("name", ["forms", "primitives", "reader", "release", "run"])
def test_the_reader_has_no_line_of_ours(name: str) -> None:
    allowed = {"conformance", "cryptography", *sys.stdlib_module_names}
    tree = ast.parse((HERE / f"{name}.py").read_text())
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        assert {each.split(".")[0] for each in names} <= allowed


def test_a_stranger_s_reader_is_run(tmp_path: Path) -> None:
    """One that accepts everything is told which vectors it should have refused."""
    reader = tmp_path / "reader.sh"
    reader.write_text("#!/bin/sh\necho accept\n")
    reader.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "conformance.run", "--reader", str(reader)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
    )
    good = sum(vector["expect"] == "accept" for _, vector in ALL)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{good} of {len(ALL)} vectors"
