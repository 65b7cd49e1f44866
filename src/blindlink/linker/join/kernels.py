"""The compiled kernels of the sliced engine, all in this one file.

An exact threshold join that looks at few of the bits. The right filters are transposed once into
blocks of LANES lanes: for each bit position (*column*) one vector with a lane per record, set where
the record does **not** have the bit. With 512 lanes of 64 bits x 8 words:

                   lane 0   1   2   3  ...  511
    column 0        [ 1     0   1   1  ...   1 ]   the rarest bit: nearly every record misses it
    column 1        [ 1     1   1   0  ...   1 ]
      ...
    column bits-1   [ 0     1   0   0  ...   0 ]   the commonest bit
    column bits     [ 0     0   0   0  ...   0 ]   zeros: a walk is filled up with it

``blocks`` is (blocks, columns, WORDS) of uint64; lane i is bit i % 64 of word i // 64.

For a left filter ``sift`` walks the columns of its set bits from the rarest on and counts, in all
lanes at once, how often the bit is missing. The counters are *bit-sliced*: plane p is a vector that
holds bit p of every lane's counter, so that one addition of a column to 512 counters is a few
vector instructions and no counter is ever unpacked:

                   lane 0   1   2   3            they start at 255 - allowed, so that the
    plane 0 (1s)    [ 1     0   1   1 ...        carry out of plane 7 means "more misses
    plane 1 (2s)    [ 0     1   1   0 ...        than the threshold allows": that lane is
      ...                                        out, and when all are, the block is left
    plane 7 (128s)  [ 0     0   1   0 ...        after a fraction of the walk.
         carry  ->  out of ``alive``

What survives, ``compare`` counts exactly and divides as the reference does. So a sieve may let too
much through and never too little, and whatever it does not count (the padding, the last bit of
filters with as many bits as a column number has) costs time and no pair.

Why one file: numba recompiles a kernel when *its own* file has changed, and a kernel inlines
whatever it calls. A helper in another file could be edited and old code would run from the cache.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import extending, njit, types
from numba.core.registry import cpu_target
from numba.extending import models, overload, register_model

from blindlink.arrays import Floats, Int64s, UInt16s, Words
from blindlink.linker.join.compiled import kernel
from blindlink.linker.join.measures import MEASURES

MEASURE_CODES = {name: code for code, name in enumerate(MEASURES)}  # dice is 0
MOST_COLUMNS = 2**16  # a walk numbers the columns with 16 bits
STRIDE = 16  # bits walked between two looks at the carries
LONG_STRIDE = 64  # the same where many misses are allowed
FEW = 256  # misses that are counted in eight planes
MANY = 2**16  # misses that are counted in sixteen

# Vectors ------------------------------------------------------------------------------------------
#
# numba has no vector type. This one maps to LLVM's <4 x i64>, which LLVM turns into the vector
# instructions of the processor at hand: AVX2, NEON, or plain words. A processor with AVX-512 has
# vectors of twice the length, and any function of three bits in one instruction (``TERNARY``).

# numba's annotations do not know that the typing context is passed by numba itself.
intrinsic: Any = extending.intrinsic

# What numba compiles for: of triple, processor and features, the last.
TERNARY = "+avx512vl" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")
WORDS = 8 if TERNARY else 4
LANES = 64 * WORDS
BYTES = 8 * WORDS

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, WORDS)


class LanesType(types.Type):
    """The type of a vector of LANES lanes inside a kernel."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


lanes_type: Any = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _operator(sign: Callable[[Any, Any], Any], method: str) -> None:
    """Give kernels ``sign`` for two vectors: the LLVM instruction ``method``."""

    @intrinsic
    def apply(typing: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, method)(*arguments)

        return lanes_type(lanes_type, lanes_type), generate

    def implementation(left: Any, right: Any) -> Any:
        return apply(left, right)

    @overload(sign)
    def _(left: Any, right: Any) -> Any:
        return implementation if left is lanes_type and right is lanes_type else None


for _sign, _method in (
    (operator.and_, "and_"),
    (operator.or_, "or_"),
    (operator.xor, "xor"),
    (operator.lshift, "shl"),  # word by word
    (operator.rshift, "lshr"),
):
    _operator(_sign, _method)


