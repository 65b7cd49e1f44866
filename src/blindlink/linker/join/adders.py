"""Carry-save adders over vectors of lanes: the inner loop of the counters, in two ways.

Sixteen columns of a block go through a tree of adders before anything is carried to the higher
planes (Harley and Seal, in Warren 2012, section 5-1). Where the processor knows every function of
three bits, a full adder is two instructions. Elsewhere pairs of bits travel as one of them and
their exclusive or, which saves two of the ten operations of two full adders: the MDFA block of
Demenkov, Kojevnikov, Kulikov and Yaroslavtsev (2010), "New upper bounds on the Boolean circuit
complexity of symmetric functions".
"""

from typing import Any

from numba import njit

from blindlink.linker.join.lanes import TERNARY, column, every, majority, parity

inner: Any = njit(error_model="numpy", boundscheck=False, forceinline=True)


@inner
def without(a: Any, b: Any) -> Any:
    """The lanes of a that are not in b: one instruction."""
    return a & (b ^ every(-1))


@inner
def two(block: Any, walks: Any, k: Any, ones: Any) -> Any:
    """Add two columns to the plane of ones; returns the plane and the carry."""
    a, b = column(block, walks, k), column(block, walks, k + 1)
    return parity(ones, a, b), majority(ones, a, b)


@inner
def four(block: Any, walks: Any, k: Any, ones: Any, twos: Any) -> Any:
    """Add four columns to two planes; returns the planes and the carry."""
    ones, a = two(block, walks, k, ones)
    ones, b = two(block, walks, k + 2, ones)
    return ones, parity(twos, a, b), majority(twos, a, b)


@inner
def eight(block: Any, walks: Any, k: Any, ones: Any, twos: Any, fours: Any) -> Any:
    """Add eight columns to three planes; returns the planes and the carry."""
    ones, twos, a = four(block, walks, k, ones, twos)
    ones, twos, b = four(block, walks, k + 4, ones, twos)
    return ones, twos, parity(fours, a, b), majority(fours, a, b)


@inner
def sixteen(block: Any, walks: Any, k: Any, ones: Any, twos: Any, fours: Any, eights: Any) -> Any:
    """Add sixteen columns to four planes; returns the planes and the carry of sixteen."""
    ones, twos, fours, a = eight(block, walks, k, ones, twos, fours)
    ones, twos, fours, b = eight(block, walks, k + 8, ones, twos, fours)
    return ones, twos, fours, parity(eights, a, b), majority(eights, a, b)


@inner
def four_carries(low: Any, high: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Add four vectors to a plane and what they carry to the next; returns both and the carry."""
    low, e = parity(low, a, b), majority(low, a, b)
    low, f = parity(low, c, d), majority(low, c, d)
    return low, parity(high, e, f), majority(high, e, f)


@inner
def add_pairs(total: Any, a: Any, a_xor_b: Any, c: Any, c_xor_d: Any) -> Any:
    """Add four bits, as two pairs, to a plane, lane by lane; returns the plane and two carries."""
    some = (total ^ a) | a_xor_b
    part = total ^ a_xor_b
    return part ^ c_xor_d, some ^ part, some ^ without(part ^ c, c_xor_d)


@inner
def add_pair(total: Any, a: Any, a_xor_b: Any) -> Any:
    """Add two bits, given as one and their exclusive or, to a plane; the plane and the carry."""
    return total ^ a_xor_b, (total & a_xor_b) | without(a, a_xor_b)


@inner
def four_paired(block: Any, walks: Any, k: Any, ones: Any) -> Any:
    """Add four columns to the plane of ones; returns the plane and a pair of carries."""
    a, c = column(block, walks, k), column(block, walks, k + 2)
    b, d = column(block, walks, k + 1), column(block, walks, k + 3)
    return add_pairs(ones, a, a ^ b, c, c ^ d)


@inner
def sixteen_paired(
    block: Any, walks: Any, k: Any, ones: Any, twos: Any, fours: Any, eights: Any
) -> Any:
    """As ``sixteen``, in pairs."""
    ones, a, b = four_paired(block, walks, k, ones)
    ones, c, d = four_paired(block, walks, k + 4, ones)
    twos, e, f = add_pairs(twos, a, b, c, d)
    ones, a, b = four_paired(block, walks, k + 8, ones)
    ones, c, d = four_paired(block, walks, k + 12, ones)
    twos, g, h = add_pairs(twos, a, b, c, d)
    fours, a, b = add_pairs(fours, e, f, g, h)
    eights, carry = add_pair(eights, a, b)
    return ones, twos, fours, eights, carry


@inner
def four_carries_paired(low: Any, high: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """As ``four_carries``, in pairs."""
    low, a, b = add_pairs(low, a, a ^ b, c, c ^ d)
    high, carry = add_pair(high, a, b)
    return low, high, carry


add_sixteen = sixteen if TERNARY else sixteen_paired
add_four_carries = four_carries if TERNARY else four_carries_paired
