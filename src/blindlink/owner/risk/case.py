"""What all metrics measure: a file of encodings, the identities behind it, and their schema."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bools, Int64s
from blindlink.errors import InputError
from blindlink.messages.encodings import Encodings
from blindlink.owner.risk.attributes import attributes, known_codes, lacking
from blindlink.owner.risk.census import Census
from blindlink.owner.risk.views import numbered_rows
from blindlink.schema.document import LinkageSchema

SAMPLE = 6000


@dataclass(frozen=True, eq=False)
class Case:
    """One row for each entity of a file of ``size`` people, or a random choice of them.

    ``table`` and ``encodings`` are parallel. ``graph_rows``: rows of the graph attack. ``people``:
    size of the file at whose density it is played, by default this file's.
    """

    table: pa.Table
    encodings: Encodings
    schema: LinkageSchema | None
    size: int
    people: int
    graph_rows: int
    seed: int

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose: metrics do not disturb each other."""
        return np.random.Generator(np.random.PCG64([self.seed, *purpose.encode()]))

    @cached_property
    def sample(self) -> Int64s:
        """The rows that are attacked."""
        return self.rng("sample").permutation(len(self.table))[:SAMPLE]

    @cached_property
    def same(self) -> Int64s:
        """A number for each row, equal where all filters are; -1 where no bit is set."""
        return numbered_rows(self.encodings.filters)

    @cached_property
    def truth(self) -> dict[str, Int64s]:
        """What attackers guess: codes of every row by attribute, -1 where it is missing."""
        found = attributes(self.table, self.schema)
        return {name: known_codes(column) for name, column in found.items()}

    @cached_property
    def missing(self) -> dict[str, Bools]:
        """Which rows lack each field that is encoded, by its name; of no schema, each attribute."""
        if self.schema is None:
            return {name: codes < 0 for name, codes in self.truth.items()}
        return lacking(self.table, self.schema)

    @cached_property
    def census(self) -> Census | None:
        """The tokens of the table counted; None without a schema."""
        if self.schema is None:
            return None
        return Census(self.table, self.schema)


def case_of(
    table: pa.Table,
    encodings: Encodings,
    schema: LinkageSchema | None,
    *,
    graph_rows: int,
    most: int,
    people: int | None,
    seed: int,
) -> Case:
    """Check that the table is what was encoded, keep a row of each entity, ``most`` at most.

    Raises InputError.
    """
    if len(table) != len(encodings):
        raise InputError(
            f"{len(table)} rows of data but {len(encodings)} encodings",
            hint="give the table that was encoded",
        )
    if schema is not None and encodings.schema_fingerprint not in ("", schema.fingerprint()):
        raise InputError(
            "the schema is not the one that the encodings were made with",
            hint="give the schema of 'blindlink clk encode --schema'",
        )
    rows = np.arange(len(table))
    if encodings.entity is not None:
        rows = np.sort(np.unique(encodings.entity.astype(str), return_index=True)[1])
    if len(rows) < 2:
        raise InputError("too few people for a risk report")
    size = len(rows)
    if size > most:
        rng = np.random.Generator(np.random.PCG64(seed))
        rows = np.sort(rng.choice(rows, most, replace=False))
    if len(rows) < len(table):
        table, encodings = table.take(rows), taken(encodings, rows)
    return Case(table, encodings, schema, size, people or size, graph_rows, seed)


def taken(encodings: Encodings, rows: Int64s) -> Encodings:
    """These rows of the encodings."""
    return replace(
        encodings,
        filters=tuple(each[rows] for each in encodings.filters),
        row=encodings.row[rows],
        entity=None if encodings.entity is None else encodings.entity[rows],
        match_keys=tuple(each[rows] for each in encodings.match_keys),
    )
