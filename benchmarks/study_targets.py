"""Does the synthetic study come out at the publication's figures? Target, observed and true shares.

    python benchmarks/study_targets.py --seeds 20 [--first 1] [--people 150000]

Each seed makes a study, encodes and links it as the agreement of the demo says, and applies the
study's definitions to the linked people. Observed values are compared with the targets as
docs/explanation/synthetic-study.md says: the mean over the seeds must lie within the larger of the
target's rounding and two standard errors. The last lines are what ``ExpectedLinkage`` should hold.
About 40 seconds a seed on two free cores.
"""

import argparse

import numpy as np
import pandas as pd

from blindlink.formats.plan import Plan
from blindlink.keys import LinkageKey
from blindlink.linker.link import Linkage, link
from blindlink.owner.encode import encode
from blindlink.owner.profiles import new_schema
from blindlink.study import truth
from blindlink.study.generate import Study, generate
from blindlink.study.parameters import KINDS, scaled
from blindlink.study.parties import replay

# Share in percent, half a unit of its last printed digit.
TARGETS = {
    "engaged All": (38.9, 0.05),
    "engaged ATR": (45.9, 0.05),
    "engaged DRR": (33.1, 0.05),
    "day 21 ATR": (26.0, 0.5),
    "day 21 DRR": (20.0, 0.5),
    "completed": (35.0, 0.5),
    "dropped out": (37.0, 0.5),
    "still in treatment": (27.0, 0.5),
    "died": (1.4, 0.05),
    "ATR alcohol only": (68.0, 0.5),
    "ATR non-opiate and alcohol": (24.0, 0.5),
    "ATR opiate": (6.0, 0.5),
    "ATR non-opiate only": (1.0, 0.5),
    "DRR opiate": (68.0, 0.5),
    "DRR non-opiate only": (21.0, 0.5),
    "DRR non-opiate and alcohol": (10.0, 0.5),
    "DRR alcohol only": (1.0, 0.5),
}
FOLDED = ("completed", "died", "still in treatment")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--people", type=int, default=150_000)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    results = [one(options.people, seed) for seed in seeds]
    observed, true, rates = (pd.DataFrame(part) for part in zip(*results, strict=True))
    print(table(observed, true).to_string(float_format="%.2f"))
    print(rates.mean().to_string(float_format="%.4f"))


