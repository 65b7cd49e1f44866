"""Merkle trees of an append-only log: inclusion and consistency proofs (RFC 6962, section 2.1).

    inclusion_proof(leaves, index)                  the path from a leaf to the root over all leaves
    root_of_path(leaf, index, size, path)           the root that a path leads to
    consistency_proof(leaves, first)                that the first leaves are a prefix of all
    check_consistency(first, second, proof, ...)    VerificationError unless the proof shows it

A leaf is ``inclusion.leaf(entry)``, 32 bytes; a path or proof is a list of 32-byte nodes.
Checking follows RFC 9162, sections 2.1.3.2 and 2.1.4.2, which need no recursion. Many leaves in one
proof, as a release has them: see ``inclusion``.
"""

from collections.abc import Sequence
from hashlib import sha256

from blindlink.errors import VerificationError
from blindlink.messages.audit.inclusion import root


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of the leaf at ``index`` (from 0), from the bottom up."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    path: list[bytes] = []
    while len(leaves) > 1:
        split = _split(len(leaves))
        left, right = leaves[:split], leaves[split:]
        path.append(root(right) if index < split else root(left))
        leaves, index = (left, index) if index < split else (right, index - split)
    return path[::-1]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root over ``size`` leaves that the path of the leaf at ``index`` leads to.

    Raises VerificationError for a path of the wrong length.
    """
    if not 0 <= index < size:
        raise VerificationError("inclusion proof: the leaf lies outside the tree")
    place, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationError("inclusion proof: is too long")
        if place % 2 or place == last:
            result = node(sibling, result)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node(result, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise VerificationError("inclusion proof: is too short")
    return result


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
    """Raises VerificationError unless the tree of ``second`` leaves extends that of ``first``."""
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
