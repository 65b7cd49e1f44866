"""The tokens that a schema makes of a table, as numbers: what the filters are filled with.

Nothing is hashed: tokens are compared by what they are made of, so counts are exact.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.encoding.columns import Coded, derive, mapped, read
from blindlink.owner.encoding.plan import CompositePlan, FeaturePlan, FilterPlan, compile_schema
from blindlink.owner.encoding.problems import Problems
from blindlink.schema.comparators import Comparison
from blindlink.schema.document import LinkageSchema


@dataclass(frozen=True)
class Tokens:
    """The tokens of one composite or feature: entry i says that row ``rows[i]`` holds the token
    number ``codes[i]`` of ``distinct``. No pair of row and token stands twice.

    ``filter`` counts from 0; ``bits`` is how many bits an entry sets; ``hidden`` says that a
    diffusion follows, so that no bit that leaves the owner is of one token.
    """

    filter: int
    name: str
    rows: Int64s
    codes: Int64s
    distinct: int
    bits: Float32s
    hidden: bool

    def holders(self) -> Int64s:
        """The rows that hold each token, (distinct,)."""
        return np.bincount(self.codes, minlength=self.distinct)


def tokens_of(table: pa.Table, schema: LinkageSchema) -> Iterator[Tokens]:
    """The tokens of every feature and composite of every filter. Unreadable cells are missing.

    Raises SchemaError, or InputError for a column that the table lacks.
    """
    columns = derive(table, schema, Problems())
    for plan in compile_schema(schema):
        for feature in plan.features:
            yield _feature(plan, feature, table, columns)
        for composite in plan.composites:
            yield _composite(plan, composite, columns)


def combined(columns: Sequence[Coded]) -> tuple[Int64s, Int64s, int]:
    """Rows where no column is missing, and the number of their combination of values."""
    there = np.ones(len(columns[0].codes), bool)
    for column in columns:
        blank = np.array([not value for value in column.values], bool)
        there &= ~blank[column.codes]
    rows = np.flatnonzero(there)
    codes, distinct = np.zeros(len(rows), np.int64), 1
    for column in columns:
        codes, distinct = numbered(codes * len(column.values) + column.codes[rows])
    return rows, codes, distinct


def numbered(keys: Int64s) -> tuple[Int64s, int]:
    """The keys as numbers from 0, in order of appearance, and how many there are."""
    coded = pa.array(keys).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), len(coded.dictionary)


def _feature(
    plan: FilterPlan,
    feature: FeaturePlan,
    table: pa.Table,
    columns: Mapping[str, Coded],
) -> Tokens:
    name = feature.column
    source = columns[name] if name in columns else read(table, name)
    cells = mapped(source, feature.read, name, Problems())
    return _cut(plan, name, feature, cells, None)


def _composite(plan: FilterPlan, composite: CompositePlan, columns: Mapping[str, Coded]) -> Tokens:
    parts = [columns[name] for name in composite.fields]
    name = " + ".join(composite.fields)
    if composite.comparison.whole:
        rows, codes, distinct = combined(parts)
        bits = np.full(len(rows), composite.strategy.bits(1)[0], np.float32)
        return Tokens(plan.number - 1, name, rows, codes, distinct, bits, _hidden(plan))
    salts = combined(parts[1:]) if len(parts) > 1 else None
    return _cut(plan, name, composite, parts[0], salts)


def _cut(
    plan: FilterPlan,
    name: str,
    part: CompositePlan | FeaturePlan,
    column: Coded,
    salts: tuple[Int64s, Int64s, int] | None,
) -> Tokens:
    """Cut the values of a column into tokens and join to each what stands in the other columns."""
    starts, counts, flat = _pieces(part.comparison, column.values)
    everyone = np.arange(len(column.codes))
    rows, salt, kinds = salts or (everyone, np.zeros(len(everyone), np.int64), 1)
    values = column.codes[rows]
    held = counts[values]
    entry = np.repeat(np.arange(len(rows)), held)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(held) - held, held)
    codes, distinct = numbered(flat[starts[values[entry]] + within] * kinds + salt[entry])
    sizes = {int(count): np.mean(part.strategy.bits(int(count)) or [0]) for count in set(counts)}
    bits = np.array([sizes[count] for count in counts.tolist()], np.float32)[values]
    return Tokens(plan.number - 1, name, rows[entry], codes, distinct, bits[entry], _hidden(plan))


def _pieces(comparison: Comparison, values: list[str]) -> tuple[Int64s, Int64s, Int64s]:
    """The different tokens of each value, one value after the other: starts, counts, numbers."""
    seen: dict[str, int] = {}
    found = [
        sorted({seen.setdefault(token, len(seen)) for token in _tokens(comparison, value)})
        for value in values
    ]
    counts = np.array([len(each) for each in found], np.int64)
    flat = np.array([number for each in found for number in each], np.int64)
    return np.cumsum(counts) - counts, counts, flat


def _tokens(comparison: Comparison, value: str) -> list[str]:
    try:
        return comparison.tokens(value) if value else []
    except ValueError:
        return []


def _hidden(plan: FilterPlan) -> bool:
    return any(each.spread > 1 for each in plan.hardening)
