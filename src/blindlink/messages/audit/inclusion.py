"""Merkle roots over payload blobs, and one proof for many of them (RFC 6962 hashing).

The owner signs the root over all its blobs. The linker forwards some of them, and the analyst must
see that each is one of the owner's, at its own place. A proof for each would be 32 bytes times the
height; one proof for all of them holds only the nodes that cannot be computed from the blobs
themselves: none where every blob is forwarded.

Levels are paired from the left and an odd last node moves up unchanged, which gives exactly the
tree of RFC 6962, section 2.1.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from blindlink.errors import VerificationError

HASH = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf(record: bytes | memoryview) -> bytes:
    """The hash of one blob record, set apart from inner nodes by its first byte."""
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
            leaf, size = _node(self._peaks.pop(), leaf), size >> 1
        self._peaks.append(leaf)
        self._size += 1

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *above, result = self._peaks
        for peak in reversed(above):
            result = _node(peak, result)
        return result


def prove(leaves: Sequence[bytes], positions: Sequence[int]) -> list[bytes]:
    """The nodes that, with the leaves at ``positions`` (ascending), give the root.

    Ordered by level from the leaves up, then by place.
    """
    level, known, proof = list(leaves), list(positions), []
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
        raise VerificationError("inclusion proof: a place lies outside the owner's blobs")
    rest, nodes = iter(proof), list(zip(positions, leaves, strict=True))
    while size > 1:
        nodes, size = _combine(nodes, size, rest), -(-size // 2)
    if next(rest, None) is not None:
        raise VerificationError("inclusion proof: has nodes that nothing needs")
    return nodes[0][1]


def _above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    return [_node(a, b) for a, b in pairs] + level[len(level) - len(level) % 2 :]


def _node(left: bytes, right: bytes) -> bytes:
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
            value = _node(_next(rest), value)
        elif at < len(nodes) and nodes[at][0] == place + 1:
            value = _node(value, nodes[at][1])
            at += 1
        elif place + 1 < size:
            value = _node(value, _next(rest))
        result.append((place // 2, value))
    return result


def _next(rest: Iterator[bytes]) -> bytes:
    node = next(rest, None)
    if node is None:
        raise VerificationError("inclusion proof: a node is missing")
    return node
