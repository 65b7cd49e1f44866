"""What the compiled kernels work on: the right file transposed in slabs, the left in tiles."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from blindlink.arrays import Bytes, Floats, Int64s, Words
from blindlink.linker.join import kernels
from blindlink.linker.join.kernels import BYTES, FEW, LANES, LONG_STRIDE, STRIDE, WORDS
from blindlink.linker.join.pairs import words

SLAB_BYTES = 2**28  # transposed filters in memory at once
_SAMPLE = 4096  # records that show how rare a bit is


def slabs(
    pool: ThreadPoolExecutor, right: Words, rank: Int64s, group: int
) -> Iterator[kernels.Slab]:
    """The right file, as many records at a time as SLAB_BYTES allow."""
    step = group * LANES * max(1, SLAB_BYTES // (columns(right) * BYTES))
    for base in range(0, len(right), step):
        yield slab(pool, right[base : base + step], rank, group, base)


def slab(
    pool: ThreadPoolExecutor, right: Words, rank: Int64s, group: int, base: int
) -> kernels.Slab:
    """Right records by weight and transposed, so that a block holds records of like weight."""
    counts = weights(right)
    order = by_weight(counts)
    starts = np.arange(0, len(right), LANES * group)
    blocks = _aligned((len(starts), columns(right), WORDS))
    step = max(1, len(starts) // 64)
    jobs = [
        pool.submit(kernels.transpose, right, order, group, rank, first, last, blocks)
        for first, last in ((at, min(at + step, len(starts))) for at in range(0, len(starts), step))
    ]
    for job in jobs:
        job.result()
    ends = np.minimum(starts + LANES * group, len(right)) - 1
    low, high = counts[order[starts]], counts[order[ends]]
    return kernels.Slab(blocks, low, high, order, right, counts, group, base)


def tile(left: Words, rank: Int64s) -> kernels.Tile:
    """Left records and their walks, whose lengths are multiples of the kernel's strides."""
    counts = weights(left)
    stride = np.where(counts < FEW, STRIDE, LONG_STRIDE)
    starts = np.zeros(len(left) + 1, np.int64)
    np.cumsum(-(-counts // stride) * stride, out=starts[1:])
    walks = np.empty(starts[-1], np.uint16)
    kernels.walk(left, rank, columns(left), starts, walks)
    return kernels.Tile(left, counts, starts, walks)


def weights(filters: Words) -> Int64s:
    """How many bits are set in each filter. Shape: (records,)."""
    counts = np.empty(len(filters), np.int64)
    kernels.weigh(filters, counts)
    return counts


def columns(filters: Words) -> int:
    """The columns of a block: one for each bit that can be numbered, and one of zeros."""
    bits = 64 * int(filters.shape[1])
    return min(bits, kernels.MOST_COLUMNS - 1) + 1


def frequency(filters: Words) -> Floats:
    """The share of records that have each bit, from a sample. Shape: (bits,)."""
    sample = filters[:: max(1, len(filters) // _SAMPLE)]
    counts = np.zeros(filters.shape[1] * 64)
    for start in range(0, len(sample), 255):  # as many as a sum of bytes may have
        part = np.ascontiguousarray(sample[start : start + 255]).view(np.uint8)
        counts += np.unpackbits(part, axis=1, bitorder="little").sum(axis=0, dtype=np.uint8)
    return counts / len(sample)


def rarity(share: Floats) -> Int64s:
    """The rank of each bit, from the rarest. Shape: (bits,)."""
    rank = np.empty(len(share), np.int64)
    rank[np.argsort(share, kind="stable")] = np.arange(len(share))
    return rank


def by_weight(counts: Int64s) -> Int64s:
    """The records by weight, then row: numpy sorts 16 bits by radix, and nearly all weights fit."""
    kind = np.uint16 if counts.max(initial=0) < 2**16 else np.uint32
    return np.argsort(counts.astype(kind), kind="stable")


def fixed(filters: Bytes) -> Words:
    """Bytes as the words that the kernels are compiled for: a read-only view where possible."""
    return read_only(words(filters))


def read_only(filters: Words) -> Words:
    """The same words, not writeable through this view: one type, compiled once."""
    view = filters.view()
    view.flags.writeable = False
    return view


def _aligned(shape: tuple[int, ...]) -> Words:
    """An array whose first vector begins at a cache line, so that no vector straddles two."""
    size = math.prod(shape) * 8
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(np.uint64).reshape(shape)
