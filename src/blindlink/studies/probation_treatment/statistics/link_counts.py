"""False links measured a second way: from how many pairs people had before the cardinality rule."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, impossible, label, make
from blindlink.analyst.publish.tables import Column, Table
from blindlink.schema.populations import Dimension, population
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.link_counts import LinkCounts, fit_link_counts

COLUMNS: dict[str, Column] = {
    "pairs": label("Pairs of the person above the threshold, before the cardinality rule"),
    "persons": count("Persons"),
    "expected": Column("estimate", "Persons expected by the model", base="persons", decimals=1),
}
TITLE = "Pairs per person, and what they say about false links"


@dataclass(frozen=True)
class Counted:
    """The fit, or why there is none."""

    fit: LinkCounts | None
    why: str


def counted(correction: Correction) -> Counted:
    """Fit the accepted pairs of each left person."""
    pathways = correction.pathways
    planned = set((pathways.info.get("plan") or {}).get("methods") or ())
    by = [set(str(method).split("+")) - {""} for method in pathways.candidates["method"]]
    flagged = np.array([bool(each & planned if planned else each) for each in by], dtype=bool)
    accepted = pathways.candidates["linked"].to_numpy(dtype=bool) | flagged
    left = pathways.candidates.loc[accepted, "left"].to_numpy(dtype=np.int64)
    pairs = np.bincount(left, minlength=pathways.left_people)
    fit, why = fit_link_counts(pairs, pathways.settings.second_record)
    return Counted(fit, why)


def link_counts(correction: Correction, found: Counted) -> Table:
    """Observed and expected numbers of people by their number of pairs."""
    fit = found.fit
    if fit is None:
        return impossible("link_counts", TITLE, COLUMNS, found.why)
    size = len(fit.observed)
    frame = pd.DataFrame(
        {
            "pairs": [str(number) for number in range(size)],
            "persons": fit.observed.astype(int),
            "expected": fit.expected,
        }
    )
    second = correction.pathways.settings.second_record
    notes = [
        f"False-link rate by this method {100 * fit.false_link:.2f} % (range "
        f"{100 * fit.low:.2f} to {100 * fit.high:.2f} %), {fit.model}; goodness of fit "
        f"p = {fit.p_value:.2f}.",
        f"It takes {100 * second.value:g} % ({100 * second.low:g} to {100 * second.high:g} %) of "
        f"people with a true record to have two. Source: {second.source}.",
    ]
    if correction.rates.false_links:
        first = correction.rates.false_links[0]
        if fit.low > first.high or fit.high < first.low:
            notes.append(
                f"This disagrees with {first.source}: {100 * first.value:.2f} % "
                f"({100 * first.low:.2f} to {100 * first.high:.2f} %)."
            )
    more = ["more"] * int(frame["persons"].sum() != correction.pathways.left_people)
    dimension = Dimension("pairs of the person", (*frame["pairs"], *more))
    populations = {"persons": [population("persons sent", dimension.of(n)) for n in frame["pairs"]]}
    return make(
        "link_counts", TITLE, frame, COLUMNS, notes, {"pairs": False}, populations=populations
    )
