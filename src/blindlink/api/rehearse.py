"""What a study would be like for one owner, tried where its extract lies, before anybody signs.

Encoded under a key that is thrown away: the owner's own attacks, how near strangers come to a
partner who lacks a field (a join of the file with itself), and which labels have people enough to
be published. Nothing is written, and nothing here is for anybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blindlink.arrays import Bytes, Floats, Int64s
from blindlink.frames import texts
from blindlink.keys import LinkageKey
from blindlink.linker.join import engines
from blindlink.owner.encoding.columns import names_read
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk.run import QUICK_GRAPH_ROWS, assess
from blindlink.owner.tables.generalise import ENTITY, generalised
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema, parse_schema

if TYPE_CHECKING:
    from blindlink.messages.agreement.terms import Agreement

ROWS, PROBES, LABELS = 20_000, 300, 100
FLOOR = 0.01  # below it a stranger is nobody's rival
LINKED = 0.5  # assumed share of the linked, where the agreement says none
SEED = 1


@dataclass(frozen=True)
class Nearness:
    """Scores of the nearest stranger: median and 99th percentile; ``beaten``: share of people for
    whom a partner without this field scores no more than that stranger."""

    probes: int
    median: float
    high: float
    beaten: Mapping[str, float]


@dataclass(frozen=True)
class Cells:
    """Rows of a label column: its labels, those with fewer linked rows than ``threshold``."""

    column: str
    labels: int
    below: int
    smallest: int


@dataclass(frozen=True)
class Rehearsal:
    """``light``, ``worst``: of the disclosure-risk report; ``linked``: the assumed share."""

    rows: int
    light: str
    worst: str
    nearness: Nearness
    cells: tuple[Cells, ...]
    threshold: int
    linked: float

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rows": self.rows,
            "risk": self.light,
            "worst": self.worst,
            "stranger_median": round(self.nearness.median, 3),
            "stranger_99": round(self.nearness.high, 3),
            "beaten": {name: round(share, 4) for name, share in self.nearness.beaten.items()},
            "labels": {
                each.column: {"labels": each.labels, "below": each.below, "smallest": each.smallest}
                for each in self.cells
            },
        }

    def text(self) -> str:
        """For a terminal."""
        near = self.nearness
        lines = [
            f"disclosure risk: {self.light}{f' ({self.worst})' if self.worst else ''}, "
            f"measured on {self.rows:,} rows",
            f"separability, of {near.probes:,} people: the nearest stranger scores "
            f"{near.median:.2f} (median), {near.high:.2f} (99 %)",
        ]
        lines += [
            f"  a partner without {name}: a stranger scores as much for {100 * share:.1f} %"
            for name, share in near.beaten.items()
        ]
        lines.append(
            f"publishable from {self.threshold} rows on, if {100 * self.linked:.0f} % were linked "
            "(assumed):"
        )
        lines += [
            f"  {each.column}: {each.labels} labels, the smallest about {each.smallest:,} rows"
            + (f"; {each.below} would be withheld" if each.below else "")
            for each in self.cells
        ]
        return "\n".join(lines)


def rehearse(
    identities: pa.Table,
    tables: Mapping[str, pa.Table],
    terms: "Agreement",
    owner: str,
    progress: Progress = silent,
) -> Rehearsal:
    """Try an extract that ``owner.check`` found nothing wrong with.

    At most ``ROWS`` rows, chosen at random, are encoded. Raises SchemaError, InputError.
    """
    schema, draw = parse_schema(terms.schema_document), np.random.default_rng(SEED)
    if len(identities) > ROWS:
        identities = identities.take(np.sort(draw.permutation(len(identities))[:ROWS]))
    names = [name for name in (ENTITY, *names_read(schema)) if name in identities.column_names]
    people, key = identities.select(names), LinkageKey.generate()
    encodings = encode(people, schema, key, tolerate=_counted)
    report = assess(people, encodings, schema, graph_rows=QUICK_GRAPH_ROWS, progress=progress)
    worst = [metric.name for metric in report.metrics if metric.light == report.light]
    probes = np.sort(draw.permutation(len(people))[:PROBES])
    threshold = int(terms.disclosure_policy.get("threshold", 5))
    linked = float(terms.limits.released.get(owner, LINKED))
    return Rehearsal(
        rows=len(people),
        light=report.light,
        worst=worst[0] if worst and report.light in ("amber", "red") else "",
        nearness=_nearness(people, encodings.filters[0], probes, schema, key),
        cells=tuple(_cells(tables, terms.payload[owner], threshold, linked)),
        threshold=threshold,
        linked=linked,
    )


def _counted(_: Mapping[str, int]) -> None:
    """What cannot be read stands in the check before."""


def _nearness(
    people: pa.Table, filters: Bytes, probes: Int64s, schema: LinkageSchema, key: LinkageKey
) -> Nearness:
    entity = np.array(texts(people, ENTITY))
    engine = engines.load(engines.choose(len(probes), len(filters), 8 * filters.shape[1])[0])
    pairs = engine.pairs(filters[probes], filters, FLOOR)
    stranger = np.zeros(len(probes))
    others = entity[probes[pairs.left]] != entity[pairs.right]
    np.maximum.at(stranger, pairs.left[others], pairs.score[others])
    beaten = {}
    for name in people.column_names:
        if name == ENTITY:
            continue
        blank = people.take(probes)
        nothing = pa.nulls(len(probes), pa.string())
        blank = blank.set_column(blank.column_names.index(name), name, nothing)
        without = encode(blank, schema, key, tolerate=_counted).filters[0]
        beaten[name] = float(np.mean(stranger >= _dice(filters[probes], without)))
    return Nearness(
        len(probes), float(np.median(stranger)), float(np.quantile(stranger, 0.99)), beaten
    )


def _dice(left: Bytes, right: Bytes) -> Floats:
    """Row by row; 0 where both are empty."""
    shared, each = (np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in
                    (left & right, np.concatenate([left, right], axis=1)))  # fmt: skip
    return np.asarray(2 * shared / np.maximum(each, 1))


def _cells(
    tables: Mapping[str, pa.Table], payload: Mapping[str, Any], threshold: int, linked: float
) -> list[Cells]:
    found = []
    for name, rules in payload.items():
        table = generalised(tables[name], rules, name)
        for column in table.column_names:
            counts = pc.value_counts(table.column(column).drop_null()).field("counts").to_numpy()
            if not 1 < len(counts) <= LABELS or column.endswith("_id"):
                continue
            likely = counts * linked
            below = int((likely < threshold).sum())
            found.append(Cells(f"{name}.{column}", len(counts), below, int(likely.min())))
    return found
