"""The covariates of the models: which columns, which reference, and what had to be left out."""

from dataclasses import replace

import numpy as np
import pandas as pd

from blindlink.analyst.study.design import Category, Design, matrix
from blindlink.arrays import Bools
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.groups import UNKNOWN, grouped, levels

REQUIREMENT = "Requirement"
_NUMBERS = {
    "Age (per 10 years)": ("age_at_sentence", 10.0),
    "Sentence date (per year later)": ("sentence_date", 365.25),
    "Sentence length (per half year)": ("sentence_length_days", 182.625),
}
_CATEGORIES = {
    "Sex": "sex",
    "Ethnicity": "ethnicity",
    "Main offence": "offence_category",
    "Accommodation": "accommodation_status",
    "OGRS3 score": "ogrs_band",
    "RSR score": "rsr_band",
    "Type of order": "order_type",
}
_TERMINATION = {"End of the order": "termination_reason"}


def design(cases: pd.DataFrame, outcome: Bools, rules: Definitions, *, termination: bool) -> Design:
    """The design of an access or outcome model over ``cases`` (a clean index from 0).

    Cases without one of the numbers are left out; missing categories are a level. The requirement
    is in every model of more than one: it says more about treatment than anything else here, and
    without it whatever goes with it would look like a cause.
    """
    complete = np.ones(len(cases), dtype=bool)
    used = {n: c for n, c in _NUMBERS.items() if cases[c[0]].notna().sum() > 1}
    for column, _ in used.values():
        complete &= cases[column].notna().to_numpy()
    kept = grouped(cases[complete], rules).reset_index(drop=True)
    names = _CATEGORIES | (_TERMINATION if termination else {})
    if kept["requirement"].nunique() > 1:
        names = {REQUIREMENT: "requirement"} | names
    made = matrix(
        outcome[complete],
        {name: (kept[column].to_numpy(), unit) for name, (column, unit) in used.items()},
        [
            Category(name, kept[c], levels(c, kept[c], rules), rules.references.get(c, ""), UNKNOWN)
            for name, c in names.items()
        ],
        rules.minimum_level,
        "requirements",
    )
    notes = [f"{name} is not in the release." for name in _NUMBERS if name not in used]
    if not complete.all():
        notes.append("Requirements without age, date or sentence length are not in the model.")
    rows = np.flatnonzero(complete)[made.rows]
    return replace(made, rows=rows, notes=(*notes, *made.notes))
