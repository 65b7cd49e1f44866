"""Check the formal model with Spin: ``python tests/formal/run.py`` (``make model``).

With every check of the product there must be no attack; without any one of them Spin must find one.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = Path(__file__).with_name("protocol.pml")
CHECKS = tuple(re.findall(r"^#ifndef CHECK_(\w+)", MODEL.read_text(), re.MULTILINE))
LIMITS = "-m20000"  # depth of the search


def attacks(length: int, *macros: str) -> tuple[int, int]:
    """Attacks that Spin finds (it stops at the first), and the states that it looked at.

    Raises RuntimeError where the search was not complete and found nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(MODEL, folder)
        define = [f"-DLEN={length}", *(f"-D{macro}" for macro in macros)]
        for command in (
            ["spin", *define, "-a", MODEL.name],
            ["gcc", "-O2", "-DSAFETY", "-DMEMLIM=4000", "-o", "pan", "pan.c"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        done = subprocess.run(
            ["./pan", LIMITS], cwd=folder, capture_output=True, text=True, check=False
        )
    errors = re.search(r"errors: (\d+)", done.stdout)
    states = re.search(r"(\d+) states, stored", done.stdout)
    if errors is None or states is None:
        raise RuntimeError(f"no result: {done.stdout[-500:]}{done.stderr[-500:]}")
    if errors[1] == "0" and ("max search depth" in done.stdout or "reached -D" in done.stdout):
        raise RuntimeError("the search was not complete")
    return int(errors[1]), int(states[1])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--length", type=int, default=4, help="entries of a history")
    length = options.parse_args().length
    found, states = attacks(length)
    print(f"all checks: {found} attacks in {states:,} states")
    wrong = found
    released, _ = attacks(length, "EXPECT_A_RELEASE")
    print(f"an honest release is opened: {'yes' if released else 'NO'}")
    wrong += not released
    for check in CHECKS:
        found, _ = attacks(length, f"CHECK_{check}=0")
        print(f"without {check.lower():12} {'an attack' if found else 'NO ATTACK: not needed?'}")
        wrong += not found
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
