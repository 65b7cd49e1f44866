"""What the publication of 30 March 2023 showed, and where a report shows the same.

For the score of a synthetic study and for benchmarks/study_targets.py only: nothing in
``blindlink.analyst`` reads this. Counts that follow from shares are no targets of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from blindlink.synthetic.generator.parameters import KINDS, Parameters

ALL, ANY_RECORD = "All", "any record"
THREE_WEEKS = 21


@dataclass(frozen=True)
class Target:
    """A published figure: shares in percent. ``rounding``: how far it may lie from its last digit.

    ``table``, ``column`` and ``labels`` find the observed figure among the report's tables;
    ``corrected`` names the column of the corrected one, where there is any. ``true`` names the
    figure of ``true_figures``.
    """

    id: str
    name: str
    value: float
    rounding: float
    table: str
    column: str
    labels: Mapping[str, str] = field(default_factory=dict)
    corrected: str = ""
    true: str = ""


def _headline(
    number: str, name: str, value: float, rounding: float, measure: str, requirement: str
) -> Target:
    labels = {"measure": measure, "requirement": requirement}
    true = f"{measure}, {requirement}"
    return Target(
        number, name, value, rounding, "headlines_corrected", "observed", labels, "corrected", true
    )


def _substance(number: str, requirement: str, group: str, value: float) -> Target:
    return _headline(number, f"{requirement} engaged: {group}", value, 0.5, group, requirement)


def _flow(number: str, name: str, value: float, tolerance: float, stage: str) -> Target:
    return Target(number, name, value, tolerance, "flow", "requirements", {"stage": stage})


_EXACT = {"method": "deterministic", "requirement": ALL}
TARGETS = (
    _flow("T01", "records received", 40_000, 1000, "received"),
    _flow("T02", "sentences after cleansing", 38_895, 0, "eligible"),
    Target("T05", "deterministic linkage: any treatment record in the period", 26, 0.5,
           "linkage_methods", "record_share", _EXACT, true=ANY_RECORD),
    Target("T06", "the same, number", 10_000, 200, "linkage_methods", "record", _EXACT),
    _headline("T08", "engaged", 38.9, 0.05, "engaged", ALL),
    _headline("T10", "ATR engaged", 45.9, 0.05, "engaged", "ATR"),
    _headline("T11", "DRR engaged", 33.1, 0.05, "engaged", "DRR"),
    _headline("T12", "ATR in treatment at 3 weeks", 26, 0.5, "in treatment at three weeks", "ATR"),
    _headline("T13", "DRR in treatment at 3 weeks", 20, 0.5, "in treatment at three weeks", "DRR"),
    _substance("T18", "ATR", "alcohol only", 68),
    _substance("T19", "ATR", "non-opiate and alcohol", 24),
    _substance("T20", "ATR", "opiate", 6),
    _substance("T21", "ATR", "non-opiate only", 1),
    _substance("T22", "DRR", "opiate", 68),
    _substance("T23", "DRR", "non-opiate only", 21),
    _substance("T24", "DRR", "non-opiate and alcohol", 10),
    _substance("T25", "DRR", "alcohol only", 1),
    _headline("T26", "dropped out", 37, 0.5, "dropped out", ALL),
    _headline("T27", "successfully completed", 35, 0.5, "completed", ALL),
    _headline("T28", "still in treatment", 27, 0.5, "still in treatment", ALL),
    _headline("T29", "died", 1.4, 0.05, "died", ALL),
)  # fmt: skip
_FOLDED = ("completed", "died", "still in treatment")


def true_figures(
    engagement: pd.DataFrame, requirements: pd.DataFrame, parameters: Parameters
) -> dict[str, float]:
    """The true shares in percent, under the names of ``Target.true``.

    ``engagement``: the study's truth by requirement; ``requirements``: probation's events.
    """
    dates = requirements.drop_duplicates("requirement_id").set_index("requirement_id")
    date = pd.to_datetime(engagement["requirement_id"].map(dates["sentence_date"]))
    followed = (pd.Timestamp(parameters.observation_end) - date).dt.days >= THREE_WEEKS
    found: dict[str, float] = {}
    for kind in (ALL, *KINDS):
        mine = engagement if kind == ALL else engagement[engagement["requirement"] == kind]
        engaged = mine[mine["engaged"] == 1]
        present = mine.loc[followed.reindex(mine.index), "in_treatment_21"]
        folded = engaged["outcome"].where(engaged["outcome"].isin(_FOLDED), "dropped out")
        shares = {
            "engaged": mine["engaged"].mean(),
            "in treatment at three weeks": present.mean(),
            **folded.value_counts(normalize=True).to_dict(),
            **engaged["substance"].value_counts(normalize=True).to_dict(),
        }
        found |= {f"{name}, {kind}": 100 * float(share) for name, share in shares.items()}
    return found


def any_record(people: pd.DataFrame, engagement: pd.DataFrame) -> float:
    """The share in percent of requirements whose person has any treatment record, shared or not.

    ``people``: the truth of who is whom.
    """
    return 100 * float(engagement["entity_id"].isin(people["moj_entity_id"]).mean())
