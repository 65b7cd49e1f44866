"""Two owners' encodings with people in common, empty filters, ties, entities and match keys."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from blindlink.arrays import Bytes
from blindlink.messages.encodings import Encodings, write_encodings

BITS = 256
FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # of Java, at the price of its speed


def two_owners(rows: tuple[int, int] = (120, 500), *, entities: bool = False) -> list[Encodings]:
    """Half of the left people are on the right, some of them altered; the keys sometimes differ."""
    rng = np.random.default_rng(7)
    filters = [np.packbits(rng.random((count, BITS)) < 0.3, axis=1) for count in rows]
    keys = [(_keys(rng, count, 60), _keys(rng, count, 90)) for count in rows]
    shared = min(rows) // 2
    filters[1][:shared] = filters[0][:shared]
    filters[1][:shared, 0] ^= rng.integers(0, 4, shared).astype(np.uint8)
    filters[1][shared : shared + 10] = filters[0][:10]
    filters[0][-1:], filters[1][-2:] = 0, 0
    for one, other in zip(*keys, strict=True):
        other[:shared] = one[:shared]
    both = zip(filters, keys, strict=True)
    return [_owner(rng, each, pair, entities=entities) for each, pair in both]


def write(owners: list[Encodings], folder: Path) -> tuple[Path, Path]:
    """The files left.parquet and right.parquet."""
    paths = folder / "left.parquet", folder / "right.parquet"
    for encodings, path in zip(owners, paths, strict=True):
        write_encodings(encodings, path)
    return paths


def other_schema(encodings: Encodings) -> Encodings:
    """The same records as if another linkage schema had made them."""
    return replace(encodings, schema_fingerprint="another")


def _keys(rng: np.random.Generator, rows: int, values: int) -> Bytes:
    """One of so many values for each row; a tenth of the rows has none."""
    keys = np.random.default_rng(values).integers(1, 256, (values, 16), np.uint8)
    found = keys[rng.integers(0, values, rows)]
    found[rng.random(rows) < 0.1] = 0
    return found


def _owner(
    rng: np.random.Generator, filters: Bytes, keys: tuple[Bytes, Bytes], *, entities: bool
) -> Encodings:
    count = len(filters)
    names = np.array([f"e{number}" for number in rng.integers(0, count, count)], object)
    return Encodings(
        filters=(filters,),
        bits=(BITS,),
        row=np.arange(count),
        entity=names if entities else None,
        match_keys=keys,
        schema_fingerprint="schema",
        key_check="check",
        encoder="made",
    )
