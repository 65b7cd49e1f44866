"""Scoring the study against its truth: only the demo and the tests ever hold both sides."""

import csv
import io
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from blindlink.analyst.publish.writing import ReportResult
from blindlink.linker.model.evaluate import Evaluation, evaluate
from blindlink.owner.submit import Submitted
from blindlink.synthetic.demo.targets import ANY_RECORD, TARGETS, any_record, true_figures
from blindlink.synthetic.generator.generate import Study

CORRECTED = {"corrected": "", "corrected_low": "_low", "corrected_high": "_high"}
REQUIREMENTS = ("All", "ATR", "DRR")


@dataclass(frozen=True)
class Headline:
    """Engagement of one kind of requirement, in percent; None where the report withholds it.

    ``corrected`` with its 95 % interval, and the ``bounds`` over all linkage error that is held
    possible, are the analyst's; ``true`` is nobody's.
    """

    requirement: str
    requirements: int
    observed: float | None
    corrected: float | None
    interval: tuple[float | None, float | None]
    bounds: tuple[float | None, float | None]
    true: float

    @property
    def covered(self) -> bool:
        """Whether the corrected interval holds the true share."""
        low, high = self.interval
        return low is not None and high is not None and low <= self.true <= high


def linkage_quality(
    matches: pa.Table, left: Submitted, right: Submitted, people: pa.Table
) -> Evaluation:
    """The links against the true pairs that the study's extracts hold; see ``pairs_quality``."""
    truth = people.to_pandas()
    held = truth[truth["in_extract"].astype(int) == 1]
    return pairs_quality(matches, left, right, held.set_index("ohid_entity_id")["moj_entity_id"])


def pairs_quality(
    matches: pa.Table, left: Submitted, right: Submitted, partner: pd.Series
) -> Evaluation:
    """The links as pairs of persons, against the true pairs.

    ``matches``: what stays with the linker; the owners' row maps lead back to their own ids;
    ``partner``: the left owner's id of each of the right one's. Links of control records are left
    out, as in the cohort.
    """
    ids = [_ids(left), _ids(right)]
    pairs = pd.DataFrame(
        {
            "left": matches.column("left_row_id").to_pandas().map(ids[0]),
            "right": matches.column("right_row_id").to_pandas().map(ids[1]),
        }
    ).dropna()
    left_ids = pd.Index(ids[0].dropna().unique())
    right_ids = pd.Index(ids[1].dropna().unique())
    return evaluate(
        left_ids.get_indexer(pd.Index(pairs["left"])).astype(str).tolist(),
        right_ids.get_indexer(pd.Index(pairs["right"])).astype(str).tolist(),
        left_ids.tolist(),
        partner.reindex(right_ids).fillna("").tolist(),
    )


def headline(report: ReportResult, engagement: pa.Table) -> list[Headline]:
    """Observed and corrected engagement as published, beside the true one."""
    truth = engagement.to_pandas()
    return [_headline(report, truth, name) for name in REQUIREMENTS]


def against_publication(report: ReportResult, study: Study) -> str:
    """Every target beside what this study shows, as CSV: observed, corrected, true.

    Empty where the report withholds a figure or there is none. Two standard errors of one study are
    more than the rounding of most targets; docs/reference/study-targets.md has means over seeds.
    """
    truth, events = (study.tables[name].to_pandas() for name in ("truth/engagement", "moj/events"))
    true = true_figures(truth, events, study.parameters)
    true[ANY_RECORD] = any_record(study.tables["truth/people"].to_pandas(), truth)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "measure", "target", "observed", *CORRECTED, "true"])
    for target in TARGETS:
        table = report.table(target.table)
        row = table.row(**target.labels) if table else None
        columns = [target.column, *(target.corrected + end for end in CORRECTED.values())]
        shown = [table.value(row, column) if table else None for column in columns]
        figures = [f"{target.value:g}", *map(_text, shown), _text(true.get(target.true))]
        writer.writerow([target.id, target.name, *figures])
    return buffer.getvalue()


def _text(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"


def _ids(submitted: Submitted) -> pd.Series:
    rows: pd.DataFrame = submitted.rows_of.to_pandas()
    return rows.set_index("row_id")["entity_id"]


def _headline(report: ReportResult, truth: pd.DataFrame, name: str) -> Headline:
    mine = truth if name == "All" else truth[truth["requirement"] == name]
    table = report.table("engagement_corrected")
    row = table.row(requirement=name) if table else None

    def value(column: str) -> float | None:
        return table.value(row, column) if table else None

    return Headline(
        requirement=name,
        requirements=len(mine),
        observed=value("observed"),
        corrected=value("corrected"),
        interval=(value("corrected_low"), value("corrected_high")),
        bounds=(value("bound_low"), value("bound_high")),
        true=100 * float(mine["engaged"].astype(int).mean()),
    )
