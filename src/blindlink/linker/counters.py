"""Bit-sliced counters: how often each of 256 records misses a walked bit, for the kernels.

Plane p holds bit p of 256 counters, one in each lane; vectors are added through a tree of
carry-save adders (Harley and Seal, in Warren 2012, section 5-1). The counters start so that a carry
out of the highest plane means "more bits missing than allowed".
"""

from typing import Any

from numba import njit

from blindlink.linker.lanes import anything, column, digit, every

STRIDE = 16  # bits walked between two looks at the carries
LONG_STRIDE = 64  # the same where many misses are allowed
FEW = 256  # misses that are counted in eight planes

inner: Any = njit(error_model="numpy", boundscheck=False, forceinline=True)


@inner
def add_pairs(total: Any, a: Any, a_xor_b: Any, c: Any, c_xor_d: Any) -> Any:
    """Add four bits to a plane, lane by lane; returns the plane and two carries.

    Pairs of bits come and go as one of them and their exclusive or, which saves two of the ten
    operations of two full adders: the MDFA block of Demenkov, Kojevnikov, Kulikov and Yaroslavtsev
    (2010), "New upper bounds on the Boolean circuit complexity of symmetric functions".
    """
    some = (total ^ a) | a_xor_b
    part = total ^ a_xor_b
    return part ^ c_xor_d, some ^ part, some ^ without(part ^ c, c_xor_d)


@inner
def add_pair(total: Any, a: Any, a_xor_b: Any) -> Any:
    """Add two bits, given as one and their exclusive or, to a plane; the plane and the carry."""
    return total ^ a_xor_b, (total & a_xor_b) | without(a, a_xor_b)


@inner
def without(a: Any, b: Any) -> Any:
    """The lanes of a that are not in b: one instruction."""
    return a & (b ^ every(-1))


@inner
def add_four(block: Any, walks: Any, k: Any, ones: Any) -> Any:
    """Add four columns to the plane of ones; returns the plane and a pair of carries."""
    a, c = column(block, walks, k), column(block, walks, k + 2)
    b, d = column(block, walks, k + 1), column(block, walks, k + 3)
    return add_pairs(ones, a, a ^ b, c, c ^ d)


@inner
def add_sixteen(
    block: Any, walks: Any, k: Any, ones: Any, twos: Any, fours: Any, eights: Any
) -> Any:
    """Add sixteen columns to four planes; returns the planes and the carry of sixteen."""
    ones, a, b = add_four(block, walks, k, ones)
    ones, c, d = add_four(block, walks, k + 4, ones)
    twos, e, f = add_pairs(twos, a, b, c, d)
    ones, a, b = add_four(block, walks, k + 8, ones)
    ones, c, d = add_four(block, walks, k + 12, ones)
    twos, g, h = add_pairs(twos, a, b, c, d)
    fours, a, b = add_pairs(fours, e, f, g, h)
    eights, carry = add_pair(eights, a, b)
    return ones, twos, fours, eights, carry


@inner
def survivors(block: Any, walks: Any, first: int, last: int, allowed: int) -> Any:
    """The lanes of a block that miss at most ``allowed`` < FEW of the columns [first, last).

    ``block`` and ``walks`` are addresses. Looks at the carries every 16 columns.
    """
    bits = every(FEW - 1 - allowed)
    p0, p1, p2, p3 = digit(bits, 0), digit(bits, 1), digit(bits, 2), digit(bits, 3)
    p4, p5, p6, p7 = digit(bits, 4), digit(bits, 5), digit(bits, 6), digit(bits, 7)
    alive = every(-1)
    for k in range(first, last, STRIDE):
        p0, p1, p2, p3, carry = add_sixteen(block, walks, k, p0, p1, p2, p3)
        p4, carry = p4 ^ carry, p4 & carry
        p5, carry = p5 ^ carry, p5 & carry
        p6, carry = p6 ^ carry, p6 & carry
        p7, carry = p7 ^ carry, p7 & carry
        alive = without(alive, carry)
        if not anything(alive):
            break
    return alive


@inner
def survivors_of_many(block: Any, walks: Any, first: int, last: int, allowed: int) -> Any:
    """The same for ``allowed`` up to 2**14 - 1. Looks at the carries every 64 columns."""
    bits = every(2**14 - 1 - allowed)
    p0, p1, p2, p3 = digit(bits, 0), digit(bits, 1), digit(bits, 2), digit(bits, 3)
    p4, p5, p6, p7 = digit(bits, 4), digit(bits, 5), digit(bits, 6), digit(bits, 7)
    p8, p9, p10, p11 = digit(bits, 8), digit(bits, 9), digit(bits, 10), digit(bits, 11)
    p12, p13 = digit(bits, 12), digit(bits, 13)
    alive = every(-1)
    for k in range(first, last, LONG_STRIDE):
        p0, p1, p2, p3, a = add_sixteen(block, walks, k, p0, p1, p2, p3)
        p0, p1, p2, p3, b = add_sixteen(block, walks, k + 16, p0, p1, p2, p3)
        p0, p1, p2, p3, c = add_sixteen(block, walks, k + 32, p0, p1, p2, p3)
        p0, p1, p2, p3, d = add_sixteen(block, walks, k + 48, p0, p1, p2, p3)
        p4, a, b = add_pairs(p4, a, a ^ b, c, c ^ d)
        p5, carry = add_pair(p5, a, b)
        p6, carry = p6 ^ carry, p6 & carry
        p7, carry = p7 ^ carry, p7 & carry
        p8, carry = p8 ^ carry, p8 & carry
        p9, carry = p9 ^ carry, p9 & carry
        p10, carry = p10 ^ carry, p10 & carry
        p11, carry = p11 ^ carry, p11 & carry
        p12, carry = p12 ^ carry, p12 & carry
        p13, carry = p13 ^ carry, p13 & carry
        alive = without(alive, carry)
        if not anything(alive):
            break
    return alive
