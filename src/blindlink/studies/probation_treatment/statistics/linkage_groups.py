"""False and missed links by sex, age, ethnicity and region: who is linked worse."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, estimate, impossible, label, make
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.groups import GROUPS, grouped, levels
from blindlink.studies.probation_treatment.populations import LINKED
from blindlink.studies.probation_treatment.statistics.linkage import central

STRATA = ("sex", "age_band", "ethnicity", "region")
TITLE = "Quality of the linkage by group"
COLUMNS: dict[str, Column] = {
    "dimension": label("Characteristic"),
    "group": label("Group"),
    "requirements": count("Requirements"),
    "linked": count("Of these, linked"),
    **estimate(
        "false_links", "Linked to a stranger, of those without their own link (%)", "linked", 2
    ),
    **estimate("sensitivity", "True records found and accepted (%)", "linked"),
}


def linkage_by_group(correction: Correction) -> Table:
    """False-link rate and sensitivity of each group, with the doubt about controls and priors."""
    pathways, rates = correction.pathways, correction.rates
    if not len(pathways.cases):
        return impossible("linkage_by_group", TITLE, COLUMNS, "There is no eligible requirement.")
    if correction.error_rates_of(np.zeros(len(pathways.cases), dtype=np.int64), 1) is None:
        why = "No candidate has a match probability: groups cannot be told apart."
        return impossible("linkage_by_group", TITLE, COLUMNS, why)
    if np.isnan([rates.false_link, rates.sensitivity]).any():
        why = "The error rates of everybody are not known, so those of groups are not either."
        return impossible("linkage_by_group", TITLE, COLUMNS, why)
    cases = grouped(pathways.cases, pathways.settings.definitions)
    parts = [_dimension(correction, cases, column) for column in STRATA]
    notes = (
        "The overall rates, times how much the match probabilities of the group's candidates "
        "differ from everybody's; small groups are drawn towards everybody. It rests on match "
        "probabilities that are calibrated in every group.",
        "What no candidate can show (no consent, identifiers that cannot be compared) is taken to "
        "be as frequent in every group.",
    )
    frame = pd.concat(parts, ignore_index=True)
    made = pathways.populations
    by_label = {d.name: d for d in made.groups.values()}
    cells = [
        by_label[label].of(level)
        for label, level in zip(frame["dimension"], frame["group"], strict=True)
    ]
    populations = {
        "requirements": [made.case(TOTAL, group) for group in cells],
        "linked": [made.case(TOTAL, LINKED, group) for group in cells],
    }
    return make(
        "linkage_by_group", TITLE, frame, COLUMNS, notes, {"dimension": False},
        populations=populations,
    )  # fmt: skip


def _dimension(correction: Correction, cases: pd.DataFrame, column: str) -> pd.DataFrame:
    names = levels(column, cases[column], correction.pathways.settings.definitions)
    codes = pd.Categorical(cases[column], categories=names).codes.astype(np.int64)
    f, s, f_draws, s_draws = correction.rates_of(codes, len(names))
    f_low, f_high = central(f_draws, correction.confidence)
    s_low, s_high = central(s_draws, correction.confidence)
    linked = np.bincount(codes, weights=cases["linked"].astype(float), minlength=len(names))
    return pd.DataFrame(
        {
            "dimension": GROUPS[column],
            "group": names,
            "requirements": np.bincount(codes, minlength=len(names)),
            "linked": linked.astype(int),
            "false_links": 100 * f[:, 0],
            "false_links_low": 100 * f_low[:, 0],
            "false_links_high": 100 * f_high[:, 0],
            "sensitivity": 100 * s[:, 0],
            "sensitivity_low": 100 * s_low[:, 0],
            "sensitivity_high": 100 * s_high[:, 0],
        }
    )
