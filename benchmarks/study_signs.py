"""The sixteen signs of the publication's access models, and our log odds ratios beside them.

Used by study_targets.py. The analyst's own design and population-averaged model; the reason for the
end of the order is in it, its reference ``expired``, because the publication compares with it.
Several levels of one row are averaged by their size. Known here and nowhere in the analysis.
"""

from dataclasses import dataclass

import numpy as np

from blindlink.analyst.estimate.regression import Fit, population_averaged
from blindlink.analyst.study.design import Design
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.design import design
from blindlink.studies.probation_treatment.pathways import Pathways

RULES = Definitions(references=Definitions().references | {"termination_reason": "expired"})
EARLY = ("revoked_breach", "revoked_other", "early_good_progress")
MINORITIES = ("asian", "black", "mixed", "other")


@dataclass(frozen=True)
class Sign:
    """One row: the requirement, what it says, and the levels of the variables (none: a number)."""

    requirement: str
    name: str
    sign: int
    terms: tuple[tuple[str, tuple[str, ...]], ...]


SIGNS = {
    "T33": Sign("ATR", "female", -1, (("Sex", ("F",)),)),
    "T34": Sign("ATR", "older, per 10 years", -1, (("Age (per 10 years)", ()),)),
    "T35": Sign("ATR", "ethnic minority", -1, (("Ethnicity", MINORITIES),)),
    "T36": Sign("ATR", "sentenced a year later", -1, (("Sentence date (per year later)", ()),)),
    "T37": Sign("ATR", "OGRS3 above low", -1, (("OGRS3 score", ("medium", "high", "very high")),)),
    "T38": Sign("ATR", "sentence terminated early", -1, (("End of the order", EARLY),)),
    "T39": Sign("ATR", "drink driving", 1, (("Main offence", ("drink_driving",)),)),
    "T40": Sign("ATR", "bail, probation or other housed", 1,
                (("Accommodation", ("bail_or_probation", "other_housed")),)),
    "T41": Sign("DRR", "female", -1, (("Sex", ("F",)),)),
    "T42": Sign("DRR", "older, per 10 years", -1, (("Age (per 10 years)", ()),)),
    "T43": Sign("DRR", "sentenced a year later", -1, (("Sentence date (per year later)", ()),)),
    "T44": Sign("DRR", "theft", -1, (("Main offence", ("theft",)),)),
    "T45": Sign("DRR", "medium RSR, medium OGRS3 (the weaker of the two)", -1,
                (("RSR score", ("medium",)), ("OGRS3 score", ("medium",)))),
    "T46": Sign("DRR", "order completed, or ended for another reason", -1,
                (("End of the order", ("completed", "other")),)),
    "T47": Sign("DRR", "longer sentence, per half year", 1,
                (("Sentence length (per half year)", ()),)),
    "T48": Sign("DRR", "rough sleeping or other housed", 1,
                (("Accommodation", ("rough_sleeping", "other_housed")),)),
}  # fmt: skip


def log_odds_ratios(pathways: Pathways) -> dict[str, float]:
    """The log odds ratio of each row."""
    models = {kind: _model(pathways, kind) for kind in ("ATR", "DRR")}
    return {name: _row(*models[sign.requirement], sign) for name, sign in SIGNS.items()}


def _model(pathways: Pathways, kind: str) -> tuple[Design, Fit]:
    cases = pathways.cases[pathways.cases["requirement"] == kind].reset_index(drop=True)
    engaged = cases["engaged"].to_numpy(dtype=bool)
    matrix = design(cases, engaged, RULES, termination=True)
    person = cases["person"].to_numpy(dtype=np.int64)[matrix.rows]
    fit = population_averaged(matrix.X, engaged[matrix.rows].astype(float), person)
    if fit is None:
        raise ValueError(f"the model of {kind} cannot be fitted")
    return matrix, fit


def _row(matrix: Design, fit: Fit, sign: Sign) -> float:
    """The mean over the levels of a variable; of two variables the one that agrees less."""
    values = []
    for variable, levels in sign.terms:
        terms = [
            term for term in matrix.terms
            if term.variable == variable and term.column is not None
            and (not levels or term.level in levels)
        ]  # fmt: skip
        beta = [fit.beta[term.column] for term in terms]
        values.append(np.average(beta, weights=[term.rows.sum() for term in terms]))
    return float(min(values) if sign.sign > 0 else max(values))
