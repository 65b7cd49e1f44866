"""Whole studies through the gate by each method, written, read back and attacked.

    python benchmarks/disclosure_attacks.py [--people 1500,5000] [--seeds 2] [--most 60]

For each size, seed and method: cells published, the least width that the gate's own audit and the
reader of the files (tests/worlds/file_attack.py, which shares no code with the gate) are left of a
small number, how many are closer than the policy allows, seconds and memory. Exits with 1 if any.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from blindlink.analyst.disclosure.curves import coarsen
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.files import files_of, write_new
from blindlink.analyst.publish.tables import Table
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.synthetic.demo import parties
from blindlink.synthetic.demo.study import SETTINGS
from blindlink.synthetic.generator.generate import generate, write
from blindlink.synthetic.generator.parameters import scaled
from worlds.file_attack import bounds, read, truth

METHODS = ("suppress", "round", "cell-key")
SECRET = bytes(range(32))


def tables_of(people: int, seed: int, out: Path) -> list[Table]:
    """The tables of the demo study, as the gate gets them."""
    write(generate(scaled(people), seed=seed), out)
    cast = {name: parties.make_party(name, out, seed) for name in parties.ROLES}
    parties.exchange_public(cast)
    parties.draw_up(cast)
    parties.share_secret(cast)
    moj, ohid, linker, analyst, _ = cast.values()
    parties.hand_in(moj, linker)
    parties.hand_in(ohid, linker)
    parties.link(linker, analyst)
    cohort = parties.open_cohort(analyst)
    return analyse(cohort, SETTINGS, seed=seed)


def attacked(tables: list[Table], method: str, most: int, out: Path) -> tuple[str, int]:
    """A line of the result, and how many numbers are too close."""
    policy = Policy(method=method)  # type: ignore[arg-type]
    start = time.process_time()
    safe, audit = release(tables, policy, secret=SECRET)
    seconds = time.process_time() - start
    write_new(files_of(safe), out)
    true = truth(coarsen(table, policy.threshold) for table in tables)
    found = bounds(read(out / "tables"), true, method, policy.threshold, most)
    close = sum(width < policy.width - 1e-6 for _, width in found)
    published, cells = (
        sum(getattr(t, name) for t in audit.tables) for name in ("published", "cells")
    )
    least = min((width for _, width in found), default=float("inf"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line = (
        f"| {method} | {published:,} of {cells:,} | {audit.narrowest} | {least:g} of {len(found)} "
        f"| {close} | {seconds:.0f} | {memory} |"
    )
    return line, close + audit.exposed


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", default="1500,5000")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--most", type=int, default=60)
    given = parser.parse_args()
    wrong = 0
    print("| people | seed | method | published | audit | files | closer | seconds | MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for people in map(int, given.people.split(",")):
        for seed in range(1, given.seeds + 1):
            with tempfile.TemporaryDirectory() as work:
                tables = tables_of(people, seed, Path(work))
                for method in METHODS:
                    line, close = attacked(tables, method, given.most, Path(work) / method)
                    print(f"| {people:,} | {seed} {line}", flush=True)
                    wrong += close
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
