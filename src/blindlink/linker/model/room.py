"""Whether the pairs of a linkage fit into memory: estimated from a sample before the work.

At a low threshold nearly every pair of records is a candidate: 54,000 x 150,000 records at .02
would take hundreds of gigabytes and end the machine, not the run. So the share of pairs that reach
the threshold is measured on a random sample of both sides, and a linkage that would not fit is
refused with its number.
"""

from pathlib import Path

import numpy as np

from blindlink.arrays import Bytes
from blindlink.errors import InputError
from blindlink.messages.encodings import Encodings

BYTES = 250  # of memory for one candidate, measured with 'clk link' on 4,000 x 4,000 records
SAMPLE = 1000  # records of each side
SURE = 100_000_000  # pairs in all of which nothing needs to be asked
_SHARE = 0.8  # of the memory that is free


def check_room(left: Encodings, right: Encodings, threshold: float, *, seed: int) -> None:
    """Raises InputError where the pairs that reach ``threshold`` would not fit into memory."""
    pairs = len(left) * len(right)
    room = memory()
    if room is None or pairs * BYTES <= min(room, SURE):
        return
    share = sampled(left.filters[0], right.filters[0], threshold, seed)
    expected = share * pairs
    if expected * BYTES > room:
        raise InputError(
            f"threshold {threshold:g}: about {expected:,.0f} of {pairs:,} pairs reach it, which "
            f"take about {expected * BYTES / 1e9:,.1f} GB; {room / 1e9:,.1f} GB are free",
            hint="raise --threshold, or write the pairs with 'blindlink clk pairs', which sorts on "
            "disk",
        )


def sampled(left: Bytes, right: Bytes, threshold: float, seed: int) -> float:
    """The share of pairs of a random sample whose Dice score reaches the threshold."""
    rng = np.random.default_rng(seed)
    a = left[rng.permutation(len(left))[:SAMPLE]]
    b = right[rng.permutation(len(right))[:SAMPLE]]
    weight_a = np.bitwise_count(a).sum(axis=1, dtype=np.int64)
    weight_b = np.bitwise_count(b).sum(axis=1, dtype=np.int64)
    reached = 0
    for row, weight in zip(a, weight_a, strict=True):
        common = np.bitwise_count(b & row).sum(axis=1, dtype=np.int64)
        both = weight + weight_b
        # As the engines have it: two filters without a bit score 0.
        scores = np.divide(2 * common, both, out=np.zeros(len(b)), where=both > 0)
        reached += int((scores >= threshold).sum())
    return reached / max(len(a) * len(b), 1)


def memory() -> int | None:
    """Bytes of memory that this process may still take, most of them; None where nobody knows."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None
    most = _allowed()
    return int(_SHARE * (free if most is None else min(free, most)))


def _allowed() -> int | None:
    """The limit of address space that is set for this process, if any."""
    try:
        import resource  # not on every system
    except ImportError:
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else most
