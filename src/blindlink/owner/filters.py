"""From columns to the bits of one filter: every distinct value and token is worked on once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from blindlink.formats.schema_models import Strategy
from blindlink.owner.columns import Coded
from blindlink.owner.comparators import Exact
from blindlink.owner.plan import CompositePlan, FeaturePlan, FilterPlan
from blindlink.owner.tokens import Blake, Hasher, derive_keys, hasher

Packed = npt.NDArray[np.uint8]
# Joins the parts of a composite token. Normalised values cannot hold a control character.
SEPARATOR = "\x1f"
_CELLS = 1 << 24  # unpacked bits held at a time
_PIECE = 1 << 11  # rows gathered at a time
CHUNK = 1 << 13  # rows that one process gets at a time


@dataclass(frozen=True)
class Tokens:
    """Tokens of some rows: token i is ``distinct[codes[i]]``, belongs to row ``owner[i]`` and sets
    ``bits[i]`` bits. Without ``codes`` all are taken to be distinct.
    """

    distinct: list[bytes]
    codes: npt.NDArray[np.int64] | None
    owner: npt.NDArray[np.int64]
    bits: npt.NDArray[np.int64]


@dataclass(frozen=True)
class CompositeJob:
    """What it takes to encode the composites of any rows."""

    composites: tuple[CompositePlan, ...]
    keys: tuple[bytes, ...]
    length: int


Chunk = dict[str, Coded]
Run = Callable[[CompositeJob, Sequence[Chunk]], Iterable[Packed]]


def serially(job: CompositeJob, chunks: Sequence[Chunk]) -> Iterable[Packed]:
    """Encode the chunks one after the other, here."""
    return (composite_rows(job, chunk) for chunk in chunks)


def encode_filter(
    plan: FilterPlan,
    cells: Mapping[int, Coded],
    columns: Mapping[str, Coded],
    secret: bytes,
    rows: int,
    run: Run = serially,
) -> Packed:
    """The filter of every row before hardening, (rows, ceil(bits / 8)), folded.

    ``cells`` holds the text to encode of each feature by its position, ``columns`` the columns
    that composites are made of. ``run`` spreads the chunks of rows over processes.
    """
    keys = derive_keys(secret, plan.kdf, plan.keys, plan.info)
    packed = np.zeros((rows, -(-plan.length // 8)), np.uint8)
    for feature in plan.features:
        hashing = hasher(feature.hash, keys[feature.position], plan.length)
        column = cells[feature.position]
        values = _value_rows(feature, column.values, hashing, plan.length)
        _gather(packed, values, column.codes)
    if plan.composites:
        own = tuple(keys[each.position][0] for each in plan.composites)
        used = sorted({name for each in plan.composites for name in each.fields})
        starts = range(0, rows, CHUNK)
        chunks = [
            {name: columns[name].part(start, start + CHUNK) for name in used} for start in starts
        ]
        job = CompositeJob(plan.composites, own, plan.length)
        for start, part in zip(starts, run(job, chunks), strict=True):
            packed[start : start + CHUNK] |= part
    return fold(packed, plan.length, plan.folds)


def fold(packed: Packed, length: int, folds: int) -> Packed:
    """XOR the halves of filters of ``length`` bits, ``folds`` times."""
    for _ in range(folds):
        length //= 2
        if length % 8 == 0:
            packed = packed[:, : length // 8] ^ packed[:, length // 8 :]
        else:
            bits = np.unpackbits(packed, axis=1, count=2 * length)
            packed = np.packbits(bits[:, :length] ^ bits[:, length:], axis=1)
    return packed


def _gather(packed: Packed, values: Packed, codes: npt.NDArray[np.int64]) -> None:
    """OR the bits of each row's value into the row, by pieces that stay in the cache."""
    wide = np.shape(packed)[1] % 8 == 0
    target, source = (packed.view(np.uint64), values.view(np.uint64)) if wide else (packed, values)
    for start in range(0, len(packed), _PIECE):
        part = target[start : start + _PIECE]
        np.bitwise_or(part, source.take(codes[start : start + _PIECE], axis=0), out=part)