def table(observed: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """One row per target: observed mean, its error, the allowed distance, met or not, true mean."""
    error = 100 * observed.std() / np.sqrt(len(observed))
    rows = []
    for name, (target, rounding) in TARGETS.items():
        seen = 100 * observed[name].mean()
        allowed = max(rounding, 2 * np.nan_to_num(error[name]))
        met = "yes" if abs(seen - target) <= allowed else "NO"
        rows.append((name, target, seen, error[name], allowed, met, 100 * true[name].mean()))
    columns = ["measure", "target", "observed", "error", "allowed", "met", "true"]
    return pd.DataFrame(rows, columns=columns).set_index("measure")


def one(people: int, seed: int) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Observed shares, true shares, and how the linkage did, of one seed."""
    study = generate(scaled(people), seed=seed)
    found = linkage(study, seed)
    requirements = study.tables["moj/events"].to_pandas()
    engagement = study.tables["truth/engagement"].to_pandas().set_index("requirement_id")
    true = engagement.loc[requirements["requirement_id"]].reset_index()
    seen = through_links(study, requirements, found)
    shares = measures(seen), measures(true)
    print(f"seed {seed}: engaged {seen['engaged'].mean():.3f}", flush=True)
    return *shares, how_linked(study, requirements, found, seen, true)


def linkage(study: Study, seed: int) -> Linkage:
    """Links by the profile and plan of the demo."""
    left, right = study.tables["moj/identities"], study.tables["ohid/identities"]
    schema, _ = new_schema("weak", [left.column_names, right.column_names])
    key = LinkageKey.generate(replay(seed, "targets"))
    encoded = encode(left, schema, key), encode(right, schema, key)
    return link(*encoded, Plan(cardinality="one-to-many"))


def through_links(study: Study, requirements: pd.DataFrame, found: Linkage) -> pd.DataFrame:
    """What the study's definitions say of each requirement when the links are believed."""
    people = pd.Index(requirements["entity_id"].unique())
    links = pd.DataFrame({"left": found.links.left_entity, "right": found.links.right_entity})
    links["person"] = people.get_indexer(links["left"])
    episodes = episode_rows(study.tables["ohid/events"].to_pandas())
    linked = episodes.merge(links, left_on="entity", right_on="right")
    cases = pd.DataFrame(
        {
            "person": people.get_indexer(requirements["entity_id"]),
            "date": days(requirements["sentence_date"]),
        }
    )
    return truth.engagement(cases, linked).assign(requirement=requirements["requirement"])


def episode_rows(events: pd.DataFrame) -> pd.DataFrame:
    """Episodes of the extract in the terms of ``study.truth``."""
    drugs = events[["drug_1", "drug_2", "drug_3"]].apply(pd.to_numeric)
    opiate = drugs.lt(2000).any(axis=1)
    alcohol = drugs.eq(7000).any(axis=1)
    other = (drugs.ge(2000) & drugs.lt(7000)).any(axis=1)
    ended = events["discharge_date"].where(events["discharge_date"] != "", "1969-12-31")
    return pd.DataFrame(
        {
            "entity": events["entity_id"],
            "start": days(events["triage_date"]),
            "end": days(ended),
            "code": pd.to_numeric(events["discharge_reason"]).fillna(0).astype(int),
            "substance": np.select([opiate, alcohol & other, other], [2, 1, 3], 0),
        }
    )


def days(dates: pd.Series) -> np.ndarray:
    """Days since 1970-01-01."""
    return np.asarray(dates, dtype="datetime64[D]").astype(np.int64)


def measures(cases: pd.DataFrame) -> dict[str, float]:
    """The shares that have a target."""
    found = {"engaged All": cases["engaged"].mean()}
    engaged = cases[cases["engaged"] == 1]
    folded = engaged["outcome"].where(engaged["outcome"].isin(FOLDED), "dropped out")
    found |= folded.value_counts(normalize=True).to_dict()
    for kind in KINDS:
        mine, theirs = cases[cases["requirement"] == kind], engaged[engaged["requirement"] == kind]
        found[f"engaged {kind}"] = mine["engaged"].mean()
        found[f"day 21 {kind}"] = mine["in_treatment_21"].mean()
        for name, share in theirs["substance"].value_counts(normalize=True).items():
            found[f"{kind} {name}"] = share
    return {name: float(found.get(name, 0.0)) for name in TARGETS}


def how_linked(
    study: Study,
    requirements: pd.DataFrame,
    found: Linkage,
    seen: pd.DataFrame,
    true: pd.DataFrame,
) -> dict[str, float]:
    """Precision and recall, and the figures of ``ExpectedLinkage``."""
    truth_pairs = study.tables["truth/people"].to_pandas()
    held = set(
        truth_pairs.loc[
            truth_pairs["in_extract"] == 1, ["moj_entity_id", "ohid_entity_id"]
        ].itertuples(index=False, name=None)
    )
    links = set(zip(found.links.left_entity, found.links.right_entity, strict=True))
    known = requirements["entity_id"].isin(truth_pairs["moj_entity_id"]).to_numpy()
    linked = requirements["entity_id"].isin(found.links.left_entity).to_numpy()
    stranger = ~known & linked
    rates = {
        "precision": len(links & held) / len(links),
        "recall": len(links & held) / len(held),
        "false_link": linked[~known].mean(),
        "counts": seen["engaged"][stranger].mean(),
        "counts_21": seen["in_treatment_21"][stranger].mean(),
    }
    for column in ("engaged", "in_treatment_21"):
        for kind in KINDS:
            mine = (true["requirement"] == kind) & (true[column] == 1)
            rates[f"sensitivity {column} {kind}"] = seen[column][mine.to_numpy()].mean()
    report = found.report
    rates["threshold"] = report.threshold
    rates["expected precision"] = report.precision.value if report.precision else np.nan
    rates["expected sensitivity"] = report.sensitivity.value if report.sensitivity else np.nan
    rates["any treatment record"] = known.mean()
    exact = ["deterministic" in method for method in found.candidates.method]
    rates["deterministic, any record"] = (
        requirements["entity_id"].isin(found.candidates.left_entity[exact]).mean()
    )
    return {name: float(rate) for name, rate in rates.items()}


if __name__ == "__main__":
    main()
