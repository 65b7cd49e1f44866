"""How many right records share a lane: what the sieve is expected to cost, from a few left records.

Records that share a lane are compared together, as long as the bits of all of them are not too many
for the threshold. The choice touches speed only, never the result.
"""

import math

import numpy as np

from blindlink.arrays import Floats, Words
from blindlink.linker.join.kernels import LANES
from blindlink.linker.join.measures import Measure
from blindlink.linker.join.pairs import weights

GROUPS = (1, 2, 4, 8)
_SAMPLE = 24
_STEP, _COLUMN = 6.0, 0.7  # nanoseconds, measured; only their proportion matters
_WORST = 4.0  # standard deviations between the mean of a block's lanes and the last to be out
_MARGIN = 0.6  # of a walk: real bits depend on each other, and the end of a walk holds the common


def choose(
    left: Words, right: Words, share: Floats, measure: Measure, threshold: float, bits: int
) -> int:
    """The cheapest size of a group; ``share`` of the right records has each bit."""
    sample = np.ascontiguousarray(left[:: max(1, len(left) // _SAMPLE)][:_SAMPLE])
    weight = int(np.median(weights(right[:: max(1, len(right) // 256)])))
    flat = np.unpackbits(sample.view(np.uint8), axis=1, bitorder="little").astype(bool)
    walks = [np.sort(share[row]) for row in flat]
    limits = [_allowed(len(walk), weight, measure, threshold, bits) for walk in walks]
    sizes = [size for size in GROUPS if size == 1 or len(right) >= 4 * LANES * size]
    costs = [np.median([*map(_cost, walks, limits, [size] * len(walks))]) for size in sizes]
    return sizes[int(np.argmin(costs))]


def _allowed(left: int, right: int, measure: Measure, threshold: float, bits: int) -> int:
    """How many of its bits a left record may miss in a right record of this weight; -1: none do."""
    common = np.arange(min(left, right) + 1)
    enough = measure(common, np.array(left), np.array(right), bits) >= threshold
    return left - int(np.argmax(enough)) if enough.any() else -1


def _cost(walk: Floats, allowed: int, size: int) -> float:
    """Expected nanoseconds per record and block of lanes; bits are taken as independent."""
    if allowed < 0 or not len(walk):
        return 0.0
    missed = (1 - walk) ** size
    spread = np.sqrt(np.cumsum(missed * (1 - missed)))
    out = np.cumsum(missed) - _WORST * spread > allowed
    walked = int(np.argmax(out)) + 1 if out.any() else len(walk)
    if size > 1 and walked > _MARGIN * len(walk):
        return math.inf
    return (_STEP + _COLUMN * walked) / size
