"""How much encodings disclose, and how good links are where the truth is known."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blindlink.api.encoding import Encodings
from blindlink.api.extras import needs
from blindlink.api.linking import check_encodings, framed
from blindlink.api.schema import Schema, StrPath
from blindlink.api.tables import Columns, Tabular, arrow, column, kind_of
from blindlink.errors import InputError
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from blindlink.linker.model.evaluate import Evaluation as Figures
    from blindlink.linker.model.evaluate import Figure
    from blindlink.owner.risk.report import Light, Metric, RiskReport


class Risk(Tabular):
    """The disclosure-risk report of encodings; a notebook shows it as a page.

    ``light``: green, amber or red, the worst of all ``metrics``. A row of its table is a metric:
    ``family``, ``part``, ``value``, ``light``, ``text``.
    """

    def __init__(self, report: "RiskReport", kind: str = "arrow") -> None:
        self.report, self._kind = report, kind

    @property
    def light(self) -> "Light":
        """The worst light of all metrics."""
        return self.report.light

    @property
    def metrics(self) -> "tuple[Metric, ...]":
        """Every measure and attack, on every filter and attribute."""
        return self.report.metrics

    def save(self, path: StrPath, *, force: bool = False) -> None:
        """Write it as an HTML page. Raises OutputError."""
        from blindlink.files import write_text

        write_text(Path(path), self._page(), force=force)

    def to_arrow(self) -> "pa.Table":
        """The metrics as a pyarrow table."""
        import pyarrow

        names = ("family", "part", "value", "light", "text")
        return pyarrow.table({name: [getattr(m, name) for m in self.metrics] for name in names})

    def _page(self) -> str:
        from blindlink.owner.risk.page import page

        return page(self.report)

    def __str__(self) -> str:
        return self.report.text()

    def __repr__(self) -> str:
        head = self.report.text().partition("\n")[0]
        return f"<Risk {head}, {len(self.metrics)} metrics>"

    def _repr_html_(self) -> str:
        return framed(self._page())


@needs("owner")
def assess(
    table: Any,
    encodings: Encodings,
    schema: Schema | None = None,
    *,
    columns: Columns | None = None,
    people: int | None = None,
    graph_rows: int = 3000,
    seed: int = 1,
    progress: Progress = silent,
) -> Risk:
    """Attack one's own encodings and report what they disclose. The owner's call: it has the table.

    ``table``: what was encoded, row by row; ``columns`` as in ``encode``. ``people``: judge at the
    density of a file of so many people, by default of this one. ``graph_rows``: people in the
    graph-matching attack, whose time grows with their cube. The same input and seed give the same
    report. Raises InputError where table, encodings and schema do not belong together.
    """
    from blindlink.owner.risk.run import assess as attack

    check_encodings(encodings, "encodings")
    found = arrow(table, "the table", columns)
    if len(encodings) and int(encodings.records.row.max()) >= len(found):
        raise InputError(f"the table has {len(found):,} rows, fewer than were encoded")
    known = schema.linkage_schema if schema is not None else None
    report = attack(
        found.take(encodings.records.row),
        encodings.records,
        known,
        graph_rows=graph_rows,
        people=people,
        seed=seed,
        progress=progress,
    )
    return Risk(report, kind_of(table))


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Links against the truth: precision, recall and F1, with 95 % Wilson intervals.

    ``links``, ``true_pairs``, ``true_links``: numbers of pairs. A figure has ``value``, ``low`` and
    ``high``, all None where there is nothing to divide by.
    """

    links: int
    true_pairs: int
    true_links: int
    precision: "Figure"
    recall: "Figure"
    f1: "Figure"

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {_shown(getattr(self, name))}" for name in _FIGURES)
        return f"<Evaluation {self.links:,} links, {self.true_pairs:,} true pairs: {figures}>"


_FIGURES = ("precision", "recall", "f1")


@needs("linker")
def evaluate(links: Any, left: Any, right: Any, key: str | tuple[str, str]) -> Evaluation:
    """Compare links with the truth that research data have; nobody has it in a study.

    ``links``: what ``link`` gave, or a table with the columns ``left`` and ``right`` (rows from 0).
    ``left``, ``right``: the tables that were encoded. ``key``: the column that says who is who, the
    same in both, or one name for each. True pairs are all left and right rows with the same key
    that is not empty. Raises InputError for a row that does not exist, a link that stands twice, or
    a column that is not there.
    """
    from blindlink.frames import texts
    from blindlink.linker.model.evaluate import evaluate as compare

    names = (key, key) if isinstance(key, str) else key
    sides = [
        texts(_only(arrow(side, what), name, what), name)
        for side, what, name in zip((left, right), ("left", "right"), names, strict=True)
    ]
    pairs = links.to_arrow() if isinstance(links, Tabular) else arrow(links, "links")
    rows = [texts(_only(pairs, side, "links"), side) for side in ("left", "right")]
    found: Figures = compare(*rows, *sides)
    return Evaluation(
        found.links, found.true_pairs, found.true_links, found.precision, found.recall, found.f1
    )


def _only(table: "pa.Table", name: str, what: str) -> "pa.Table":
    column(table, name, what)
    return table.select([name])


def _shown(figure: "Figure") -> str:
    if figure.value is None:
        return "not defined"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
