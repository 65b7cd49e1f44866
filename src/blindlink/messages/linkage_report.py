"""The linkage report: what the linker says about the quality of its links. Aggregates only.

It crosses from linker to analyst inside the release, and holds nothing about any single record: no
row, no entity, no pair. Every expected figure follows from the score model alone, without truth; a
figure that the model cannot support is absent, never guessed.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blindlink import validation
from blindlink.errors import FormatError

VERSION: Final = "blindlink-linkage-report-1"

ThresholdMethod = Literal["auto", "fixed", "fallback"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(_Part):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Counts(_Part):
    """Numbers of records, entities and pairs. ``conflicts`` are accepted pairs that lost to a rival
    under the cardinality rule."""

    left_rows: int
    right_rows: int
    left_entities: int
    right_entities: int
    left_comparable: int
    right_comparable: int
    pairs_compared: int
    candidates: int
    accepted: int
    conflicts: int
    links: int


class CurvePoint(_Part):
    """What another threshold would give: links after the cardinality rule, and expected quality."""

    threshold: float
    links: int
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    false_link_rate: float | None = None


class Bin(_Part):
    """One bin of the scores of all pairs between the files, ``low`` <= score < ``high``.

    ``observed`` counts pairs; the fitted components say how many of them the model expects to be
    matches and how many to be non-matches. The last bin includes the score 1.
    """

    low: float
    high: float
    observed: int
    matches: float | None = None
    non_matches: float | None = None


class MethodRow(_Part):
    """What one method contributes. ``used`` says whether the plan lets it make links.

    ``accepted``: entity pairs it accepts; ``links``: those among the final links; ``alone``: pairs
    that no stricter method, before it in this table, accepts; ``expected_correct`` and
    ``alone_correct``: share of ``accepted`` and of ``alone`` that the model holds to be right.
    """

    method: str
    used: bool
    accepted: int
    links: int
    alone: int
    expected_correct: float | None = None
    alone_correct: float | None = None


class Level(_Part):
    """An agreement level of one filter: scores from ``low``, m and u, and the weight log2(m/u)."""

    filter: int
    low: float
    high: float
    m: float
    u: float
    weight: float


class Pattern(_Part):
    """A pattern of agreement that many candidates share: the level of each filter, from 1.

    ``weight``: the sum of its weights; ``probability``: the mean match probability of its pairs.
    """

    levels: tuple[int, ...]
    pairs: int
    weight: float
    probability: float


class LinkageReport(_Part):
    """The quality of one linkage, as far as it can be known without truth.

    ``precision``: share of the links that are right. ``recall``: share of the true pairs between
    comparable records that were found. ``sensitivity`` is the same figure under the name that the
    analysis of linkage error uses: it is blind to true pairs whose identifiers are not comparable
    (movers, default dates, no consent). ``false_link_rate``: probability that a left entity without
    a true partner among the comparable records is linked to a non-match. ``curve``: by score, or by
    match probability where the plan's first method is the probabilistic one. ``histogram``: of the
    scores; with several filters, of their match weights (log2).
    """

    version: Literal["blindlink-linkage-report-1"] = VERSION
    threshold: float
    threshold_method: ThresholdMethod
    target: str
    cardinality: str
    methods_used: tuple[str, ...]
    separated: bool
    counts: Counts
    precision: Estimate | None = None
    recall: Estimate | None = None
    f1: Estimate | None = None
    false_link_rate: Estimate | None = None
    sensitivity: Estimate | None = None
    expected_matches: Estimate | None = None
    curve: tuple[CurvePoint, ...] = ()
    histogram: tuple[Bin, ...] = ()
    methods: tuple[MethodRow, ...] = ()
    levels: tuple[Level, ...] = ()
    patterns: tuple[Pattern, ...] = Field(default=(), exclude_if=lambda patterns: not patterns)
    model: dict[str, float] = {}
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """The report as UTF-8 JSON, the same bytes for the same report."""
        return self.model_dump_json(indent=1).encode()


def parse_report(data: bytes) -> LinkageReport:
    """A report from its JSON, strictly read. Raises FormatError naming the field."""
    try:
        return LinkageReport.model_validate_json(data)
    except ValidationError as error:
        raise FormatError(f"linkage report, {validation.first(error)}") from None
