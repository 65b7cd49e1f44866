"""Bit-sliced counters: how often each record of a block misses a walked bit, for the kernels.

Plane p holds bit p of all counters, one in each lane. The counters start so that a carry out of the
highest plane means "more bits missing than allowed".
"""

from typing import Any

from blindlink.linker.join.adders import add_four_carries, add_sixteen, inner, without
from blindlink.linker.join.lanes import anything, digit, every

STRIDE = 16  # bits walked between two looks at the carries
LONG_STRIDE = 64  # the same where many misses are allowed
FEW = 256  # misses that are counted in eight planes


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
        p4, p5, carry = add_four_carries(p4, p5, a, b, c, d)
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
