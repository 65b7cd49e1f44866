"""What each hardening costs in quality and stops in attacks, on files that overlap in part.

    python -m benchmarks.hardenings --table hardenings.md

One encoding, ``diffused`` without its diffusion (each field by itself, bits by discriminating
power, 8,192 bits), and each hardening alone on top of it. Quality: best F1 over all thresholds.
Attacks: those of the disclosure-risk report on ``--rows`` rows of the left file; of each kind the
one that learned most counts, as balanced accuracy above a blind guess. ``febrl4`` is linked in
full identifiers, ``pseudopeople`` (where it is installed) in both, the study in weak ones.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.quality import best
from benchmarks.quality_sets import Files, census, febrl4, pseudopeople, study

from blindlink.keys import LinkageKey
from blindlink.linker.model.link import link
from blindlink.linker.model.non_matches import choose_floor
from blindlink.messages.plan import Plan
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk import RiskReport, assess
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.profiles.making import new_schema

SECRET = bytes(range(32))
SALT = "birth_year"
HARDENINGS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "diffusion, t = 5": [{"type": "diffusion", "t": 5}],
    "diffusion, t = 8": [{"type": "diffusion", "t": 8}],
    "diffusion, t = 10": [{"type": "diffusion", "t": 10}],
    "permutation": [{"type": "permutation"}],
    "fold": [{"type": "fold", "folds": 1}],
    "balance": [{"type": "balance"}],
    "blip, f = .1": [{"type": "blip", "perMille": 100}],
}
SETS: dict[str, Callable[[int], Files]] = {
    "census weak": lambda seed: census(4000, 7500, 0.35, seed, weak=True),
    "census full": lambda seed: census(4000, 7500, 0.35, seed, weak=False),
    "febrl4": lambda seed: febrl4(0.35, seed),
    "study": lambda seed: study(20_000, seed),
}
if find_spec("pseudopeople"):
    SETS["pseudopeople weak"] = lambda seed: pseudopeople(0.2, seed, weak=True)
    SETS["pseudopeople full"] = lambda seed: pseudopeople(0.2, seed, weak=False)


@dataclass(frozen=True)
class Row:
    """One hardening on one set. Gains are above a blind guess; ``graph`` is a share of people."""

    data: str
    hardening: str
    best_f1: float
    keyless: float
    known: float
    graph: float
    light: str
    seconds: float


def main() -> int:
    """Measure every hardening on weak and full identifiers; print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3000, help="rows to attack")
    parser.add_argument("--graph-rows", type=int, default=500)
    parser.add_argument("--seed", type=int, default=701)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--only", default="", help="hardenings whose name holds this text")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path)
    chosen = parser.parse_args()
    rows = []
    for name in chosen.sets:
        files = SETS[name](chosen.seed)
        for hardening, schema in schemas(files):
            if chosen.only in hardening:
                rows.append(measure(name, hardening, schema, files, chosen))
                print(table(rows).splitlines()[-1], flush=True)
                if chosen.out:
                    chosen.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if chosen.table:
        chosen.table.write_text(table(rows))
    return 0


def schemas(files: Files) -> Iterator[tuple[str, LinkageSchema]]:
    """Every hardening by name, on the same encoding of these columns."""
    columns = [files.left.column_names, files.right.column_names]
    document = new_schema("diffused", columns)[0].document
    for name, hardening in HARDENINGS.items():
        made = deepcopy(document)
        made["blindlink"] |= {"hardening": hardening, "matchKeys": []}
        yield name, parse_schema(made)
    yield "salted with the year of birth", parse_schema(salted(document))


def salted(document: dict[str, Any]) -> dict[str, Any]:
    """Every field but the year of birth as a composite with it, with the bits that it had."""
    made = deepcopy(document)
    composites = [
        {
            "fields": [feature["identifier"], SALT],
            "comparison": feature["hashing"]["comparison"],
            **feature["hashing"]["strategy"],
        }
        for feature in made["features"]
        if feature["identifier"] != SALT
    ]
    made["features"] = []
    made["blindlink"] |= {"hardening": [], "matchKeys": [], "composites": composites}
    return made


def measure(
    name: str, hardening: str, schema: LinkageSchema, files: Files, chosen: argparse.Namespace
) -> Row:
    """Quality and attacks of one schema."""
    started, key = time.process_time(), LinkageKey(SECRET)
    left, right = encode(files.left, schema, key), encode(files.right, schema, key)
    floor = choose_floor(left.filters[0], right.filters[0])
    plan = Plan(threshold=f"{floor:.4f}", cardinality=files.cardinality)  # type: ignore[arg-type]
    found = link(left, right, plan)
    attacked = np.arange(min(chosen.rows, len(files.left)))
    part = files.left.take(attacked)
    report = assess(part, encode(part, schema, key), schema, graph_rows=chosen.graph_rows)
    return Row(
        name,
        hardening,
        best(found, files)[0],
        most(report, "principal components", "frequent bits", "co-occurring bits"),
        most(report, "500 known"),
        most(report, "graph matching"),
        report.light,
        time.process_time() - started,
    )


def most(report: RiskReport, *names: str) -> float:
    """The largest value of the metrics whose name holds one of these texts."""
    return max(
        (metric.value for metric in report.metrics if any(n in metric.name for n in names)),
        default=float("nan"),
    )


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = [
        "| data | hardening | best F1 | no key | 500 known | graph | report |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.data} | {r.hardening} | {r.best_f1:.4f} | {r.keyless:+.3f} | "
        f"{r.known:+.3f} | {r.graph:.1%} | {r.light} |"
        for r in rows
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
