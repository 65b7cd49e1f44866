"""Setting bits in many filters at once."""

import numpy as np

from blindlink.arrays import Bytes, Int64s, UInt16s

_PIECE = 1 << 20  # positions worked on at a time


def set_bits(cells: Bytes, owner: Int64s, positions: UInt16s, bits: Int64s) -> None:
    """Set the first ``bits[i]`` of the ``positions[i]`` in row ``owner[i]`` of ``cells``.

    ``cells`` is (rows, length), one byte for each bit, and contiguous.
    """
    length, most = np.shape(cells)[1], np.shape(positions)[1]
    flat = cells.reshape(-1)
    step = max(1, _PIECE // max(most, 1))
    for start in range(0, len(owner), step):
        part = slice(start, start + step)
        found = positions[part] + (owner[part] * length)[:, None]
        if int(bits[part].min()) < most:
            found = found[np.arange(most) < bits[part][:, None]]
        flat[found.reshape(-1)] = 1


def fold(packed: Bytes, length: int, folds: int) -> Bytes:
    """XOR the halves of filters of ``length`` bits, ``folds`` times."""
    for _ in range(folds):
        length //= 2
        if length % 8 == 0:
            packed = packed[:, : length // 8] ^ packed[:, length // 8 :]
        else:
            bits = np.unpackbits(packed, axis=1, count=2 * length)
            packed = np.packbits(bits[:, :length] ^ bits[:, length:], axis=1)
    return packed
