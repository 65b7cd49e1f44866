"""Engagement if missed links depend on the outcome: what no linkage can measure by itself."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, impossible, label, make
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction
from blindlink.studies.probation_treatment.populations import ENGAGED as IS_ENGAGED
from blindlink.studies.probation_treatment.statistics.linkage import central

ODDS = (0.1, 0.2, 0.33, 0.5, 0.75, 1.0, 1.5, 2.0)
TITLE = "Engagement if the records of the engaged are found less or more often"
COLUMNS: dict[str, Column] = {
    "odds": label("Odds that a record of the engaged is found, over those of all records"),
    "sensitivity": label("True records found, of all: lower end, assumed value, or upper end"),
    "requirements": count("Requirements"),
    "engaged": count("Of these, engaged as observed"),
    "corrected": Column("estimate", "Share corrected (%)", base="engaged", decimals=1),
}


def dependence(correction: Correction) -> Table:
    """Corrected engagement over sensitivity and its dependence on the outcome; no intervals."""
    rates = correction.rates
    if np.isnan(rates.sensitivity_draws).any() or np.isnan(rates.false_link):
        why = "Nothing is known of false links or of sensitivity."
        return impossible("dependence", TITLE, COLUMNS, why)
    counted = correction.count(ENGAGED)
    if not counted.whole[0, -1]:
        return impossible("dependence", TITLE, COLUMNS, "There is no eligible requirement.")
    low, high = (float(end) for end in central(rates.sensitivity_draws, correction.confidence))
    delta = np.log(ODDS)
    parts = [
        pd.DataFrame(
            {
                "odds": [f"{each:g}" for each in ODDS],
                "sensitivity": name,
                "requirements": int(counted.whole[0, -1]),
                "engaged": int(counted.part[0, -1]),
                "corrected": 100 * correction.dependent(delta, value),
            }
        )
        for name, value in (("lower end", low), ("assumed", rates.sensitivity), ("upper end", high))
    ]
    frame = pd.concat(parts, ignore_index=True)
    made = correction.pathways.populations
    populations = {
        "requirements": [made.case(TOTAL)] * len(frame),
        "engaged": [made.case(TOTAL, IS_ENGAGED)] * len(frame),
    }
    notes = (
        "Odds of 1 are assumed everywhere else in this report: a record of somebody who engages is "
        "found as often as any other. Links cannot show whether that is so.",
        f"Sensitivity: lower end {100 * low:.0f} %, assumed {100 * rates.sensitivity:.0f} %, upper "
        f"end {100 * high:.0f} %.",
    )
    totals = {"odds": False, "sensitivity": False}
    return make("dependence", TITLE, frame, COLUMNS, notes, totals, populations=populations)
