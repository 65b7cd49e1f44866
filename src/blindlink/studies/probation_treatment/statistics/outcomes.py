"""How the first treatment journey after the sentence ended, and what came after."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import (
    CLUSTERED,
    count,
    estimate,
    label,
    make,
    share,
    share_rows,
    with_all,
)
from blindlink.analyst.publish.tables import Table
from blindlink.schema.populations import Condition
from blindlink.studies.probation_treatment.definitions import COMPLETED, FOLDED, OPEN, OUTCOMES
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import AT_ORDER_END as BY_ORDER_END
from blindlink.studies.probation_treatment.populations import (
    ENGAGED,
    NOT_STARTED,
    ORDER,
    PATHWAY,
    RETURN_SEEN,
    RETURNED,
    YES,
    Populations,
)
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

AT_OBSERVATION_END, AT_ORDER_END = "end of observation", "end of the order"
FULL, FOLD = "full", "four-way"


def outcomes(pathways: Pathways) -> Table:
    """Outcome of the first journey: full split and published four-way fold, at two dates."""
    rules = pathways.settings.definitions
    engaged = pathways.cases[pathways.cases["engaged"]]
    ended = engaged[
        np.isfinite(engaged["order_days"]) & (engaged["order_days"] <= engaged["follow_up"])
    ]
    at_order_end = ended.assign(exit=_at_order_end(ended))
    folded = engaged.assign(exit=engaged["exit"].map(rules.fold))
    parts = [
        _split(pathways, engaged, AT_OBSERVATION_END, FULL, OUTCOMES),
        _split(pathways, folded, AT_OBSERVATION_END, FOLD, FOLDED),
        _split(pathways, at_order_end, AT_ORDER_END, FULL, (*OUTCOMES, NOT_STARTED)),
    ]
    columns = {
        "measured": label("The day on which the outcome is taken"),
        "split": label("All outcomes, or folded into the four that were published"),
        "requirement": label(REQUIREMENT),
        "outcome": label("Outcome of the first journey after the sentence"),
        "engaged": count("Requirements engaged; for the end of the order, those whose order ended"),
        "counted": count("Of these, with the outcome"),
        **share("share", "Share with the outcome", "counted", "engaged"),
    }
    notes = (
        "The four-way fold counts as: "
        + "; ".join(f"{name} = {', '.join(_members(rules.fold, name))}" for name in FOLDED)
        + ".",
        "Successfully completed means discharge reason "
        + ", ".join(str(code) for code in rules.discharge[COMPLETED])
        + ".",
        CLUSTERED,
    )
    frame = pd.concat(parts, ignore_index=True)
    made = pathways.populations
    cells = list(
        zip(frame["measured"], frame["split"], frame["requirement"], frame["outcome"], strict=True)
    )
    populations = {
        "engaged": [
            made.case(name, ENGAGED, *([ORDER.of(YES)] if measured == AT_ORDER_END else []))
            for measured, _, name, _ in cells
        ],
        "counted": [
            made.case(name, _condition(made, measured, split, outcome))
            for measured, split, name, outcome in cells
        ],
    }
    return make(
        "outcomes", "Outcomes of the first treatment journey", frame, columns, notes,
        populations=populations, headline=True,
    )  # fmt: skip


def _condition(made: Populations, measured: str, split: str, outcome: str) -> Condition:
    if measured == AT_ORDER_END:
        return BY_ORDER_END.of(outcome)
    return made.fold(outcome) if split == FOLD else PATHWAY.of(outcome)


def representation(pathways: Pathways) -> Table:
    """Who came back within ``representation_days`` of a successful completion."""
    days = pathways.settings.definitions.representation_days
    cases = pathways.cases[pathways.cases["exit"] == COMPLETED]
    cases = cases[cases["exit_day"] + days <= pathways.end]
    journeys = pathways.journeys
    person = cases["person"].to_numpy(dtype=np.int64)
    again = journeys.next(person, cases["exit_day"].to_numpy() + 1)
    start = journeys.pick(journeys.start, again, np.inf)
    rows = with_all(
        cases[["person", "requirement"]].assign(back=start <= cases["exit_day"].to_numpy() + days)
    )
    by = {"requirement": kinds(pathways)}
    names = ("returned", "completed", "share")
    frame = share_rows(rows, by, "back", names, pathways.settings.confidence)
    columns = {
        "requirement": label(REQUIREMENT),
        "completed": count(f"First journeys completed and observed for {days} days after"),
        "returned": count(f"Of these, a new journey began within {days} days"),
        **share("share", "Share that came back", "returned", "completed"),
    }
    title = "Return to treatment after successful completion"
    made = pathways.populations
    populations = {
        "completed": [made.case(name, RETURN_SEEN.of(YES)) for name in frame["requirement"]],
        "returned": [made.case(name, RETURNED.of(YES)) for name in frame["requirement"]],
    }
    return make("representation", title, frame, columns, (CLUSTERED,), populations=populations)


def chain(pathways: Pathways) -> Table:
    """The whole chain: sentenced, engaged, completed; and one in how many."""
    cases = with_all(pathways.cases.assign(sentenced=True))
    cases["completed"] = cases["exit"] == COMPLETED
    cases["in_treatment_or_completed"] = cases["exit"].isin([COMPLETED, OPEN])
    stages = {
        "sentenced": "sentenced",
        "engaged": "engaged",
        "completed or still in treatment": "in_treatment_or_completed",
        "completed": "completed",
    }
    by = {"requirement": kinds(pathways)}
    parts = []
    for stage, flag in stages.items():
        names = ("counted", "sentenced", "share")
        part = share_rows(cases, by, flag, names, pathways.settings.confidence)
        parts.append(part.assign(stage=stage))
    frame = pd.concat(parts, ignore_index=True)
    frame["one_in"] = 100 / frame["share"].where(frame["share"] > 0)
    for end, other in (("low", "high"), ("high", "low")):
        frame[f"one_in_{end}"] = 100 / frame[f"share_{other}"].where(frame[f"share_{other}"] > 0)
    columns = {
        "requirement": label(REQUIREMENT),
        "stage": label("Stage of the pathway; each is a part of the one before"),
        "sentenced": count("Requirements in the analysis"),
        "counted": count("Of these, that reached the stage"),
        **share("share", "Share that reached the stage", "counted", "sentenced"),
        **estimate("one_in", "One in how many", "counted"),
    }
    title = "From sentence to successful completion"
    made = pathways.populations
    reached: dict[str, tuple[Condition, ...]] = {
        "sentenced": (),
        "engaged": (ENGAGED,),
        "completed or still in treatment": (PATHWAY.of(COMPLETED, OPEN),),
        "completed": (PATHWAY.of(COMPLETED),),
    }
    cells = list(zip(frame["requirement"], frame["stage"], strict=True))
    populations = {
        "sentenced": [made.case(name) for name, _ in cells],
        "counted": [made.case(name, *reached[stage]) for name, stage in cells],
    }
    return make(
        "chain", title, frame, columns, (CLUSTERED,), {"stage": False},
        populations=populations, headline=True,
    )  # fmt: skip


def _at_order_end(cases: pd.DataFrame) -> np.ndarray:
    order_end = cases["sentence_date"] + cases["order_days"]
    return np.select(
        [cases["entry"] > cases["order_days"], cases["exit_day"] <= order_end],
        [NOT_STARTED, cases["exit"].to_numpy(dtype=object)],
        default=OPEN,
    )


def _split(
    pathways: Pathways, cases: pd.DataFrame, measured: str, split: str, names: tuple[str, ...]
) -> pd.DataFrame:
    rows = with_all(cases[["person", "requirement", "exit"]])
    by = {"requirement": kinds(pathways)}
    parts = []
    for name in names:
        flagged = rows.assign(flag=rows["exit"] == name)
        columns = ("counted", "engaged", "share")
        part = share_rows(flagged, by, "flag", columns, pathways.settings.confidence)
        parts.append(part.assign(outcome=name))
    return pd.concat(parts, ignore_index=True).assign(measured=measured, split=split)


def _members(fold: dict[str, str], name: str) -> list[str]:
    return [outcome for outcome in OUTCOMES if fold[outcome] == name]
