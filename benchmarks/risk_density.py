"""Graph matching against the shipped profiles at the density of a large file.

    python -m benchmarks.risk_density --people 500000 --rows 3000

Makes a census-like file once, grows a sample in which a row has as many accidental neighbours
as in the whole file, encodes it and plays the attack of the risk report: somebody has the plain
text of the same people, everybody overlaps, and no key. Prints a Markdown table with the CPU
seconds of each.
"""

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from benchmarks.quality_sets import census

from blindlink.keys import LinkageKey
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk.census import Census
from blindlink.owner.risk.measures.graph import reidentified
from blindlink.owner.risk.similarity import known_graph, seen_graph
from blindlink.owner.risk.snowball import snowball
from blindlink.owner.risk.views import views_of
from blindlink.schema.profiles.making import new_schema

KEY = LinkageKey(bytes(range(32)))
PROFILES = (("weak", "weak"), ("diffused", "weak"), ("names", "full"), ("diffused", "full"))


@dataclass(frozen=True)
class Sample:
    """The rows to attack, and the neighbours a row has among them and in the file."""

    rows: np.ndarray
    inside: float
    whole: float


def main() -> int:
    """Print a line for each profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[500_000])
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--only", default="", help="profiles whose name holds this text")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("| profile | identifiers | people | neighbours | in the sample | found out | CPU s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for people in chosen.people:
        for profile, identifiers in PROFILES:
            if chosen.only in profile:
                table = census(people, 1, 0, chosen.seed, weak=identifiers == "weak").left
                _attack(profile, identifiers, table, chosen.rows, chosen.seed)
    return 0


def _attack(profile: str, identifiers: str, table: pa.Table, rows: int, seed: int) -> None:
    started = time.process_time()
    schema, _ = new_schema(profile, [table.column_names])
    rng = np.random.default_rng(seed)
    sample = _sample(Census(table, schema), rows, rng)
    part = table.take(sample.rows)
    hidden = rng.permutation(len(part))
    encodings = encode(part, schema, KEY)
    for number, view in enumerate(views_of(encodings, np.arange(len(part)))):
        joint = len(view.filters) > 1 or len(view.keys) > 0
        numbers = list(range(len(view.filters))) if joint else [number]
        known = known_graph(part.take(hidden), schema, numbers, joint)
        found = reidentified(known, seen_graph(view, joint), hidden)
        print(
            f"| {profile} ({view.name}) | {identifiers} | {len(table):,} | {sample.whole:.1f} | "
            f"{sample.inside:.1f} | {found:.2%} | {time.process_time() - started:.0f} |",
            flush=True,
        )


def _sample(counted: Census, rows: int, rng: np.random.Generator) -> Sample:
    found = counted.neighbours(rng)
    if found is None or counted.shared is None:
        return Sample(np.sort(rng.permutation(counted.rows)[:rows]), float("nan"), float("nan"))
    ball = snowball(counted.shared, rows, found[0], rng)
    return Sample(ball.rows, ball.neighbours, found[0])


if __name__ == "__main__":
    sys.exit(main())
