"""The locked packages as a CycloneDX 1.6 bill of materials: ``python requirements/sbom.py LOCK``.

Everything in it stands in the lock and in pyproject.toml: the same lock gives the same bytes.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+?))? *\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """Name, version, marker and hashes of every locked package, in the lock's order."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if match := PACKAGE.match(line):
            name, version, marker = match.groups()
            purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{version}"
            found.append(
                {
                    "type": "library",
                    "bom-ref": f"{purl}#{len(found)}",
                    "name": name,
                    "version": version,
                    "purl": purl,
                    "scope": "optional" if marker else "required",
                    "properties": [{"name": "marker", "value": marker}] if marker else [],
                    # of each file that may be installed: the source, or one of the wheels
                    "externalReferences": [
                        {
                            "type": "distribution",
                            "url": purl,
                            "hashes": [],
                        }
                    ],
                }
            )
        hashes = found[-1]["externalReferences"][0]["hashes"] if found else []
        hashes += [{"alg": "SHA-256", "content": each} for each in HASH.findall(line)]
    return found


def bill(lock: Path) -> dict[str, Any]:
    """The bill of materials of blindlink with the packages of a lock file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = lock.read_text("utf-8")
    purl = f"pkg:pypi/{project['name']}@{project['version']}"
    parts = components(text)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, purl + text)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": project["name"],
                "version": project["version"],
                "purl": purl,
                "licenses": [{"license": {"id": project["license"]}}],
            },
            "properties": [{"name": "lock", "value": lock.name}],
        },
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(Path(sys.argv[1])), indent=1, ensure_ascii=False) + "\n")
