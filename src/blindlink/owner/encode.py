"""Encode the records of an owner: a table in, filters and match keys out, no identity left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from blindlink import __version__
from blindlink.errors import InputError, SchemaError
from blindlink.formats.encodings import Encodings
from blindlink.formats.schema import LinkageSchema
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.owner import matchkeys, reference
from blindlink.owner.columns import Coded, Problems, derive, mapped, read
from blindlink.owner.comparators import Exact, Ngram
from blindlink.owner.filters import CHUNK, Run, encode_filter, serially
from blindlink.owner.parallel import spread
from blindlink.owner.plan import CompositePlan, FeaturePlan, FilterPlan, compile_schema
from blindlink.progress import Progress, silent

BACKENDS = ("blindlink", "clkhash")
RECORD, ENTITY = "record_id", "entity_id"
Packed = npt.NDArray[np.uint8]
Tolerate = Callable[[dict[str, int]], None]


@dataclass(frozen=True)
class Source:
    """What a filter is made of: the cells of each feature by position, and the derived columns."""

    cells: dict[int, Coded]
    columns: dict[str, Coded]
    rows: int


def encode(
    table: pa.Table,
    schema: LinkageSchema,
    key: LinkageKey,
    *,
    backend: str = "blindlink",
    workers: int | None = None,
    entropy: Entropy = system_entropy,
    tolerate: Tolerate | None = None,
    progress: Progress = silent,
) -> Encodings:
    """Encode every row of ``table``; column entity_id names entities, record_id is only checked.

    Raises SchemaError where the schema is wrong, InputError with every bad cell by row and column.
    With ``tolerate`` a bad cell counts as missing, and the number of them by column is handed to it
    before the encoding; identifiers of rows must be right all the same. The result does not depend
    on ``workers``. ``entropy`` feeds only a hardening with fresh noise.
    """
    plans = compile_schema(schema)
    source = _source(table, schema, plans, tolerate)
    filters = []
    for done, plan in enumerate(plans):
        progress(done, len(plans))
        packed = _encode(plan, source, key.secret, backend, spread(workers))
        filters.append(_harden(packed, plan, key, entropy))
    fields = schema.extension.match_keys if schema.extension else []
    match_keys = matchkeys.match_keys(fields, source.columns, key)
    progress(len(plans), len(plans))
    bits = tuple(plan.bits for plan in plans)
    return _result(table, schema, tuple(filters), bits, match_keys, key.check_value(), backend)


def encode_as_clkhash(
    table: pa.Table, schema: LinkageSchema, secret: bytes, *, backend: str = "blindlink"
) -> Encodings:
    """The reference's bytes for a plain schema and any secret, text included.

    Without a key-check value: for a secret that can be guessed it would be an offline oracle.
    """
    if schema.extension is not None:
        raise SchemaError("a schema with the extension 'blindlink' is not one of clkhash's")
    if not secret:
        raise InputError("the secret is empty", hint="clkhash would take it; nobody should")
    plan = compile_schema(schema)[0]
    packed = _encode(plan, _source(table, schema, [plan]), secret, backend, serially)
    return _result(table, schema, (packed,), (plan.bits,), (), None, backend)


def _result(
    table: pa.Table,
    schema: LinkageSchema,
    filters: tuple[Packed, ...],
    bits: tuple[int, ...],
    match_keys: tuple[Packed, ...],
    check: str | None,
    backend: str,
) -> Encodings:
    version = __version__ if backend == "blindlink" else reference.version()
    return Encodings(
        filters=filters,
        bits=bits,
        row=np.arange(len(table), dtype=np.int64),
        entity=_entities(table),
        match_keys=match_keys,
        schema_fingerprint=schema.fingerprint(),
        key_check=check,
        encoder=f"{backend} {version}",
    )


def _source(
    table: pa.Table,
    schema: LinkageSchema,
    plans: Sequence[FilterPlan],
    tolerate: Tolerate | None = None,
) -> Source:
    problems, ids = Problems(), _bad_ids(table)
    columns = derive(table, schema, problems)
    features = plans[0].features
    lacking = {each.column for each in features} - columns.keys() - set(table.column_names)
    if lacking:
        raise InputError(f"the table lacks columns of the schema: {', '.join(sorted(lacking))}")
    cells = {}
    for each in features:
        column = columns[each.column] if each.column in columns else read(table, each.column)
        cells[each.position] = mapped(column, _checked(each), each.column, problems)
    for composite in (each for plan in plans for each in plan.composites):
        _try(composite, columns, problems)
    if tolerate is None:
        problems.rows |= ids.rows
        problems.check()
    else:
        ids.check()
        tolerate(problems.counts())
    return Source(cells, columns, len(table))


def _checked(feature: FeaturePlan) -> Callable[[str], str]:
    """The cell's text to encode, after a trial of a comparison that does not take every text."""
    if isinstance(feature.comparison, Exact | Ngram):
        return feature.read

    def read_cell(cell: str) -> str:
        text = feature.read(cell)
        if text:
            feature.comparison.tokens(text)
        return text

    return read_cell


def _try(composite: CompositePlan, columns: dict[str, Coded], problems: Problems) -> None:
    """Note the values that the comparison of a composite does not take."""
    if isinstance(composite.comparison, Exact | Ngram):
        return
    tokens, name = composite.comparison.tokens, composite.fields[0]
    mapped(columns[name], lambda text: "".join(tokens(text)) if text else "", name, problems)


def _bad_ids(table: pa.Table) -> Problems:
    problems = Problems()
    if ENTITY in table.column_names:
        entity = read(table, ENTITY)
        blank = [code for code, value in enumerate(entity.values) if not value.strip()]
        problems.add(ENTITY, np.flatnonzero(np.isin(entity.codes, blank)), "is empty")
    if RECORD in table.column_names:
        record = read(table, RECORD)
        again = np.ones(len(record.codes), bool)
        again[np.unique(record.codes, return_index=True)[1]] = False
        problems.add(RECORD, np.flatnonzero(again), "stands in an earlier row already")
    return problems


def _entities(table: pa.Table) -> npt.NDArray[np.object_] | None:
    if ENTITY not in table.column_names:
        return None
    entity = read(table, ENTITY)
    return np.array(entity.values, dtype=object)[entity.codes]


def _encode(plan: FilterPlan, source: Source, secret: bytes, backend: str, run: Run) -> Packed:
    if backend == "blindlink":
        return encode_filter(plan, source.cells, source.columns, secret, source.rows, run)
    if backend == "clkhash":
        return reference.encode_filter(plan, source.cells, source.columns, secret, source.rows)
    raise InputError("unknown backend", hint=f"choose one of {', '.join(BACKENDS)}")


def _harden(packed: Packed, plan: FilterPlan, key: LinkageKey, entropy: Entropy) -> Packed:
    """Apply the hardenings in order, by pieces: the bits unpacked take eight times the room."""
    if not plan.hardening:
        return packed
    infos = [f"hardening {plan.number} {i} {h.type}" for i, h in enumerate(plan.hardening)]
    keys = [key.derive(info.encode(), 32) for info in infos]
    parts = [np.zeros((0, -(-plan.bits // 8)), np.uint8)]
    for start in range(0, len(packed), CHUNK):
        part = packed[start : start + CHUNK]
        bits = np.unpackbits(part, axis=1, count=plan.length >> plan.folds)
        for each, secret in zip(plan.hardening, keys, strict=True):
            bits = each.apply(bits, secret, entropy)
        parts.append(np.packbits(bits, axis=1))
    return np.concatenate(parts)
