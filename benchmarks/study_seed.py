"""One synthetic study, linked as in the demo and analysed by the analyst's own code.

Used by study_targets.py. Control records are made, encoded and linked with everybody else, as an
owner's submission does; sealing and the protocol are left out, they change no figure.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.study_signs import log_odds_ratios

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.keys import LinkageKey
from blindlink.linker.model.link import Candidates, Linkage, link
from blindlink.messages.plan import Plan
from blindlink.owner.controls import make_controls
from blindlink.owner.encoding.encode import encode
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import Pathways, build
from blindlink.studies.probation_treatment.statistics import (
    engagement,
    flow,
    linkage,
)
from blindlink.synthetic.demo.marks import replay
from blindlink.synthetic.demo.parties import PROBATION, study_schema
from blindlink.synthetic.demo.targets import (
    ANY_RECORD,
    TARGETS,
    any_record,
    true_figures,
)
from blindlink.synthetic.generator.generate import Study, generate
from blindlink.synthetic.generator.parameters import KINDS, scaled
from worlds import simulated

CONTROL = "control-"
SETTINGS = Settings(replicates=300)
PLAN = Plan(
    cardinality="one-to-many", target="precision:0.95"
)  # as in synthetic/demo/agreement.toml

Figures = dict[str, float]


def one(people: int, seed: int) -> dict[str, Figures]:
    """Figures of one seed by the id of their target: observed, corrected with its ends, true.

    ``signs``: log odds ratios; ``linkage``: how the linkage did, for ``ExpectedLinkage``.
    """
    study = generate(scaled(people), seed=seed)
    found = linked(study, seed)
    cohort = cohort_of(study, found)
    pathways = build(cohort, SETTINGS)
    rates = error_rates(cohort.info, SETTINGS, seed)
    bootstrap = Bootstrap.draw(pathways.left_people, SETTINGS.replicates, seed + 1)
    correction = Correction(pathways, rates, bootstrap, seed + 2)
    tables = {
        "headlines_corrected": engagement.headlines_corrected(correction).frame,
        "linkage_methods": linkage.methods(pathways).frame,
        "flow": flow.flow(pathways).frame,
    }
    events, truth = (study.tables[n].to_pandas() for n in ("moj/events", "truth/engagement"))
    figures = true_figures(truth, events, study.parameters)
    figures[ANY_RECORD] = any_record(study.tables["truth/people"].to_pandas(), truth)
    values: dict[str, Figures] = {
        name: {} for name in ("observed", "low", "corrected", "high", "true")
    }
    for target in TARGETS:
        frame = tables[target.table]
        row = frame[np.all([frame[k] == v for k, v in target.labels.items()], axis=0)]
        values["observed"][target.id] = float(row[target.column].iloc[0])
        if target.corrected:
            for name, end in (("low", "_low"), ("corrected", ""), ("high", "_high")):
                values[name][target.id] = float(row[target.corrected + end].iloc[0])
        if target.true:
            values["true"][target.id] = figures.get(target.true, 0.0)
    return values | {
        "signs": log_odds_ratios(pathways),
        "linkage": how_linked(study, found, pathways) | {
            "f by controls": rates.false_link, "s believed": rates.sensitivity},
    }  # fmt: skip


def linked(study: Study, seed: int) -> Linkage:
    """Links by the profile and plan of the demo, control records among the records."""
    entropy = replay(seed, "targets")
    sides = [study.tables[f"{owner}/identities"] for owner in PROBATION.controls]
    schema = study_schema([side.column_names for side in sides])
    key = LinkageKey.generate(entropy)
    encoded = []
    for side, (share, fewest) in zip(sides, PROBATION.controls.values(), strict=True):
        entity = side.column("entity_id").combine_chunks().dictionary_encode()
        numbers = entity.indices.to_numpy().astype(np.int64)
        number = max(fewest, round(share * side.num_rows))
        controls = make_controls(side, numbers, number, entropy)
        names = pa.array([f"{CONTROL}{i}" for i in controls.control])
        place = controls.rows.column_names.index("entity_id")
        rows = controls.rows.set_column(place, "entity_id", names)
        encoded.append(encode(pa.concat_tables([side, rows.cast(side.schema)]), schema, key))
    return link(encoded[0], encoded[1], PLAN)


def cohort_of(study: Study, found: Linkage) -> Cohort:
    """What the analyst would open: control records counted and dropped, candidates of OHID."""
    tables = {
        part: study.tables["/".join(part)].to_pandas().rename(columns={"entity_id": "person"})
        for part in (("moj", "events"), ("ohid", "events"), ("ohid", "details"))
    }
    released = pd.Index(np.asarray(found.candidates.right_entity).astype(str)).unique()
    released = released[~released.str.startswith(CONTROL)]
    for name in ("events", "details"):
        table = tables["ohid", name]
        tables["ohid", name] = table[table["person"].isin(released)].reset_index(drop=True)
    links, candidates = _pairs(found.links), _pairs(found.candidates)
    hits = found.links.left_entity.astype(str)
    hits = np.unique(hits[np.char.startswith(hits, CONTROL)])
    names = np.asarray(found.left_counts.entity).astype(str)
    number = int(np.char.startswith(names, CONTROL).sum())
    return simulated.cohort(
        tables["moj", "events"], tables["ohid", "events"], links,
        forms=tables["ohid", "details"], candidates=candidates,
        people=(_everybody(study, "moj"), list(released)),
        controls=(len(hits), number), linkage=found.report.model_dump(mode="json"),
    )  # fmt: skip


def how_linked(study: Study, found: Linkage, pathways: Pathways) -> Figures:
    """Precision and recall over pairs of persons, and the figures of ``ExpectedLinkage``."""
    pairs = study.tables["truth/people"].to_pandas()
    held = pairs.loc[pairs["in_extract"] == 1, ["moj_entity_id", "ohid_entity_id"]]
    true = set(held.itertuples(index=False, name=None))
    links = _pairs(found.links)
    made = set(links[["left", "right"]].itertuples(index=False, name=None))
    seen = _by_requirement(study, pathways)
    stranger = ~seen["known"] & seen["linked"]
    rates = {
        "precision": len(made & true) / len(made),
        "recall": len(made & true) / len(true),
        "false_link": seen.loc[~seen["known"], "linked"].mean(),
        "counts": seen.loc[stranger, "engaged"].mean(),
        "counts_21": seen.loc[stranger, "present"].mean(),
    }
    for column, name in (("engaged", "engaged"), ("present", "in_treatment_21")):
        for kind in KINDS:
            mine = (seen["requirement"] == kind) & (seen[f"true_{name}"] == 1)
            rates[f"sensitivity {name} {kind}"] = seen.loc[mine, column].mean()
    report = found.report
    rates["threshold"] = report.threshold
    rates["expected precision"] = report.precision.value if report.precision else np.nan
    rates["expected sensitivity"] = report.sensitivity.value if report.sensitivity else np.nan
    return {name: float(rate) for name, rate in rates.items()}


def _by_requirement(study: Study, pathways: Pathways) -> pd.DataFrame:
    """What is seen of each requirement beside what is true of it."""
    cases = pathways.cases
    three = cases["sentence_date"].to_numpy() + SETTINGS.definitions.three_weeks
    person = cases["person"].to_numpy(dtype=np.int64)
    cases = cases.assign(present=pathways.journeys.open_on(person, three))
    truth = study.tables["truth/engagement"].to_pandas().set_index("requirement_id")
    truth = truth[["entity_id", "engaged", "in_treatment_21"]]
    truth.columns = pd.Index(["moj", "true_engaged", "true_in_treatment_21"])
    both = cases.join(truth, on="requirement_id", how="inner")
    known = study.tables["truth/people"].to_pandas()["moj_entity_id"]
    return both.assign(known=both["moj"].isin(known))


def _everybody(study: Study, owner: str) -> list[str]:
    return list(dict.fromkeys(study.tables[f"{owner}/identities"].column("entity_id").to_pylist()))


def _pairs(found: Candidates) -> pd.DataFrame:
    """Pairs of people, without control records, as a release has them."""
    frame = pd.DataFrame(
        {
            "left": np.asarray(found.left_entity).astype(str),
            "right": np.asarray(found.right_entity).astype(str),
            "probability": found.probability,
            "method": found.method,
        }
    )
    control = frame["left"].str.startswith(CONTROL) | frame["right"].str.startswith(CONTROL)
    return frame[~control].reset_index(drop=True)
