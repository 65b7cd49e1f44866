"""From a table to the filters and match keys of its rows.

table --- columns ----> Prepared          once for some hundred thousand rows: each distinct
          (schema)      values, codes     value is read, normalised and cut once
                            |
          rows a .. b of it v             by slices, on all cores: gather, hash, set bits
                        filters, match keys
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import InputError
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.messages.encodings import KEY_BYTES
from blindlink.owner.encoding import reference
from blindlink.owner.encoding.columns import Coded, Derivation, mapped, needed, read
from blindlink.owner.encoding.features import (
    Budget,
    FeatureEncoder,
    Rows,
    add_rows,
    checked,
    fold,
)
from blindlink.owner.encoding.plan import FilterPlan, compile_schema
from blindlink.owner.encoding.problems import Problems
from blindlink.owner.encoding.tokens import (
    CompositeEncoder,
    Cutter,
    MatchKeyEncoder,
    Values,
    derive_keys,
    kernels,
)
from blindlink.schema.document import LinkageSchema

BACKENDS = ("blindlink", "clkhash")
_AS_TOKENS = 10  # of so many tokens the work on a row that is hardened
_HARDENED = 1 << 9  # rows hardened at a time: unpacked they take eight times the room


@dataclass(frozen=True)
class Prepared:
    """The columns of some rows, ready to be encoded, and their bad cells.

    ``features`` holds, filter by filter, the rows of bits of each feature; ``texts`` what the
    reference encodes instead.
    """

    rows: int
    problems: Problems
    columns: Mapping[str, Coded]
    values: Values | None
    features: tuple[tuple[Rows, ...], ...]
    texts: Mapping[int, Coded]


@dataclass(frozen=True)
class Part:
    """The encodings of some rows: arrays (rows, bytes) for each filter and each match key."""

    filters: tuple[Bytes, ...]
    match_keys: tuple[Bytes, ...]


class TableEncoder:
    """Encodes table after table; keeps what it worked out for values. Threads may share it.

    Raises SchemaError where the schema has no meaning here, InputError for an unknown backend.
    """

    def __init__(
        self,
        schema: LinkageSchema,
        secret: bytes,
        backend: str,
        budget: int,
        entropy: Entropy = system_entropy,
    ) -> None:
        if backend not in BACKENDS:
            raise InputError("unknown backend", hint=f"choose one of {', '.join(BACKENDS)}")
        self.plans = compile_schema(schema)
        self._schema, self._secret, self._entropy = schema, secret, entropy
        self._reference = backend == "clkhash"
        self._derivation = Derivation(schema)
        composites = [each for plan in self.plans for each in plan.composites]
        combinations = schema.extension.match_keys if schema.extension else []
        self._cutter = Cutter(composites, combinations) if composites or combinations else None
        self._keys = MatchKeyEncoder(combinations, LinkageKey(secret)) if combinations else None
        room = Budget(budget)
        self._filters = [_FilterEncoder(plan, secret, room) for plan in self.plans]

    def needed(self, names: list[str]) -> list[str]:
        """The columns of a table that encoding reads. Raises InputError when one is lacking."""
        return columns_read(self._schema, self.plans, names)

    def prepare(self, table: pa.Table, *, check: bool = False) -> Prepared:
        """Read the cells; a bad one counts as missing and is noted. ``check`` does only that."""
        problems = Problems()
        columns = self._derivation.derive(table, problems)
        cells = {
            each.position: columns[each.column]
            if each.column in columns
            else read(table, each.column)
            for each in self.plans[0].features
        }
        texts: dict[int, Coded] = {}
        features: tuple[tuple[Rows, ...], ...] = ()
        if self._reference or check:
            texts = {
                each.position: mapped(cells[each.position], checked(each), each.column, problems)
                for each in self.plans[0].features
            }
        else:
            features = tuple(each.features(cells, problems) for each in self._filters)
        values = self._cutter.values(columns, problems) if self._cutter else None
        return Prepared(len(table), problems, columns, values, features, texts)

    def encode(self, prepared: Prepared, start: int, stop: int, out: Part | None = None) -> Part:
        """Encode these rows, into the arrays of ``out``, which are zero, or into new ones."""
        rows = stop - start
        out = out or self.blank(rows)
        for number, (plan, encoder) in enumerate(zip(self.plans, self._filters, strict=True)):
            if self._reference:
                texts = {at: _part(each, start, stop) for at, each in prepared.texts.items()}
                columns = {
                    name: _part(each, start, stop) for name, each in prepared.columns.items()
                }
                packed = reference.encode_filter(plan, texts, columns, self._secret, rows)
            elif not plan.folds and not plan.hardening:  # what is sent are the bits as they are set
                encoder.add(out.filters[number], prepared, start)
                continue
            else:
                packed = np.zeros((rows, -(-plan.length // 8)), np.uint8)
                encoder.add(packed, prepared, start)
                packed = fold(packed, plan.length, plan.folds)
            out.filters[number][:] = encoder.harden(packed, self._entropy)
        if self._keys and prepared.values:
            for target, key in zip(
                out.match_keys, self._keys.keys(prepared.values, start, rows), strict=True
            ):
                target[:] = key
        return out

    def blank(self, rows: int) -> Part:
        """Arrays of so many rows, all zero."""
        filters = tuple(np.zeros((rows, -(-plan.bits // 8)), np.uint8) for plan in self.plans)
        keys = (np.zeros((rows, KEY_BYTES), np.uint8) for _ in range(self._schema.match_keys))
        return Part(filters, tuple(keys))


class _FilterEncoder:
    """One filter, with its own keys."""

    def __init__(self, plan: FilterPlan, secret: bytes, budget: Budget) -> None:
        keys = derive_keys(secret, plan.kdf, plan.keys, plan.info)
        self._plan = plan
        self._features = [
            FeatureEncoder(each, keys[each.position], plan.length, budget) for each in plan.features
        ]
        own = [keys[each.position][0] for each in plan.composites]
        self._composites = CompositeEncoder(plan.composites, own, plan.length) if own else None
        infos = [f"hardening {plan.number} {i} {h.type}" for i, h in enumerate(plan.hardening)]
        self._hardening_keys = [LinkageKey(secret).derive(info.encode(), 32) for info in infos]
        self._sources = self._mixed()

    def _mixed(self) -> Int64s | None:
        """The positions that each bit is the XOR of, where that is all that hardening does."""
        plan = self._plan
        if len(plan.hardening) != 1 or plan.folded % 64 or plan.bits % 64:
            return None
        return plan.hardening[0].sources(self._hardening_keys[0], plan.folded)

    def features(self, cells: Mapping[int, Coded], problems: Problems) -> tuple[Rows, ...]:
        """The bits of all cells of a table; bad ones set none and are noted."""
        return tuple(
            encoder.rows(cells[each.position], problems)
            for each, encoder in zip(self._plan.features, self._features, strict=True)
        )

    def add(self, packed: Bytes, prepared: Prepared, start: int) -> None:
        """Set the bits of the rows from ``start`` on, (rows, ceil(length / 8)), before folding."""
        for rows in prepared.features[self._plan.number - 1]:
            add_rows(packed, rows, start)
        if self._composites and prepared.values:
            self._composites.set(packed, prepared.values, start)

    def harden(self, packed: Bytes, entropy: Entropy) -> Bytes:
        """Apply the hardenings in order, by pieces."""
        plan = self._plan
        if not plan.hardening:
            return packed
        module = kernels(len(packed) * _AS_TOKENS) if self._sources is not None else None
        if module is not None:
            rows = np.ascontiguousarray(packed).view(np.uint64)
            mixed = np.zeros((len(packed), plan.bits // 64), np.uint64)
            module.mix(mixed, rows, self._sources)
            return mixed.view(np.uint8)
        result = np.zeros((len(packed), -(-plan.bits // 8)), np.uint8)
        for start in range(0, len(packed), _HARDENED):
            part = packed[start : start + _HARDENED]
            bits = np.unpackbits(part, axis=1, count=plan.folded)
            for each, secret in zip(plan.hardening, self._hardening_keys, strict=True):
                bits = each.apply(bits, secret, entropy)
            result[start : start + _HARDENED] = np.packbits(bits, axis=1)
        return result


def columns_read(
    schema: LinkageSchema, plans: tuple[FilterPlan, ...], names: list[str]
) -> list[str]:
    """The columns of a table that encoding reads. Raises InputError when one is lacking."""
    declared = schema.extension.columns if schema.extension else []
    return needed(declared, [each.column for each in plans[0].features], names)


def _part(column: Coded, start: int, stop: int) -> Coded:
    return replace(column, codes=column.codes[start:stop])
