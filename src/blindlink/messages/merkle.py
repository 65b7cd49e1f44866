"""Merkle trees (RFC 6962): roots, inclusion of any number of leaves, consistency.

    root(leaves)                                    the root over leaf hashes in their order
    prove(leaves, positions)                        what, with those leaves, gives the root
    root_from(size, positions, leaves, proof)       the root that it leads to
    consistency_proof(leaves, first)                that the first leaves are a prefix of all
    check_consistency(first, second, proof, ...)    VerificationError unless the proof shows it

Levels are paired from the left and an odd last node moves up unchanged, which gives exactly the
tree of RFC 6962, section 2.1:

    level 2            k          f         k = H(1, i, j)
    level 1        i       j      f         the last of three moves up
    level 0      a   b   c   d    f         leaves, a = H(0, record)

A proof holds the nodes that cannot be computed from the known leaves, level by level from below:
for one leaf it is the audit path of the RFC, for all of them it is empty. A proof for each blob of
a release would be 32 bytes times the height; one for all of them is much less.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from blindlink.errors import VerificationError

HASH = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf(record: bytes | memoryview) -> bytes:
    """The hash of one record or log entry, set apart from inner nodes by its first byte."""
    return sha256(b"\0" + record).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY_ROOT


class RunningRoot:
    """The same root over leaves that come one by one; holds one node a level, not the leaves."""

    def __init__(self) -> None:
        self._peaks: list[bytes] = []  # roots of perfect trees, the largest first
        self._size = 0

    def add(self, leaf: bytes) -> None:
        """Take the next leaf hash."""
        size = self._size
        while size & 1:
            leaf, size = node(self._peaks.pop(), leaf), size >> 1
        self._peaks.append(leaf)
        self._size += 1

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *above, result = self._peaks
        for peak in reversed(above):
            result = node(peak, result)
        return result


def prove(leaves: Sequence[bytes], positions: Sequence[int]) -> list[bytes]:
    """The nodes that, with the leaves at ``positions`` (ascending), give the root.

    Ordered by level from the leaves up, then by place. Raises IndexError for a place outside.
    """
    level, known, proof = list(leaves), list(positions), []
    if known and not 0 <= known[0] <= known[-1] < len(level):
        raise IndexError("no such leaf")
    while len(level) > 1 and known:
        present = set(known)
        beside = (place ^ 1 for place in known)
        proof += [level[at] for at in beside if at < len(level) and at not in present]
        known = sorted({place // 2 for place in known})
        level = _above(level)
    return proof


def root_from(
    size: int, positions: Sequence[int], leaves: Sequence[bytes], proof: Sequence[bytes]
) -> bytes:
    """The root of a tree of ``size`` leaves from some of them. Raises VerificationError.

    ``positions`` are strictly ascending and below ``size``; every node of the proof must be used.
    """
    ascending = all(a < b for a, b in pairwise(positions))
    if not positions or len(positions) != len(leaves) or not ascending:
        raise VerificationError("inclusion proof: its places are not in order")
    if positions[0] < 0 or positions[-1] >= size:
        raise VerificationError("inclusion proof: a place lies outside the tree")
    rest, nodes = iter(proof), list(zip(positions, leaves, strict=True))
    while size > 1:
        nodes, size = _combine(nodes, size, rest), -(-size // 2)
    if next(rest, None) is not None:
        raise VerificationError("inclusion proof: is too long")
    return nodes[0][1]


def _above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    return [node(a, b) for a, b in pairs] + level[len(level) - len(level) % 2 :]


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def _combine(
    nodes: list[tuple[int, bytes]], size: int, rest: Iterator[bytes]
) -> list[tuple[int, bytes]]:
    """One level up. A sibling comes from the known nodes, else from the proof."""
    result, at = [], 0
    while at < len(nodes):
        place, value = nodes[at]
        at += 1
        if place % 2:
            value = node(_next(rest), value)
        elif at < len(nodes) and nodes[at][0] == place + 1:
            value = node(value, nodes[at][1])
            at += 1
        elif place + 1 < size:
            value = node(value, _next(rest))
        result.append((place // 2, value))
    return result


def _next(rest: Iterator[bytes]) -> bytes:
    found = next(rest, None)
    if found is None:
        raise VerificationError("inclusion proof: is too short")
    return found


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Shows that the tree of the ``first`` leaves is a prefix of the tree of all of them."""
    if not 0 < first <= len(leaves):
        raise IndexError("no such tree")
    return _subproof(leaves, first, whole=True)


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if first <= split:
        return [*_subproof(leaves[:split], first, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], first - split, whole=False), root(leaves[:split])]


def check_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Raises VerificationError unless the tree of ``second`` leaves extends that of ``first``.

    By RFC 9162, section 2.1.4.2, which needs no recursion.
    """
    if not 0 < first <= second:
        raise VerificationError("consistency proof: the sizes are not in order")
    if first == second:
        if proof or first_root != second_root:
            raise VerificationError("consistency proof: one size, and not one log")
        return
    nodes = list(proof) if first & (first - 1) else [first_root, *proof]
    if not nodes:
        raise VerificationError("consistency proof: is too short")
    place, last = first - 1, second - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise VerificationError("consistency proof: is too long")
        if place % 2 or place == last:
            old, new = node(sibling, old), node(sibling, new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node(new, sibling)
        place, last = place >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise VerificationError("consistency proof: the later log does not extend the earlier one")


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
