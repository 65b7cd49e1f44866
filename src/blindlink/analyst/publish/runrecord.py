"""The record of a run: what went in, by which versions and parameters, and what came out."""

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from blindlink.analyst.disclosure.gate import Audit

PACKAGES = (
    "blindlink",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "statsmodels",
    "vl-convert-python",
    "Jinja2",
    "gptables",
)
INFO = (
    "study",
    "project",
    "agreement",
    "agreement_digest",
    "created",
    "owners",
    "digests",
    "versions",
)


def versions() -> dict[str, str]:
    """The versions of Python and of every package that a figure depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def digests(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """SHA-256 of files by their path below ``root``, in order of the path."""
    found = {}
    for path in sorted(paths):
        with path.open("rb") as file:
            found[path.relative_to(root).as_posix()] = hashlib.file_digest(
                file, "sha256"
            ).hexdigest()
    return found


def run_record(
    *,
    settings: BaseModel,
    seed: int,
    now: dt.datetime,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    info: Mapping[str, Any],
    policy_digest: str,
) -> str:
    """run.json: enough to run the same analysis again and to see that it is the same."""
    record = {
        "format": "blindlink-run-1",
        "created": now.isoformat(timespec="seconds"),
        "seed": seed,
        "versions": versions(),
        "cohort": {name: info[name] for name in INFO if name in info},
        "settings": settings.model_dump(mode="json"),
        "disclosure_policy_digest": policy_digest,
        "inputs": dict(inputs),
        "outputs": dict(outputs),
    }
    return json.dumps(record, indent=2, sort_keys=False, ensure_ascii=False) + "\n"


def audit_record(audit: Audit, *, outputs: Mapping[str, str], now: dt.datetime) -> str:
    """audit.json: for whoever checks the output before it leaves; it stays with the controller.

    It holds numbers of cells and reasons, never a withheld count.
    """
    record = {
        "format": "blindlink-disclosure-audit-1",
        "created": now.isoformat(timespec="seconds"),
        **asdict(audit),
        "outputs": dict(outputs),
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
