"""The bill of materials has every locked package, its hashes, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=[lock.name for lock in LOCKS])
def test_every_locked_package_is_in_it(lock: Path) -> None:
    command = [sys.executable, str(ROOT / "requirements" / "sbom.py"), str(lock)]
    made = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert made[0] == made[1]
    bill, text = json.loads(made[0]), lock.read_text()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = [f"{part['name']}=={part['version']}" for part in bill["components"]]
    assert named == re.findall(r"^[A-Za-z0-9._-]+==[^ ;\\\n]+", text, re.MULTILINE)
    hashes = [
        h["content"] for c in bill["components"] for h in c["externalReferences"][0]["hashes"]
    ]
    assert hashes == re.findall(r"sha256:([0-9a-f]{64})", text)
    refs = [part["bom-ref"] for part in bill["components"]]
    assert len(set(refs)) == len(refs)
    assert bill["dependencies"][0]["dependsOn"] == refs
