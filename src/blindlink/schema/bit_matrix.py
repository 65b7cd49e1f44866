"""Turning a bit matrix on its side, so that one XOR works on a position of many records.

8 x 8 blocks in 64-bit words: H. S. Warren, Hacker's Delight (2nd edition 2012), section 7-3.
"""

import numpy as np
import numpy.typing as npt

from blindlink.arrays import Bytes

_SWAPS = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))


def by_position(bits: Bytes) -> Bytes:
    """From (n, length) of 0 and 1 to (length, ceil(n / 8)): a row for each position.

    Bit k of byte j is that of record 8 j + k, the lowest bit first.
    """
    length = np.shape(bits)[1]
    rows = np.packbits(bits, axis=1)
    rows = np.pad(rows, ((0, -len(rows) % 8), (0, 0)))
    groups, width = len(rows) // 8, np.shape(rows)[1]
    blocks = rows.reshape(groups, 8, width).transpose(0, 2, 1)
    turned = _turned(blocks)[..., ::-1].reshape(groups, 8 * width)
    return np.ascontiguousarray(turned[:, :length].T)


def by_record(columns: Bytes, records: int) -> Bytes:
    """The way back: from (length, ceil(n / 8)) to (n, length) of 0 and 1."""
    length, groups = np.shape(columns)
    padded = np.pad(columns, ((0, -length % 8), (0, 0)))
    blocks = padded.T.reshape(groups, len(padded) // 8, 8)[..., ::-1]
    turned = _turned(blocks).transpose(0, 2, 1)
    rows = turned.reshape(8 * groups, len(padded) // 8)[:records]
    return np.unpackbits(rows, axis=1, count=length)


def _turned(blocks: Bytes) -> Bytes:
    """Every block of eight bytes as an 8 x 8 matrix with rows and columns exchanged."""
    words = np.ascontiguousarray(blocks).view("<u8")
    for shift, mask in _SWAPS:
        swap = (words ^ (words >> np.uint64(shift))) & np.uint64(mask)
        words = words ^ swap ^ (swap << np.uint64(shift))
    return words.view(np.uint8).reshape(blocks.shape)


def words(rows: Bytes) -> npt.NDArray[np.uint8 | np.uint64]:
    """The rows as 64-bit words where they divide evenly: eight bytes are OR-ed at a time."""
    whole = np.shape(rows)[1] % 8 == 0 and rows.flags.c_contiguous
    return rows.view(np.uint64) if whole else rows
