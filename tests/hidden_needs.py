"""Runs the tests of each need with that need hidden: python tests/hidden_needs.py [NEED ...]

They must all be skipped, with the notice of that need, on a machine that has everything else. That
no other test uses the need unasked is seen to in every run: see ``needs``.
"""

import os
import subprocess
import sys
from pathlib import Path

from needs import NEEDS

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = ("spark", "java", "chromium", "axe", "postgresql", "nginx", "systemd-analyze", "spin")


def fault(name: str) -> str:
    """What is wrong with the tests of a need when it is hidden; nothing when all is well."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "needs", "-p", "no:cacheprovider"]
    environment = {**os.environ, "BLINDLINK_HIDE": name, "BLINDLINK_ONLY": name}
    environment.pop("BLINDLINK_REQUIRE_ALL", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    last = lines[-1] if lines else done.stderr
    reasons = {line.partition(": ")[2] for line in lines if line.startswith("SKIPPED")}
    print(f"{name:16} {last}", flush=True)
    if done.returncode or "passed" in last or "failed" in last or not reasons:
        return f"{name}: not all skipped\n{done.stdout[-3000:]}"
    others = reasons - {NEEDS[name].notice}
    return f"{name}: skipped for want of something else: {sorted(others)}" if others else ""


if __name__ == "__main__":
    faults = [text for text in map(fault, sys.argv[1:] or INSTALLED) if text]
    sys.exit("\n".join(faults))
