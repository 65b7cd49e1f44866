"""Vectors of bits for compiled kernels, one bit ("lane") for each record of a block.

numba has no vector type. This one maps to LLVM's <4 x i64>, which LLVM turns into the vector
instructions of the processor at hand: AVX2, NEON, or plain words. A processor with AVX-512 has
vectors of twice the length, and any function of three bits in one instruction (``TERNARY``).
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core.registry import cpu_target
from numba.extending import models, overload, register_model

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


lanes: Any = LanesType()


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

        return lanes(lanes, lanes), generate

    def implementation(left: Any, right: Any) -> Any:
        return apply(left, right)

    @overload(sign)
    def _(left: Any, right: Any) -> Any:
        return implementation if left is lanes and right is lanes else None


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

        return lanes(lanes, lanes, lanes), generate

    return apply


parity = _of_three(0b10010110)
majority = _of_three(0b11101000)


@intrinsic
def column(typing: Any, block: Any, walk: Any, k: Any) -> Any:
    """The vector of ``block`` at place ``walk[k]``; both are addresses, the walk of uint16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, walk, k = arguments
        table = builder.inttoptr(walk, ir.IntType(16).as_pointer())
        place = builder.zext(builder.load(builder.gep(table, [k])), _WORD)
        return _load(builder, _element(builder, block, place), BYTES)

    return lanes(types.intp, types.intp, types.int64), generate


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
    """Put ``value`` at place ``k`` of an array of 64-bit words at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, k, value = arguments
        place = builder.gep(builder.inttoptr(address, _WORD.as_pointer()), [k])
        builder.store(value, place).align = 8
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, types.uint64), generate


@intrinsic
def load(typing: Any, address: Any, k: Any) -> Any:
    """The vector at place ``k`` of an array of vectors at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, _element(builder, *arguments), 8)

    return lanes(types.intp, types.int64), generate


@intrinsic
def store(typing: Any, address: Any, k: Any, value: Any) -> Any:
    """Put ``value`` at place ``k`` of an array of vectors at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, k, value = arguments
        pointer = builder.inttoptr(_element(builder, address, k), _VECTOR.as_pointer())
        builder.store(value, pointer).align = 8
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, lanes), generate


@intrinsic
def every(typing: Any, word: Any) -> Any:
    """A vector of the same word, WORDS times."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return lanes(types.int64), generate


@intrinsic
def digit(typing: Any, words: Any, k: Any) -> Any:
    """All lanes of each word set where bit ``k`` of the word is, none where it is not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, k = arguments
        mask = _spread(builder, builder.shl(ir.Constant(_WORD, 1), k))
        held = builder.icmp_unsigned("==", builder.and_(value, mask), mask)
        return builder.sext(held, _VECTOR)

    return lanes(lanes, types.int64), generate


@intrinsic
def anything(typing: Any, value: Any) -> Any:
    """Whether any lane of the vector is set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(arguments[0], whole), whole(0))

    return types.boolean(lanes), generate


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
