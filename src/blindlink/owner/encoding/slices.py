"""One slice of a table in, its filters and match keys out: the unit of work of one core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes
from blindlink.errors import InputError
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.owner.encoding import matchkeys, reference
from blindlink.owner.encoding.columns import Coded, Derivation, mapped, needed, read
from blindlink.owner.encoding.features import checked
from blindlink.owner.encoding.filters import FilterEncoder
from blindlink.owner.encoding.memo import BUDGET, Budget
from blindlink.owner.encoding.plan import CompositePlan, FilterPlan, compile_schema
from blindlink.owner.encoding.problems import Problems
from blindlink.schema.document import LinkageSchema, parse_schema

BACKENDS = ("blindlink", "clkhash")
_HARDENED = 1 << 9  # rows hardened at a time: unpacked they take eight times the room


@dataclass(frozen=True, repr=False)
class Job:
    """What it takes to encode any rows. Holds the secret: it goes to workers through a pipe."""

    document: dict[str, Any]
    secret: bytes
    backend: str
    budget: int = BUDGET


@dataclass(frozen=True)
class Part:
    """The encodings of some rows: arrays (rows, bytes) for each filter and each match key."""

    filters: tuple[Bytes, ...]
    match_keys: tuple[Bytes, ...]
    problems: Problems


class SliceEncoder:
    """Encodes slices; keeps what it worked out for values. Threads may share it.

    Raises SchemaError where the schema has no meaning here, InputError for an unknown backend.
    """

    def __init__(self, job: Job, entropy: Entropy = system_entropy) -> None:
        if job.backend not in BACKENDS:
            raise InputError("unknown backend", hint=f"choose one of {', '.join(BACKENDS)}")
        self._schema = parse_schema(job.document)
        self.plans = compile_schema(self._schema)
        self._job, self._entropy = job, entropy
        self._derivation = Derivation(self._schema)
        budget = Budget(job.budget)
        self._filters = [FilterEncoder(plan, job.secret, budget) for plan in self.plans]

    def needed(self, names: list[str]) -> list[str]:
        """The columns of a table that encoding reads. Raises InputError when one is lacking."""
        return columns_read(self._schema, self.plans, names)

    def encode(self, table: pa.Table) -> Part:
        """Encode the rows; a bad cell counts as missing and is noted."""
        problems, columns, cells = self._columns(table)
        filters = []
        for plan, encoder in zip(self.plans, self._filters, strict=True):
            if self._job.backend == "clkhash":
                texts = self._texts(cells, problems)
                packed = reference.encode_filter(plan, texts, columns, self._job.secret, len(table))
            else:
                packed = encoder.encode(cells, columns, len(table), problems)
            filters.append(self._harden(packed, plan))
        return Part(tuple(filters), self._match_keys(columns), problems)

    def check(self, table: pa.Table) -> Part:
        """Only note the bad cells."""
        problems, _, cells = self._columns(table)
        self._texts(cells, problems)
        return Part((), (), problems)

    def _columns(self, table: pa.Table) -> tuple[Problems, dict[str, Coded], dict[int, Coded]]:
        problems = Problems()
        columns = self._derivation.derive(table, problems)
        cells = {
            each.position: columns[each.column]
            if each.column in columns
            else read(table, each.column)
            for each in self.plans[0].features
        }
        for composite in (each for plan in self.plans for each in plan.composites):
            _try(composite, columns, problems)
        return problems, columns, cells

    def _texts(self, cells: Mapping[int, Coded], problems: Problems) -> dict[int, Coded]:
        """The text to encode of each cell, as the reference wants it."""
        return {
            each.position: mapped(cells[each.position], checked(each), each.column, problems)
            for each in self.plans[0].features
        }

    def _match_keys(self, columns: Mapping[str, Coded]) -> tuple[Bytes, ...]:
        extension = self._schema.extension
        if extension is None or not extension.match_keys:
            return ()
        return matchkeys.match_keys(extension.match_keys, columns, LinkageKey(self._job.secret))

    def _harden(self, packed: Bytes, plan: FilterPlan) -> Bytes:
        """Apply the hardenings in order, by pieces."""
        if not plan.hardening:
            return packed
        key = LinkageKey(self._job.secret)
        infos = [f"hardening {plan.number} {i} {h.type}" for i, h in enumerate(plan.hardening)]
        keys = [key.derive(info.encode(), 32) for info in infos]
        result = np.zeros((len(packed), -(-plan.bits // 8)), np.uint8)
        for start in range(0, len(packed), _HARDENED):
            part = packed[start : start + _HARDENED]
            bits = np.unpackbits(part, axis=1, count=plan.folded)
            for each, secret in zip(plan.hardening, keys, strict=True):
                bits = each.apply(bits, secret, self._entropy)
            result[start : start + _HARDENED] = np.packbits(bits, axis=1)
        return result


def columns_read(
    schema: LinkageSchema, plans: tuple[FilterPlan, ...], names: list[str]
) -> list[str]:
    """The columns of a table that encoding reads. Raises InputError when one is lacking."""
    declared = schema.extension.columns if schema.extension else []
    return needed(declared, [each.column for each in plans[0].features], names)


def _try(composite: CompositePlan, columns: Mapping[str, Coded], problems: Problems) -> None:
    """Note the values that the comparison of a composite does not take."""
    if composite.comparison.total:
        return
    tokens, name = composite.comparison.tokens, composite.fields[0]
    mapped(columns[name], lambda text: "".join(tokens(text)) if text else "", name, problems)
