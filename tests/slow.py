"""Measures unit tests and lists the slow ones: python tests/slow.py [FILE of seconds]

A test is listed with processor seconds above ``LIMIT`` in all its cases together; a file is listed
as a whole when setting up what its tests share takes as long. ``make quick`` leaves them out.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "slow.txt"
LIMIT = 0.5


def slow(lines: list[str]) -> list[str]:
    """What to list, by the lines that ``conftest`` wrote."""
    seconds: dict[str, float] = defaultdict(float)
    for line in lines:
        spent, phase, test = line.split("\t")
        name = test.partition("[")[0]
        seconds[name.partition("::")[0] if phase == "setup" else name] += float(spent)
    files = {name for name, spent in seconds.items() if "::" not in name and spent > LIMIT}
    tests = {name for name, spent in seconds.items() if "::" in name and spent > LIMIT}
    return sorted(files | {test for test in tests if test.partition("::")[0] not in files})


def measured() -> list[str]:
    """Seconds of every unit test, one after the other in one process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seconds"
        environment = {**os.environ, "BLINDLINK_SECONDS": str(path)}
        command = [sys.executable, "-m", "pytest", "-q", "tests/unit", "tests/project"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    given = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if sys.argv[1:] else None
    LIST.write_text("".join(f"{name}\n" for name in slow(given or measured())), encoding="utf-8")
