"""How long ``analyst report`` takes, and how much memory: analysis, gate, page and files.

    python benchmarks/report_speed.py [--people 500000] [--requirements 40000]
        [--episodes 1200000] [--imputations 0]

The cohort is the synthetic study with the links that its truth has, less one in five, and a false
link for one person in twenty; every treatment person is in it, and episodes are repeated at other
times until there are as many as asked for. One line for each step, in seconds of processor time,
and the peak of the process's memory at its end.
"""

import argparse
import datetime as dt
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.disclosure.policy import Policy
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from blindlink.synthetic.generator.generate import Study, generate
from blindlink.synthetic.generator.parameters import scaled
from worlds import simulated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--requirements", type=int, default=40_000)
    parser.add_argument("--episodes", type=int, default=1_200_000)
    parser.add_argument("--imputations", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.process_time()
    parameters = replace(scaled(asked.people), requirements=asked.requirements)
    study = generate(parameters, seed=asked.seed)
    started = told("generate", started)
    cohort = cohort_of(study, asked.seed, asked.episodes)
    del study
    episodes = len(cohort.tables["ohid", "events"])
    started = told(f"cohort ({episodes:,} episodes)", started)
    settings = Settings(imputations=asked.imputations)
    tables = analyse(cohort, settings, seed=asked.seed)
    started = told(f"analyse, {asked.imputations} imputations", started)
    with tempfile.TemporaryDirectory() as folder:
        now = dt.datetime(2023, 3, 30, tzinfo=dt.UTC)
        out = Path(folder) / "report"
        publish(tables, out, settings=settings, policy=Policy(), seed=1, now=now, info=cohort.info)
    told("gate, page and files", started)


def told(what: str, started: float) -> float:
    """Say how long a step took; returns the time now."""
    now = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {now - started:.1f} s, peak so far {peak:.2f} GiB", flush=True)
    return now


def cohort_of(study: Study, seed: int, episodes: int) -> Cohort:
    """The study as a cohort: four in five true links found, some false ones."""
    rng = np.random.Generator(np.random.PCG64(seed))
    tables = {
        (owner, name): study.tables[f"{owner}/{name}"].to_pandas().rename(
            columns={"entity_id": "person"}
        )
        for owner, name in (("moj", "events"), ("ohid", "events"), ("ohid", "details"))
    }  # fmt: skip
    tables["ohid", "events"] = more_episodes(tables["ohid", "events"], episodes, rng)
    left = tables["moj", "events"]["person"].unique()
    right = tables["ohid", "events"]["person"].unique()
    true = study.tables["truth/people"].to_pandas()
    true = true[true["in_extract"] == 1].drop_duplicates("moj_entity_id")
    found = true[rng.random(len(true)) < 0.8]
    others = rng.choice(np.setdiff1d(left, found["moj_entity_id"]), len(left) // 20, replace=False)
    pairs = pd.DataFrame(
        {
            "left": [*found["moj_entity_id"], *others],
            "right": [*found["ohid_entity_id"], *rng.choice(right, len(others))],
        }
    ).drop_duplicates("right")
    pairs["probability"], pairs["method"] = rng.beta(8, 1, len(pairs)), "clk"
    more = pd.DataFrame(
        {"left": rng.choice(left, len(left)), "right": rng.choice(right, len(left))}
    ).assign(probability=rng.beta(1, 12, len(left)), method="")
    candidates = pd.concat([pairs, more], ignore_index=True).drop_duplicates(["left", "right"])
    made = simulated.cohort(
        [], people=(list(left), list(right)), links=pairs, candidates=candidates
    )
    return replace(made, tables=tables)


def more_episodes(events: pd.DataFrame, wanted: int, rng: np.random.Generator) -> pd.DataFrame:
    """As many episodes as wanted: earlier or later ones of the same persons are added."""
    extra = max(wanted - len(events), 0)
    more = events.iloc[rng.integers(0, len(events), extra)].copy()
    days = rng.integers(-700, 200, extra).astype("timedelta64[D]")
    for column in ("triage_date", "discharge_date"):
        dates = pd.to_datetime(more[column].replace("", pd.NaT))
        more[column] = (dates + days).dt.strftime("%Y-%m-%d").fillna("")
    more["episode_id"] = [f"M{number}" for number in range(extra)]
    return pd.concat([events, more], ignore_index=True)


if __name__ == "__main__":
    main()
