"""Link two sets of encodings: the linker's call. It needs neither tables nor key."""

import re
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from blindlink.api.encoding import Encodings
from blindlink.api.extras import needs
from blindlink.api.schema import StrPath
from blindlink.api.tables import Tabular
from blindlink.errors import FormatError, InputError
from blindlink.messages.linkage_report import Estimate, LinkageReport
from blindlink.messages.plan import Assignment, Cardinality, Method, parse_plan
from blindlink.messages.plan import Plan as AgreedPlan
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from blindlink.linker.model.link import Candidates, Linkage

Fraction = float | str


class PlanOptions(TypedDict, total=False):
    """The fields of a plan; numbers may be floats here."""

    threshold: Fraction | Literal["auto"]
    fallback_threshold: Fraction | None
    target: str
    cardinality: Cardinality
    methods: Sequence[Method]
    assignment: Assignment
    levels: Sequence[Sequence[Fraction]]
    collapse_duplicates: bool
    candidate_floor: Fraction
    engine: str


class Plan(AgreedPlan):
    """How pairs are scored and which become links; what an agreement states under ``plan``.

    ``threshold``: the least score of a link, or ``auto``: chosen from the scores alone, aiming at
    ``target``: ``f1``, ``precision:x`` or ``false_link_rate:x``. ``fallback_threshold`` is for
    scores that do not separate. ``cardinality``: ``one-to-one``, ``one-to-many`` or
    ``many-to-many``. ``methods``: ``deterministic`` (equal match keys), ``clk`` (the score),
    ``probabilistic`` (the match probability, from all filters). ``assignment``: ``greedy`` or
    ``optimal``. ``levels``: where agreement levels begin, for each filter.
    ``collapse_duplicates``: equal encodings of one file are one entity. ``candidate_floor``: the
    least probability of a candidate. Raises InputError naming the field.
    """

    def __init__(self, **options: Unpack[PlanOptions]) -> None:
        plain = {name: _plain(value) for name, value in options.items()}
        try:
            made = parse_plan(plain)
        except FormatError as error:
            raise InputError(error.message, hint="see help(bl.Plan)") from None
        super().__init__(**{name: getattr(made, name) for name in made.model_fields_set})


class Report(LinkageReport):
    """The quality of a linkage, as far as it can be known without truth.

    ``precision``, ``recall``, ``f1``, ``false_link_rate``: estimates with 95 % intervals, None
    where no model supports them; ``threshold``, ``counts``, ``curve`` (what other thresholds would
    give), ``warnings``. A notebook shows it as a page.
    """

    def save(self, path: StrPath, *, force: bool = False) -> None:
        """Write it as a page where the name ends in .html, else as JSON. Raises OutputError."""
        with needs("linker"):
            from blindlink.linker.files import write_report

        write_report(self, Path(path), inputs=(), force=force)

    def text(self) -> str:
        """A few lines for people."""
        counts = self.counts
        lines = [
            f"{counts.links:,} links of {counts.left_entities:,} and {counts.right_entities:,} "
            "entities",
            f"threshold {self.threshold:.4f} ({self.threshold_method}), {self.cardinality}",
        ]
        for name in ("precision", "recall", "f1"):
            estimate: Estimate | None = getattr(self, name)
            if estimate is not None:
                lines.append(
                    f"expected {name:<9} {estimate.value:.4f}  "
                    f"({estimate.low:.4f} to {estimate.high:.4f})"
                )
        return "\n".join([*lines, *(f"warning: {line}" for line in self.warnings)])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Report {'; '.join(self.text().splitlines())}>"

    @needs("linker")
    def _repr_html_(self) -> str:
        from blindlink.pages.linkage.page import page

        return framed(page(self))


