"""The housing study on several seeds: published shares against the truth.

python benchmarks/housing_seeds.py --people 3000 11 12 13

Each seed draws its own rates of jobs and of errors. One line for each seed and kind: observed,
corrected with its 95 % interval, true, and whether the interval holds it.
"""

import argparse
import tempfile
from pathlib import Path

from blindlink.synthetic.housing.demo import demo


def main() -> None:
    """Play the seeds one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--people", type=int, default=3000)
    asked = parser.parse_args()
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            result = demo(Path(folder) / "out", people=asked.people, seed=seed)
        recall = result.quality.recall.value
        for row in result.shares:
            print(
                seed, row.kind, row.applications, f"recall {recall:.3f}", row.observed,
                row.corrected, row.interval, round(row.true, 1), row.covered, flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
