"""Do the access models of the synthetic study have the signs of the publication's sixteen rows?

    python benchmarks/study_signs.py --seeds 3 [--first 1] [--people 150000]

Each seed makes a study, links it as the demo does, and fits the analyst's own access models
(population-averaged; the reason for the end of the order in the model, its reference ``expired``,
because the publication compares with it). Several levels of one row are averaged by their size.
Printed: the mean log odds ratio over the seeds, its standard error, and whether its sign is the
target's. The targets are known here and nowhere in the analysis.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

import simulated  # noqa: E402
from benchmarks.study_targets import linkage  # noqa: E402

from blindlink.analyst.correction import Correction  # noqa: E402
from blindlink.analyst.definitions import Definitions, Settings  # noqa: E402
from blindlink.analyst.intervals import Bootstrap  # noqa: E402
from blindlink.analyst.linkage_error import error_rates  # noqa: E402
from blindlink.analyst.pathways import build  # noqa: E402
from blindlink.analyst.statistics.models import POPULATION, WITH, access  # noqa: E402
from blindlink.study.generate import Study, generate  # noqa: E402
from blindlink.study.parameters import scaled  # noqa: E402

REFERENCES = Definitions().references | {"termination_reason": "expired"}
SETTINGS = Settings(replicates=50, definitions=Definitions(references=REFERENCES))
EARLY = ("revoked_breach", "revoked_other", "early_good_progress")
MINORITIES = ("asian", "black", "mixed", "other")

# id -> requirement, sign, variable, levels (none: a number)
SIGNS: dict[str, tuple[str, int, list[tuple[str, tuple[str, ...]]]]] = {
    "T33": ("ATR", -1, [("Sex", ("F",))]),
    "T34": ("ATR", -1, [("Age (per 10 years)", ())]),
    "T35": ("ATR", -1, [("Ethnicity", MINORITIES)]),
    "T36": ("ATR", -1, [("Sentence date (per year later)", ())]),
    "T37": ("ATR", -1, [("OGRS3 score", ("medium", "high", "very high"))]),
    "T38": ("ATR", -1, [("End of the order", EARLY)]),
    "T39": ("ATR", 1, [("Main offence", ("drink_driving",))]),
    "T40": ("ATR", 1, [("Accommodation", ("bail_or_probation", "other_housed"))]),
    "T41": ("DRR", -1, [("Sex", ("F",))]),
    "T42": ("DRR", -1, [("Age (per 10 years)", ())]),
    "T43": ("DRR", -1, [("Sentence date (per year later)", ())]),
    "T44": ("DRR", -1, [("Main offence", ("theft",))]),
    "T45": ("DRR", -1, [("RSR score", ("medium",)), ("OGRS3 score", ("medium",))]),
    "T46": ("DRR", -1, [("End of the order", ("completed", "other"))]),
    "T47": ("DRR", 1, [("Sentence length (per half year)", ())]),
    "T48": ("DRR", 1, [("Accommodation", ("rough_sleeping", "other_housed"))]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--people", type=int, default=150_000)
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    found = pd.DataFrame([one(generate(scaled(asked.people), seed=seed), seed) for seed in seeds])
    for name, (kind, sign, terms) in SIGNS.items():
        mean, error = found[name].mean(), found[name].std() / np.sqrt(len(found))
        met = "yes" if np.sign(mean) == sign else "NO"
        print(f"{name} {kind} {terms[0][0]}: {sign:+d}  {mean:+.3f} ({error:.3f})  {met}")
    right = sum(np.sign(found[name].mean()) == sign for name, (_, sign, _) in SIGNS.items())
    print(f"{right} of {len(SIGNS)} signs")


def one(study: Study, seed: int) -> dict[str, float]:
    """The log odds ratio of each row."""
    found = linkage(study, seed)
    tables = {
        (owner, name): study.tables[f"{owner}/{name}"].to_pandas().rename(
            columns={"entity_id": "person"}
        )
        for owner, name in (("moj", "events"), ("ohid", "events"), ("ohid", "details"))
    }  # fmt: skip
    links = pd.DataFrame({"left": found.links.left_entity, "right": found.links.right_entity})
    links = links.assign(probability=0.95, method="clk")
    people = [list(tables[owner, "events"]["person"].unique()) for owner in ("moj", "ohid")]
    cohort = simulated.cohort(
        tables["moj", "events"], tables["ohid", "events"], links,
        forms=tables["ohid", "details"], people=(people[0], people[1]),
        linkage=simulated.report(cardinality="one-to-many"),
    )  # fmt: skip
    pathways = build(cohort, SETTINGS)
    rates = error_rates(cohort.info, SETTINGS, seed)
    bootstrap = Bootstrap.draw(pathways.left_people, SETTINGS.replicates, seed)
    correction = Correction(pathways, rates, bootstrap, seed)
    models = {kind: access(correction, kind, []).frame for kind in ("ATR", "DRR")}
    return {name: _row(models[kind], terms) for name, (kind, _, terms) in SIGNS.items()}


def _row(model: pd.DataFrame, terms: list[tuple[str, tuple[str, ...]]]) -> float:
    """The mean log odds ratio of levels, by size; of two variables the larger one."""
    model = model[(model["model"] == POPULATION) & (model["adjustment"] == WITH)]
    values = []
    for variable, levels in terms:
        rows = model[model["variable"] == variable]
        rows = rows[rows["level"].isin(levels)] if levels else rows
        values.append(np.average(np.log(rows["odds_ratio"]), weights=rows["requirements"]))
    return float(max(values))


if __name__ == "__main__":
    main()