class Links(Tabular):
    """The links of two sets of encodings, best first; ``len(links)`` of them.

    A row of its table: ``left`` and ``right`` (rows, from 0), ``left_id`` and ``right_id`` where
    the record ids are known, ``score``, ``probability`` (of being one person; missing without a
    model), ``method``. ``report`` says how good they are expected to be.
    """

    def __init__(
        self, linkage: "Linkage", left: Encodings, right: Encodings, *, candidates: bool = False
    ) -> None:
        self._linkage, self._sides, self._kind = linkage, (left, right), left._kind
        self._rows: Candidates = linkage.candidates if candidates else linkage.links
        self._named = "candidates" if candidates else "links"
        self.report = Report.model_validate(linkage.report.model_dump())

    @property
    def candidates(self) -> "Links":
        """Every pair that a method accepts or whose probability reaches the plan's floor."""
        return Links(self._linkage, *self._sides, candidates=True)

    def with_ids(self, left: Any = None, right: Any = None) -> "Links":
        """The same links with the record ids of one side or of both: any column or sequence."""
        sides = [
            side if ids is None else side.with_ids(ids)
            for side, ids in zip(self._sides, (left, right), strict=True)
        ]
        return Links(self._linkage, *sides, candidates=self._named == "candidates")

    def to_arrow(self) -> "pa.Table":
        """The links as a pyarrow table, in the order that ``blindlink clk link`` writes."""
        import numpy
        import pyarrow

        rows, (left, right) = self._rows, self._sides
        a, b = left.records.row[rows.left_row], right.records.row[rows.right_row]
        order = numpy.lexsort((b, a, -rows.score))
        columns = {"left": pyarrow.array(a[order]), "right": pyarrow.array(b[order])}
        for name, side, index in (("left_id", left, "left_row"), ("right_id", right, "right_row")):
            if side.ids is not None:
                columns[name] = side.ids.take(getattr(rows, index)[order])
        chance = rows.probability[order]
        columns["score"] = pyarrow.array(rows.score[order])
        columns["probability"] = pyarrow.array(chance, mask=numpy.isnan(chance))
        columns["method"] = pyarrow.array(rows.method[order].tolist(), pyarrow.string())
        return pyarrow.table(columns)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        lines = self.report.text().splitlines()
        if self._named == "candidates":
            return f"<Candidates {len(self):,} pairs; {lines[1]}>"
        return f"<Links {'; '.join(lines)}>"


@needs("linker")
def link(
    left: Encodings,
    right: Encodings,
    plan: AgreedPlan | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    **options: Unpack[PlanOptions],
) -> Links:
    """Link two sets of encodings, by a plan or by its fields: ``link(a, b, threshold=0.8)``.

    ``seed`` draws the samples behind the expected quality; the same input gives the same links.

    Raises InputError for what is no encodings and for an option without sense, SchemaError or
    KeyFileError where the two do not belong together, SeparationError where the threshold is
    ``auto``, cannot be chosen and has no fallback.
    """
    from blindlink.linker.model.link import link as link_records

    for name, side in (("left", left), ("right", right)):
        check_encodings(side, name)
    if plan is not None and options:
        raise InputError("give a plan, or its fields, not both")
    chosen = plan if plan is not None else Plan(**options)
    linkage = link_records(left.records, right.records, chosen, seed=seed, progress=progress)
    return Links(linkage, left, right)


def check_encodings(side: Any, name: str) -> None:
    """Raises InputError where an argument is a table, or anything else, and not encodings."""
    if not isinstance(side, Encodings):
        raise InputError(
            f"{name} is a {type(side).__name__}, not encodings",
            hint="encode it first: bl.encode(table, schema, key), or bl.Encodings.load(path)",
        )


def framed(page: str) -> str:
    """A whole page inside a notebook's cell, its style apart from the notebook's and no script run.

    Without its scripts, a megabyte, the page shows what it has for readers without them.
    """
    still = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL | re.IGNORECASE)
    return (
        f'<iframe srcdoc="{escape(still, quote=True)}" title="report" sandbox="" '
        'style="width:100%;height:36rem;border:1px solid #ccc"></iframe>'
    )


def _plain(value: Any) -> Any:
    """Numbers as the decimal text that a plan is written in."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
