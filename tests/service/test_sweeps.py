"""A small part of the sweeps in benchmarks/: faults at every step, and many clients at once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def bench(name: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_a_fault_of_every_kind() -> None:
    found = bench("service_faults.py", "--runs", "8", "--seed", "4")
    assert found["wrong"] == []
    assert found["struck"] == len(found["by kind"]) >= 6
    assert found["steps"] > 50


@pytest.mark.slow
def test_clients_at_once() -> None:
    found = bench("service_load.py", "--clients", "10", "--seconds", "4")
    assert found["errors"] == []
    assert found["status"]["number"] > 10
    assert found["MiB at the end"] - found["MiB after a quarter"] < 40


@pytest.mark.slow
def test_a_large_upload_in_little_memory() -> None:
    found = bench("service_load.py", "--gib", "0.125")
    assert found["errors"] == []
    assert found["state"] == "refused"  # 128 MiB of zeros are no submission
    assert found["MiB at most"] - found["MiB before"] < 60
