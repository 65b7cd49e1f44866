"""Does the synthetic study come out at the publication's figures and signs?

    python benchmarks/study_targets.py --seeds 20 --keep FILE --out docs/reference/study-targets.md

Each seed makes a study, encodes it with control records, links it as the agreement of the demo
says, and analyses it with the analyst's own code. A target counts as met when the mean over the
seeds of its observed value lies within the larger of the target's rounding and two standard errors.
``--keep`` writes each seed down as it is done and goes on from there when run again. Printed at the
end is what ``ExpectedLinkage`` should hold. About a minute of processor time a seed.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.study_seed import one
from benchmarks.study_signs import SIGNS

from blindlink.synthetic.demo.targets import TARGETS, Target

Runs = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--people", type=int, default=150_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    kept = _read(asked.keep)
    for seed in range(asked.first, asked.first + asked.seeds):
        if seed in kept:
            continue
        started = time.process_time()
        kept[seed] = one(asked.people, seed) | {"seed": seed}
        kept[seed]["seconds"] = time.process_time() - started
        print(f"seed {seed}: engaged {kept[seed]['observed']['T08']:.2f}", file=sys.stderr)
        if asked.keep:
            with asked.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(kept[seed]) + "\n")
    runs = [kept[seed] for seed in sorted(kept)]
    text = page(runs, asked.people)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    else:
        print(text)
    linkage = pd.DataFrame([run["linkage"] for run in runs]).mean()
    print(linkage.to_string(float_format="%.4f"), file=sys.stderr)


def page(runs: Runs, people: int) -> str:
    """The page of the documentation."""
    seeds = [run["seed"] for run in runs]
    seconds = sum(run["seconds"] for run in runs)
    rows = [target_row(target, runs) for target in TARGETS]
    signs = [sign_row(name, runs) for name in SIGNS]
    met, right = (sum(row.endswith("| yes |") for row in each) for each in (rows, signs))
    return "\n".join([
        "# The synthetic study against the publication",
        "",
        f"Means over {len(runs)} synthetic studies (seeds {min(seeds)} to {max(seeds)}) with "
        f"{people:,} treatment people each; {seconds:,.0f} s of processor time. Made by",
        "",
        f"    python benchmarks/study_targets.py --seeds {len(runs)} --first {min(seeds)} "
        f"--people {people}",
        "",
        "*Target*: the publication of 30 March 2023. *Observed*: what the analyst's report shows "
        "after privacy-preserving linkage, which is what the publication's figure corresponds to. "
        "*Corrected*: for false and missed links. *True*: what nobody in a real study knows. A "
        "target is *met* where the mean of the observed values lies within the larger of its "
        "rounding and two standard errors. *Covered*: in how many of the studies the corrected "
        "95 % interval holds the true value. [How it is done](../explanation/synthetic-study.md).",
        "",
        f"## Figures: {met} of {len(rows)} met",
        "",
        "| | measure | target | observed (standard error) | corrected | true | covered | met |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "T05 and T06 are the share and number of requirements that linkage by exact agreement in "
        "every identifier joins to any treatment in the period; *true* there: with any treatment "
        "record. T09, T16, T17, T30 and T31 are products of these; T14 and T15 are set, not "
        "observed; T03 and T04 are the dates of the observation, T07 (98 % consent) is the prior "
        "of the correction and the truth of the generator; T49 belongs to a later study.",
        "",
        f"## Signs of the access models: {right} of {len(signs)} right",
        "",
        "Population-averaged models of engagement as observed, with the reason for which the order "
        "ended, against orders that ran to their end. They count engagement until the end of the "
        "observation, as the publication does: part of T36 and T43 is that those sentenced later "
        "were followed for less time. The report's own models count it in equal time.",
        "",
        "| | requirement | characteristic | target | odds ratio, mean (range over the studies) "
        "| studies with that sign | met |",
        "|---|---|---|---|---|---|---|",
        *signs,
        "",
    ])  # fmt: skip


def target_row(target: Target, runs: Runs) -> str:
    """One figure: its target, mean observed value, corrected and true, and whether it is met."""
    seen = np.array([run["observed"][target.id] for run in runs])
    error = float(seen.std(ddof=1) / np.sqrt(len(seen))) if len(seen) > 1 else 0.0
    met = abs(seen.mean() - target.value) <= max(target.rounding, 2 * error) + 1e-9
    digits = 0 if target.value > 100 else 2
    corrected = [run["corrected"].get(target.id, np.nan) for run in runs]
    true = [run["true"].get(target.id, np.nan) for run in runs]
    covered = "" if np.isnan(corrected).any() else _covered(target, runs)
    cells = [
        target.id, target.name, f"{target.value:,g}",
        f"{seen.mean():,.{digits}f} ({error:.{digits}f})",
        _mean(corrected, digits), _mean(true, digits), covered, "yes" if met else "**no**",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def sign_row(name: str, runs: Runs) -> str:
    """One sign: the mean odds ratio and how many studies have it right."""
    sign = SIGNS[name]
    found = np.array([run["signs"][name] for run in runs])
    right = int((np.sign(found) == sign.sign).sum())
    low, middle, high = (np.exp(x) for x in (found.min(), found.mean(), found.max()))
    cells = [
        name, sign.requirement, sign.name, "above 1" if sign.sign > 0 else "below 1",
        f"{middle:.2f} ({low:.2f} to {high:.2f})", f"{right} of {len(runs)}",
        "yes" if np.sign(found.mean()) == sign.sign else "**no**",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _covered(target: Target, runs: Runs) -> str:
    held = [
        run["low"][target.id] <= run["true"][target.id] <= run["high"][target.id] for run in runs
    ]
    return f"{sum(held)} of {len(runs)}"


def _mean(values: list[float], digits: int) -> str:
    mean = float(np.mean(values))
    return "" if np.isnan(mean) else f"{mean:,.{digits}f}"


def _read(path: Path | None) -> dict[int, dict[str, Any]]:
    """The seeds that are done."""
    if path is None or not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {run["seed"]: run for run in map(json.loads, lines)}


if __name__ == "__main__":
    main()