def _of_three(table: int) -> Any:
    """A function of three vectors by its truth table, for processors with ``TERNARY`` logic."""

    @intrinsic
    def apply(typing: Any, a: Any, b: Any, c: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            name, number = f"llvm.x86.avx512.pternlog.q.{LANES}", ir.IntType(32)
            kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR, number])
            known = builder.module.globals.get(name)
            function = ir.Function(builder.module, kind, name) if known is None else known
            return builder.call(function, [*arguments, number(table)])

        return lanes_type(lanes_type, lanes_type, lanes_type), generate

    return apply


parity = _of_three(0b10010110)
majority = _of_three(0b11101000)


@intrinsic
def column(typing: Any, block: Any, walk: Any, k: Any) -> Any:
    """The vector of ``block`` in column ``walk[k]``; both are addresses, the walk of uint16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, walk, k = arguments
        table = builder.inttoptr(walk, ir.IntType(16).as_pointer())
        place = builder.zext(builder.load(builder.gep(table, [k])), _WORD)
        return _load(builder, _element(builder, block, place), BYTES)

    return lanes_type(types.intp, types.intp, types.int64), generate


@intrinsic
def word(typing: Any, address: Any, k: Any) -> Any:
    """The ``k``-th 64-bit word at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, k = arguments
        place = builder.gep(builder.inttoptr(address, _WORD.as_pointer()), [k])
        value = builder.load(place)
        value.align = 8
        return value

    return types.uint64(types.intp, types.int64), generate


@intrinsic
def set_word(typing: Any, address: Any, k: Any, value: Any) -> Any:
    """Put ``value`` at index ``k`` of an array of 64-bit words at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, k, value = arguments
        place = builder.gep(builder.inttoptr(address, _WORD.as_pointer()), [k])
        builder.store(value, place).align = 8
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, types.uint64), generate


@intrinsic
def load(typing: Any, address: Any, k: Any) -> Any:
    """The vector at index ``k`` of an array of vectors at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, _element(builder, *arguments), 8)

    return lanes_type(types.intp, types.int64), generate


@intrinsic
def store(typing: Any, address: Any, k: Any, value: Any) -> Any:
    """Put ``value`` at index ``k`` of an array of vectors at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, k, value = arguments
        pointer = builder.inttoptr(_element(builder, address, k), _VECTOR.as_pointer())
        builder.store(value, pointer).align = 8
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, lanes_type), generate


@intrinsic
def every(typing: Any, word: Any) -> Any:
    """A vector of the same word, WORDS times."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return lanes_type(types.int64), generate


@intrinsic
def digit(typing: Any, words: Any, k: Any) -> Any:
    """All lanes of each word set where bit ``k`` of the word is, none where it is not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, k = arguments
        mask = _spread(builder, builder.shl(ir.Constant(_WORD, 1), k))
        held = builder.icmp_unsigned("==", builder.and_(value, mask), mask)
        return builder.sext(held, _VECTOR)

    return lanes_type(lanes_type, types.int64), generate


@intrinsic
def anything(typing: Any, value: Any) -> Any:
    """Whether any lane of the vector is set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(arguments[0], whole), whole(0))

    return types.boolean(lanes_type), generate


