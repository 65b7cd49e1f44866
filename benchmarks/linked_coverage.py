"""Coverage of estimates across links, where their assumption holds and where it does not.

    python benchmarks/linked_coverage.py --seeds 50 --out docs/reference/coverage-linked.md

Each row of the page: tables and links are made with a known truth, the estimate is made with rates
that were measured on samples of the size stated (never with the constants of the world), and the
95 % interval holds the truth or not.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import blindlink as bl
from worlds.linked_pairs import Made, doubtful, presence, shuffled

SAMPLE = 300  # of what measures a rate: known pairs, controls, links that people checked
Outcome = tuple[float, float, float, float]  # truth, value, low, high


@dataclass(frozen=True)
class World:
    """An estimate in a world: its assumption, whether it holds, and one result by seed."""

    estimate: str
    world: str
    holds: bool
    run: Callable[[int], Outcome]


def measured(seed: int, of: str, rate: float) -> bl.ErrorRates:
    """A rate as a sample of the world shows it."""
    part = int(np.random.default_rng([seed, 11]).binomial(SAMPLE, rate))
    return {
        "sensitivity": bl.ErrorRates.from_known_pairs,
        "false_link": bl.ErrorRates.from_controls,
        "precision": bl.ErrorRates.from_clerical,
    }[of](part, SAMPLE)


def both(seed: int) -> bl.ErrorRates:
    """False links and sensitivity, .06 and .85, as samples show them."""
    return measured(seed, "false_link", 0.06) | measured(seed + 10_000, "sensitivity", 0.85)


def data(made: Made, candidates: pd.DataFrame | None = None) -> bl.LinkedData:
    """The tables and links; ``candidates`` as they are."""
    return bl.LinkedData(made.left, made.right, made.links, candidates=candidates)


def term(found: bl.Estimates, truth: float, at: int = -1) -> Outcome:
    """One term of a model."""
    row = found.to_pandas().iloc[at]
    return truth, row["estimate"], row["estimate_low"], row["estimate_high"]


def share_of_women(found: tuple[float, float], own: bool) -> Callable[[int], Outcome]:
    """The corrected share of F, of whom ``found[0]`` are found; ``own``: their rate is measured."""
    ages = np.random.default_rng(0).normal(size=100_000)

    def run(seed: int) -> Outcome:
        made = presence(seed, found=found)
        rates = both(seed)
        if own:
            rates = rates.by("sex", {"F": measured(seed + 20_000, "sensitivity", found[0])})
        table = bl.share(data(made), "engaged", by="sex", rates=rates).to_pandas()
        row = table.set_index("level").loc["F"]
        truth = float((1 / (1 + np.exp(-(made.truth[0] + made.truth[2] * ages)))).mean())
        return truth, row["corrected"], row["corrected_low"], row["corrected_high"]

    return run


def odds_of_sex(found: tuple[float, float], own: bool) -> Callable[[int], Outcome]:
    """The log odds ratio of M against F, likewise."""

    def run(seed: int) -> Outcome:
        made, rates = presence(seed, found=found), both(seed)
        if own:
            rates = rates.by("sex", {"F": measured(seed + 20_000, "sensitivity", found[0])})
        model = bl.glm(
            "engaged ~ C(sex) + age", data(made), method="misclassification", rates=rates
        )
        return term(model, made.truth[1], 1)

    return run


def slope(family: str, method: str, selective: float) -> Callable[[int], Outcome]:
    """The slope of x; ``selective``: wrong links are more often those of a high x."""

    def run(seed: int) -> Outcome:
        made = shuffled(seed, family, blocks=((1000, 0.8),), selective=selective)
        rates = measured(seed, "precision", 0.8)
        if family == "cox":
            return term(bl.cox("Surv(days, died) ~ x", data(made), rates=rates), made.truth[0])
        known = None if method == "mixture" else rates
        model = bl.glm("y ~ x", data(made), family=family, method=method, rates=known)  # type: ignore[arg-type]
        return term(model, made.truth[1])

    return run


def by_candidates(method: str, believed: dict[float, float]) -> Callable[[int], Outcome]:
    """The slope from candidates; ``believed``: what their probabilities are said to be."""

    def run(seed: int) -> Outcome:
        made, every = doubtful(seed, "gaussian", rows=1000)
        every["probability"] = every["probability"].round(2).replace(believed)
        links = made.links.assign(probability=made.links["probability"].replace(believed))
        linked = data(Made(made.left, made.right, links, made.truth), every)
        model = bl.glm("y ~ x", linked, family="gaussian", method=method)  # type: ignore[arg-type]
        return term(model, made.truth[1])

    return run


def cell(selective: float) -> Callable[[int], Outcome]:
    """The share of pairs with a high x and a high y."""

    def run(seed: int) -> Outcome:
        made = shuffled(seed, "binomial", blocks=((1000, 0.8),), selective=selective)
        made.left["high"] = np.where(made.left["x"] > 0, "high", "low")
        rates = measured(seed, "precision", 0.8)
        row = bl.crosstab(data(made), "high", "y", rates=rates).to_pandas().iloc[1]
        z = np.abs(np.random.default_rng(0).normal(size=100_000))
        truth = float((1 / (1 + np.exp(-(made.truth[0] + made.truth[1] * z)))).mean() / 2)
        return truth, row["corrected"], row["corrected_low"], row["corrected_high"]

    return run


EQUAL, LESS = (0.85, 0.85), (0.65, 0.85)
SURE = {0.97: 0.995, 0.63: 0.9, 0.03: 0.005, 0.37: 0.1}
ANYBODY, SELECTIVE = "a wrong link takes anybody", "only a high x is linked wrongly"
WORLDS = [
    World("`share`, women", "women and men found alike (.85)", True, share_of_women(EQUAL, False)),
    World("`share`, women", "women found .65, believed alike", False, share_of_women(LESS, False)),
    World("`share`, women", "women found .65, measured by sex", True, share_of_women(LESS, True)),
    World("`glm` misclassification", "found alike", True, odds_of_sex(EQUAL, False)),
    World("`glm` misclassification", "women .65, believed alike", False, odds_of_sex(LESS, False)),
    World("`glm` misclassification", "women .65, measured by sex", True, odds_of_sex(LESS, True)),
    *(
        World(f"`glm` {name}, {family}", world, not selective, slope(family, name, selective))
        for name, family in [("exchangeable", f) for f in ("gaussian", "binomial", "poisson")]
        for world, selective in ((ANYBODY, 0.0), (SELECTIVE, 1.0))
    ),
    World("`glm` mixture, gaussian", ANYBODY, True, slope("gaussian", "mixture", 0.0)),
    World("`glm` mixture, gaussian", SELECTIVE, False, slope("gaussian", "mixture", 1.0)),
    *(
        World(f"`glm` {method}, gaussian", world, not believed, by_candidates(method, believed))
        for method in ("pairs", "imputation")
        for world, believed in (
            ("probabilities calibrated", {}),
            ("probabilities too sure (.63 said to be .9)", SURE),
        )
    ),
    World("`cox`", ANYBODY, True, slope("cox", "", 0.0)),
    World("`cox`", SELECTIVE, False, slope("cox", "", 1.0)),
    World("`crosstab`", ANYBODY, True, cell(0.0)),
    World("`crosstab`", SELECTIVE, False, cell(1.0)),
]  # fmt: skip


def lines(seeds: int) -> Iterator[str]:
    """One line of the table for each world."""
    for world in WORLDS:
        found = []
        for seed in range(seeds):
            try:
                found.append(world.run(seed))
            except bl.errors.InputError:
                continue
        truth, value, low, high = np.array(found).T
        held = int(((low <= truth) & (truth <= high)).sum())
        # Fewer held than this has a chance below 1 % if the coverage is 90 %.
        least = int(stats.binom.ppf(0.01, len(found), 0.9))
        verdict = "" if held >= least else "**below 90 %**"
        refused = f", {seeds - len(found)} refused" if len(found) < seeds else ""
        yield (
            f"| {world.estimate} | {world.world} | {'yes' if world.holds else 'no'} | "
            f"{held} of {len(found)}{refused} | {(value - truth).mean():+.3f} | "
            f"{np.median(high - low):.3f} | {verdict} |"
        )
        print(world.estimate, world.world, held, len(found), flush=True)


def main() -> None:
    """Write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--out", type=Path, required=True)
    asked = options.parse_args()
    head = [
        "# Coverage across links",
        "",
        f"{asked.seeds} seeds a row, {SAMPLE} known pairs, control records or checked links behind "
        "each rate that is measured. Made by",
        "",
        f"    python benchmarks/linked_coverage.py --seeds {asked.seeds} "
        "--out docs/reference/coverage-linked.md",
        "",
        "In each world a fifth of the links is wrong, or 15 % of the true partners are not found "
        "and 6 % of the others get a stranger, unless the row says otherwise. *Holds*: whether the "
        "method's assumption is true there. Where it is not, nothing in the links shows it, and no "
        "interval is promised: these rows say how far off one then is. The last column tests "
        "90 % coverage, one-sided at 1 %.",
        "",
        "| estimate | world | holds | 95 % interval held | mean error | median width | |",
        "|---|---|---|---|---|---|---|",
    ]
    asked.out.write_text("\n".join([*head, *lines(asked.seeds)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