def _value_rows(
    feature: FeaturePlan, values: Sequence[str], hashing: Hasher, length: int
) -> Packed:
    """The bits of each distinct value of a feature, (len(values), ceil(length / 8))."""
    rows = np.zeros((len(values), -(-length // 8)), np.uint8)
    step = max(1, _CELLS // length)
    for start in range(0, len(values), step):
        part = values[start : start + step]
        found = [feature.comparison.tokens(value) if value else [] for value in part]
        tokens = _flat(found, range(len(part)), feature.strategy, feature.encoding)
        bits = np.zeros((len(part), length), np.uint8)
        _set(bits, tokens, hashing)
        rows[start : start + step] = np.packbits(bits, axis=1)
    return rows


def composite_rows(job: CompositeJob, columns: Chunk) -> Packed:
    """The bits that the composites set in the rows of a chunk, (rows, ceil(length / 8))."""
    texts = {name: column.arrow() for name, column in columns.items()}
    rows = len(next(iter(texts.values())))
    hashers = [Blake(key, job.length) for key in job.keys]
    cutters = [_cutter(each, columns) for each in job.composites]
    step = max(1, _CELLS // job.length)
    packed = []
    for start in range(0, rows, step):
        size = min(step, rows - start)
        bits = np.zeros((size, job.length), np.uint8)
        for each, hashing, cutter in zip(job.composites, hashers, cutters, strict=True):
            parts = [texts[name].slice(start, size) for name in each.fields]
            _set(bits, cutter(parts, start), hashing)
        packed.append(np.packbits(bits, axis=1))
    return np.concatenate(packed)


Cutter = Callable[[list[pa.Array], int], Tokens]


def _cutter(plan: CompositePlan, columns: Mapping[str, Coded]) -> Cutter:
    """The function from the parts of some rows to their tokens."""
    if isinstance(plan.comparison, Exact):
        return lambda parts, _: _whole(plan.strategy, parts)
    first = columns[plan.fields[0]]
    pieces = [plan.comparison.tokens(value) if value else [] for value in first.values]
    return lambda parts, start: _cut(plan.strategy, pieces, first.codes[start:], parts)


def _whole(strategy: Strategy, parts: list[pa.Array]) -> Tokens:
    joined = join(parts)
    rows = np.flatnonzero(joined.is_valid().to_numpy(zero_copy_only=False))
    text = joined.drop_null().cast(pa.binary()).to_pylist()
    return Tokens(text, None, rows, np.full(len(rows), strategy.bits(1)[0], np.int64))


def _cut(
    strategy: Strategy,
    pieces: list[list[str]],
    codes: npt.NDArray[np.int64],
    parts: list[pa.Array],
) -> Tokens:
    salts = join(parts[1:]).to_pylist() if len(parts) > 1 else [""] * len(parts[0])
    rows, found = [], []
    for row, salt in enumerate(salts):
        if salt is not None and (tokens := pieces[codes[row]]):
            rows.append(row)
            found.append([token + SEPARATOR + salt for token in tokens])
    return _flat(found, rows, strategy, "utf-8")


def join(parts: list[pa.Array]) -> pa.Array:
    """The parts of each row joined; null where one is missing."""
    return pc.binary_join_element_wise(*parts, SEPARATOR, null_handling="emit_null")


def _flat(
    found: Sequence[list[str]], owners: Sequence[int], strategy: Strategy, encoding: str
) -> Tokens:
    """The tokens of several rows; ``owners`` are the rows."""
    counts = [len(tokens) for tokens in found]
    seen: dict[str, int] = {}
    codes = [seen.setdefault(token, len(seen)) for tokens in found for token in tokens]
    bits = {count: np.array(strategy.bits(count), np.int64) for count in set(counts)}
    return Tokens(
        [token.encode(encoding) for token in seen],
        np.array(codes, np.int64),
        np.repeat(np.array(owners, np.int64), counts),
        np.concatenate([np.zeros(0, np.int64), *(bits[count] for count in counts)]),
    )


def _set(bits: npt.NDArray[np.uint8], tokens: Tokens, hashing: Hasher) -> None:
    """Set the bits of the tokens in the rows of their owners."""
    if not tokens.distinct:
        return
    most = int(tokens.bits.max())
    positions = hashing.positions(tokens.distinct, most).astype(np.int64)
    if tokens.codes is not None:
        positions = positions.take(tokens.codes, axis=0)
    positions += (tokens.owner * np.shape(bits)[1])[:, None]
    if int(tokens.bits.min()) < most:
        positions = positions[np.arange(most) < tokens.bits[:, None]]
    bits.reshape(-1)[positions.reshape(-1)] = 1