@intrinsic
def bit_count(typing: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def lowest_bit(typing: Any, word: Any) -> Any:
    """The position of the lowest set bit of a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


def _spread(builder: Any, word: Any) -> Any:
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for place in range(WORDS):
        vector = builder.insert_element(vector, word, ir.Constant(ir.IntType(32), place))
    return vector


def _element(builder: Any, address: Any, k: Any) -> Any:
    return builder.add(address, builder.mul(k, ir.Constant(_WORD, BYTES)))


def _load(builder: Any, address: Any, alignment: int) -> Any:
    vector = builder.load(builder.inttoptr(address, _VECTOR.as_pointer()))
    vector.align = alignment
    return vector


# Carry-save adders --------------------------------------------------------------------------------
#
# Sixteen columns of a block go through a tree of adders before anything is carried to the higher
# planes (Harley and Seal, in Warren 2012, section 5-1). Where the processor knows every function
# of three bits, a full adder is two instructions. Elsewhere pairs of bits travel as one of them
# and their exclusive or, which saves two of the ten operations of two full adders: the MDFA block
# of Demenkov, Kojevnikov, Kulikov and Yaroslavtsev (2010), "New upper bounds on the Boolean
# circuit complexity of symmetric functions".

#     columns  k  k+1   k+2  k+3   k+4  k+5   k+6  k+7    ...  k+15
#               \  /      \  /      \  /      \  /
#     ones  ->   FA   ->   FA   ->   FA   ->   FA   -> ... -> ones      (FA: full adder;
#                 \       /           \       /                         each takes its plane
#     twos  ->      FA        ->        FA        ->   ... -> twos       and two vectors, and
#                     \              /                                  gives the plane and
#     fours ->              FA                    ->   ... -> fours      a carry)
#     eights ->                                        ... -> eights, and the carry of sixteen

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


# Bit-sliced counters ------------------------------------------------------------------------------
#
# How often each record of a block misses a walked bit. The counters start so that a carry out of
# the highest plane means that more bits are missing than allowed.


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
    """The same for ``allowed`` < MANY. Looks at the carries every 64 columns."""
    bits = every(MANY - 1 - allowed)
    p0, p1, p2, p3 = digit(bits, 0), digit(bits, 1), digit(bits, 2), digit(bits, 3)
    p4, p5, p6, p7 = digit(bits, 4), digit(bits, 5), digit(bits, 6), digit(bits, 7)
    p8, p9, p10, p11 = digit(bits, 8), digit(bits, 9), digit(bits, 10), digit(bits, 11)
    p12, p13, p14, p15 = digit(bits, 12), digit(bits, 13), digit(bits, 14), digit(bits, 15)
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
        p14, carry = p14 ^ carry, p14 & carry
        p15, carry = p15 ^ carry, p15 & carry
        alive = without(alive, carry)
        if not anything(alive):
            break
    return alive


# What the kernels take and give -------------------------------------------------------------------
#
# Named tuples of arrays, which numba hands on without boxing.


class Rule(NamedTuple):
    """What is compared: the code of the measure and the length of the filters."""

    measure: int
    bits: int


class Slab(NamedTuple):
    """Right records, transposed: blocks (blocks, columns, WORDS) with weights from low to high.

    A lane stands for ``group`` records that follow each other in ``order``, and has the bits of all
    of them: if it misses too many bits, so does each of them. ``words`` and ``weights`` are by
    record; ``base`` is the right row of record 0.
    """

    blocks: Words
    low: Int64s
    high: Int64s
    order: Int64s
    words: Words
    weights: Int64s
    group: int
    base: int


class Tile(NamedTuple):
    """Left records and their walks: the columns of set bits, from ``starts`` of each record."""

    words: Words
    weights: Int64s
    starts: Int64s
    walks: UInt16s


class Hits(NamedTuple):
    """What has to be compared exactly: a left record, a block, and lanes in it (hits, WORDS)."""

    row: Int64s
    block: Int64s
    lanes: Words


class Room(NamedTuple):
    """Room for pairs that reach the threshold, in no order. Shape: (room,)."""

    left: Int64s
    right: Int64s
    score: Floats


class Kept(NamedTuple):
    """The best pairs of each left record: how many are held, and which (records, top)."""

    held: Int64s
    right: Int64s
    score: Floats


# Making blocks and walks --------------------------------------------------------------------------
#
# The right file is transposed in squares of 64 x 64 bits; the left file becomes lists of columns.


@kernel
def weigh(words: Any, weights: Any) -> None:
    """Put the number of set bits of each record of ``words`` (records, words) into ``weights``."""
    source, width = np.intp(words.ctypes.data), words.shape[1]
    for record in range(len(words)):
        weight = 0
        for k in range(width):
            weight += bit_count(word(source, record * width + k))
        weights[record] = weight


@inner
def exchange(square: Any, width: int, shift: int, mask: int) -> None:
    """In 8 rows of 8 words at ``square``: exchange bits between rows that are ``width`` apart.

    The bits of ``mask`` in the lower row, with those that are ``shift`` higher in the upper row.
    """
    distance, kept = every(shift), every(mask)
    for start in range(0, 8, 2 * width):
        for row in range(start, start + width):
            for k in range(8 // WORDS):
                at, other = row * (8 // WORDS) + k, (row + width) * (8 // WORDS) + k
                upper, lower = load(square, at), load(square, other)
                swap = ((upper >> distance) ^ lower) & kept
                store(square, at, upper ^ (swap << distance))
                store(square, other, lower ^ swap)


@inner
def transpose_square(square: Any, turned: Any) -> None:
    """Transpose 64 words of 64 bits (Warren 2012, section 7-3) from ``square`` to ``turned``.

    Both are addresses. Row 8 i + j of the input is word 8 j + i, so that each step is one of whole
    vectors; the output is in order.
    """
    exchange(square, 4, 4, 0x0F0F0F0F0F0F0F0F)
    exchange(square, 2, 2, 0x3333333333333333)
    exchange(square, 1, 1, 0x5555555555555555)
    for i in range(8):
        for j in range(8):
            set_word(turned, 8 * i + j, word(square, 8 * j + i))
    exchange(turned, 4, 32, 0x00000000FFFFFFFF)
    exchange(turned, 2, 16, 0x0000FFFF0000FFFF)
    exchange(turned, 1, 8, 0x00FF00FF00FF00FF)


@inner
def missing_bits(words: Any, order: Any, group: int, start: int, lanes: Any) -> None:
    """The bits that all records of a lane miss, for 64 lanes (64, words) from record ``start``."""
    for lane in range(64):
        lanes[lane] = ~np.uint64(0)
        first = start + lane * group
        for k in range(first, min(first + group, len(order))):
            record = order[k]
            for column in range(words.shape[1]):
                lanes[lane, column] &= ~words[record, column]


@kernel
def transpose(
    words: Any, order: Any, group: int, rank: Any, first: int, last: int, blocks: Any
) -> None:
    """Fill blocks [first, last) of ``blocks`` (blocks, columns, WORDS) from records in this order.

    The column of a bit stands at its ``rank`` by rarity: what is walked first lies together. Lanes
    beyond the last record miss every bit. The last column is zero: walking it changes nothing. In
    filters of MOST_COLUMNS bits the commonest bit would stand there: it is not counted, and zero.
    """
    width, columns = words.shape[1], blocks.shape[1]
    lanes, turned = np.empty((64, width), np.uint64), np.empty(64, np.uint64)
    scratch = np.empty(64, np.uint64)
    square, result = np.intp(scratch.ctypes.data), np.intp(turned.ctypes.data)
    target = np.intp(blocks.ctypes.data)
    for block in range(first, last):
        for word_of_lane in range(WORDS):
            start = (block * LANES + word_of_lane * 64) * group
            missing_bits(words, order, group, start, lanes)
            for k in range(width):
                for lane in range(64):
                    scratch[(lane & 7) * 8 + (lane >> 3)] = lanes[lane, k]
                transpose_square(square, result)
                for bit in range(64):
                    at = block * columns + rank[k * 64 + bit]
                    set_word(target, at * WORDS + word_of_lane, turned[bit])
        blocks[block, -1] = np.uint64(0)


@kernel
def walk(words: Any, rank: Any, columns: int, starts: Any, walks: Any) -> None:
    """The columns of each record's set bits, rarest first.

    ``rank`` is the place of each bit by rarity, and so the column in a block of ``columns``. What
    is left over of the places from ``starts[record]`` to ``starts[record + 1]`` points at the last
    column, which is zero.
    """
    ranked = np.empty(words.shape[1], np.uint64)
    for record in range(len(words)):
        ranked[:] = 0
        for k in range(words.shape[1]):
            rest = words[record, k]
            while rest != 0:
                place = rank[k * 64 + lowest_bit(rest)]
                rest &= rest - np.uint64(1)
                ranked[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
        at = starts[record]
        for k in range(words.shape[1]):
            rest = ranked[k]
            while rest != 0:
                walks[at] = k * 64 + lowest_bit(rest)
                rest &= rest - np.uint64(1)
                at += 1
        walks[at : starts[record + 1]] = columns - 1


# The sieve and the exact comparison ---------------------------------------------------------------
#
# ``sift`` finds what may reach the threshold, ``compare`` what does.


@inner
def least_common(rule: Any, bar: float, left: int, right: int) -> int:
    """A lower bound of the bits in common at which ``bar`` is reached, for these weights.

    It does not fall when ``right`` grows. The slack covers the rounding of a few operations on
    counts up to 2**17; the exact comparison comes later.
    """
    measure, bits = rule.measure, rule.bits
    if measure == 0:
        need = bar * 0.5 * (left + right)
    elif measure == 1:
        need = bar * (left + right) / (1.0 + bar)
    elif measure == 2:
        need = bar * math.sqrt(float(left) * right)
    elif measure == 3:
        need = bar * min(left, right)
    else:
        need = 0.5 * (left + right - (1.0 - bar) * bits)
    return max(0, math.ceil(need - 1e-6))


@inner
def similarity(rule: Any, common: int, left: int, right: int) -> float:
    """The measure, rounded as in ``blindlink.linker.join.measures``."""
    measure, bits = rule.measure, rule.bits
    if measure == 0:
        numerator, denominator = float(2 * common), float(left + right)
    elif measure == 1:
        numerator, denominator = float(common), float(left + right - common)
    elif measure == 2:
        numerator, denominator = float(common), math.sqrt(float(left * right))
    elif measure == 3:
        numerator, denominator = float(common), float(min(left, right))
    else:
        numerator, denominator = float(bits - (left + right - 2 * common)), float(bits)
    return numerator / denominator if denominator != 0.0 else 0.0


@inner
def misses_allowed(rule: Any, bar: float, left: int, low: int, high: int) -> int:
    """How many bits of a left filter the records of a block with weights low..high may miss.

    Negative where no record of the block can reach the threshold.
    """
    if high < left and least_common(rule, bar, left, high) > high:
        return -1
    allowed: int = left - least_common(rule, bar, left, low)
    return allowed


@kernel
def sift(slab: Any, tile: Any, rule: Any, bars: Any, step: int, last: int, hits: Any) -> Any:
    """Find what has to be compared exactly: steps are (block, record) pairs, in row-major order.

    Goes from ``step`` to ``last``, or until ``hits`` is full. ``bars`` (records,) is the score that
    a pair of each record must reach. Returns the step to go on from and the number of hits.

    Everything is taken out of the tuples first: numba counts references whenever an array is handed
    on, which in the loop would cost as much as the work itself.
    """
    low, high, weights, starts = slab.low, slab.high, tile.weights, tile.starts
    hit_row, hit_block, hit_lanes = hits.row, hits.block, np.intp(hits.lanes.ctypes.data)
    blocks, walks = np.intp(slab.blocks.ctypes.data), np.intp(tile.walks.ctypes.data)
    size, rows, count = slab.blocks.strides[0], len(weights), 0
    allowance = np.empty(rows, np.int64)
    while step < last:
        block, first = step // rows, step % rows
        # In a loop of its own, where the processor works on many rows at once.
        for row in range(first, rows):
            allowance[row] = misses_allowed(rule, bars[row], weights[row], low[block], high[block])
        here = blocks + block * size
        for row in range(first, min(rows, first + last - step)):
            if count == len(hit_row):
                return step, count
            step += 1
            allowed = allowance[row]
            if allowed < 0:
                continue
            if allowed >= weights[row]:
                lanes = every(-1)
            elif allowed < FEW:
                lanes = survivors(here, walks, starts[row], starts[row + 1], allowed)
            else:
                lanes = survivors_of_many(here, walks, starts[row], starts[row + 1], allowed)
            if anything(lanes):
                hit_row[count], hit_block[count] = row, block
                store(hit_lanes, count, lanes)
                count += 1
    return step, count


@inner
def common_bits(left: Any, right: Any, words: int) -> int:
    """The bits that two filters of so many words have in common; both are addresses."""
    common = 0
    for k in range(words):
        common += bit_count(word(left, k) & word(right, k))
    return common


@kernel
def compare(slab: Any, tile: Any, rule: Any, bars: Any, beyond: int, hits: Any, room: Any) -> int:
    """Compare the hits exactly; returns how many pairs reach the bar of their left record.

    Pairs whose right row is not above the left record plus ``beyond`` do not count. ``room`` is
    enough for all.
    """
    row_of, block_of, lanes, order = hits.row, hits.block, hits.lanes, slab.order
    out_left, out_right, out_score = room.left, room.right, room.score
    left, right = np.intp(tile.words.ctypes.data), np.intp(slab.words.ctypes.data)
    left_weights, right_weights = tile.weights, slab.weights
    words, group, count = tile.words.shape[1], slab.group, 0
    for hit in range(len(row_of)):
        row = row_of[hit]
        for word_of_lane in range(WORDS):
            rest = lanes[hit, word_of_lane]
            start = block_of[hit] * LANES + word_of_lane * 64
            while rest != 0:
                first = (start + lowest_bit(rest)) * group
                rest &= rest - np.uint64(1)
                for k in range(first, min(first + group, len(order))):
                    record = order[k]
                    if slab.base + record <= row + beyond:
                        continue
                    common = common_bits(left + row * words * 8, right + record * words * 8, words)
                    score = similarity(rule, common, left_weights[row], right_weights[record])
                    if score >= bars[row]:
                        out_left[count], out_right[count] = row, slab.base + record
                        out_score[count] = score
                        count += 1
    return count


@kernel
def keep_best(room: Any, count: int, kept: Any, bars: Any) -> None:
    """Put pairs among the best of their left records; a full row raises its bar."""
    top = kept.score.shape[1]
    for pair in range(count):
        row, record, score = room.left[pair], room.right[pair], room.score[pair]
        rank = kept.held[row]
        while rank > 0 and (
            score > kept.score[row, rank - 1]
            or (score == kept.score[row, rank - 1] and record < kept.right[row, rank - 1])
        ):
            rank -= 1
        if rank == top:
            continue
        for k in range(min(kept.held[row], top - 1), rank, -1):
            kept.score[row, k] = kept.score[row, k - 1]
            kept.right[row, k] = kept.right[row, k - 1]
        kept.score[row, rank], kept.right[row, rank] = score, record
        kept.held[row] = min(kept.held[row] + 1, top)
        if kept.held[row] == top:
            bars[row] = kept.score[row, top - 1]


# Small blocks -------------------------------------------------------------------------------------
#
# The exact comparison of all pairs of many small blocks of records that share a key.


class Blocks(NamedTuple):
    """Records by block: filters (records, words), weights, all keys (records, 2 x keys).

    ``number``: which of the keys (from 0) the block of a record shares. Block i goes from
    ``borders[i]`` to ``borders[i + 1]``, its right records begin at ``split[i]``.
    """

    words: Words
    weights: Int64s
    keys: Words
    number: Int64s
    borders: Int64s
    split: Int64s


@inner
def shares_earlier_key(keys: Any, number: int, a: int, b: int) -> bool:
    """Whether two records share a key before this one; a missing key is all zero."""
    for k in range(0, 2 * number, 2):
        first, second = keys[a, k], keys[a, k + 1]
        if first | second != 0 and first == keys[b, k] and second == keys[b, k + 1]:
            return True
    return False


@kernel
def compare_blocks(blocks: Any, rule: Any, bar: float, block: int, record: int, room: Any) -> Any:
    """From left record ``record`` of ``block`` on, until the room is filled or all is done.

    Returns the block and record to go on from, and the number of pairs that reach the bar.
    """
    words, weights, keys, number = blocks.words, blocks.weights, blocks.keys, blocks.number
    left, right, score = room.left, room.right, room.score
    address, size, count = np.intp(words.ctypes.data), words.shape[1], 0
    while block < len(blocks.split):
        split, end = blocks.split[block], blocks.borders[block + 1]
        for a in range(max(record, blocks.borders[block]), split):
            if count + end - split > len(score):
                return block, a, count
            for b in range(split, end):
                if shares_earlier_key(keys, number[a], a, b):
                    continue
                common = common_bits(address + a * size * 8, address + b * size * 8, size)
                value = similarity(rule, common, weights[a], weights[b])
                if value >= bar:
                    left[count], right[count], score[count] = a, b, value
                    count += 1
        block += 1
        record = 0
    return block, record, count
