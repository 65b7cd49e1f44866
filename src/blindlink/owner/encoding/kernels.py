"""Compiled: tokens put together, hashed many at a time, and their bits set, without Python's lock.

The same bits as ``hashlib`` gives one by one (tests/properties/test_kernels.py), some ten times as
fast. Two hashes stand here as vector code: BLAKE2b (RFC 7693) for the bits of filters, SHA-256
(FIPS 180-4) inside HMAC (RFC 2104) for match keys. They are no new cryptography: only how many
messages go through the published function at once. numba has no vectors, so the compression
functions are written as LLVM's instructions on vectors; LLVM makes AVX-512, AVX2, NEON or plain
words of them. numba is compiled on first use and kept (as the linker's kernels are).

One message in each lane of a vector, words of the same number side by side:

    memory, a message a line                      registers, a word number each
    lane 0   w0 w1 w2 ... w15                     m0 = w0 of lane 0, 1, ... LANES - 1
    lane 1   w0 w1 w2 ... w15      transposed     m1 = w1 of lane 0, 1, ...
    ...                          ------------>    ...
    lane 7   w0 w1 w2 ... w15                     m15

A keyed BLAKE2b hashes the key as a block of its own first. That block is the same for all tokens of
a composite, so its state is computed once (``blake_state``) and every token starts from there.

What a row's token is made of, for a composite of columns 3, 0 and 5:

    codes (columns, rows)          blob: the bytes of all values of all columns, one after another
    row r:  codes[3, r] = 17  -->  starts[base[3] + 17] .. starts[base[3] + 18]   "SMITH"
            codes[0, r] = 4   -->  starts[base[0] + 4]  .. starts[base[0] + 5]    "M"
            codes[5, r] = 2   -->  nothing between the two: the value is missing, no token

    message of the row             "SMITH" 1f "M" 1f "1970"  then zeros to the end of the block

The first column may be cut into pieces: piece p of value v of cut k has the number
``cut_first[cut_base[k] + v] + p`` among all pieces, and each piece makes a token.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, njit, types
from numba.core.registry import cpu_target

from blindlink.arrays import Bytes

intrinsic: Any = extending.intrinsic  # its annotations leave out what numba passes by itself
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}

# What numba compiles for: of triple, processor and features, the last.
_WIDE = "+avx512vl" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")
LANES = 8 if _WIDE else 4  # messages side by side in BLAKE2b, of 64-bit words
HALVES = 2 * LANES  # in SHA-256, of 32-bit words
QUEUE = 64  # messages put together before they are hashed
ROWS = 64  # rows whose filters stay in the processor's cache while all their tokens are set
BLOCK, DRAWN = 128, 32  # of BLAKE2b: bytes of a block, and positions of 16 bits in a hash
SLACK = 32  # bytes are moved 32 at a time, and may be read and written so far beyond
_LINE = 64  # bytes of a line of the processor's cache
MARK = 0x1F  # between the parts of a token

_BLAKE_IV = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
_SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
# The columns of the 4 x 4 matrix of BLAKE2b's state, then its diagonals.
_MIXED = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def _roots(count: int, power: int) -> list[int]:
    """The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4)."""
    primes: list[int] = []
    number = 2
    while len(primes) < count:
        if all(number % prime for prime in primes):
            primes.append(number)
        number += 1
    return [_root(prime << (32 * power), power) & 0xFFFFFFFF for prime in primes]


def _root(number: int, power: int) -> int:
    """The whole part of the root, by bisection of whole numbers."""
    low, high = 0, number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= number else (low, middle - 1)
    return low


_SHA_START, _SHA_K = np.array(_roots(8, 2), np.uint32), _roots(64, 3)

_BLAKE_START = np.array(_BLAKE_IV, np.uint64)


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when it is first called and kept where numba finds a folder."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder for the cache
        return njit(**_OPTIONS)(function)


def queue(stride: int) -> Bytes:
    """Memory for messages of at most ``stride`` bytes.

    Made outside of the kernels: numba frees an array of which only the address is in use.
    """
    room = np.empty(QUEUE * stride + SLACK + _LINE, np.uint8)
    return room[-room.ctypes.data % _LINE :]  # no vector then lies across two lines of the cache


def _part(function: Callable[..., Any]) -> Any:
    """A piece of a kernel. A call would hand over seven words for each array."""
    return njit(forceinline=True, **_OPTIONS)(function)


class _Vectors:
    """Writes LLVM's instructions on vectors of ``lanes`` words of ``size`` bits."""

    def __init__(self, builder: Any, size: int, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.word = ir.IntType(size)
        self.kind = ir.VectorType(self.word, lanes)

    def load(self, address: Any, offset: int = 0) -> Any:
        """The vector at an address; it need not be aligned."""
        value = self.builder.load(self._pointer(address, offset))
        value.align = 1
        return value

    def store(self, value: Any, address: Any, offset: int = 0) -> None:
        self.builder.store(value, self._pointer(address, offset)).align = 1

    def same(self, number: int) -> Any:
        """The number in all lanes."""
        return ir.Constant(self.kind, [number] * self.lanes)

    def right(self, value: Any, by: int) -> Any:
        """Rotated to the right."""
        size = self.word.width
        return self._call("fshl", [value, value, self.same(size - by)], f"v{self.lanes}i{size}")

    def swapped(self, value: Any) -> Any:
        """The bytes of each word in the other order."""
        return self._call("bswap", [value], f"v{self.lanes}i{self.word.width}")

    def add(self, *values: Any) -> Any:
        total = values[0]
        for value in values[1:]:
            total = self.builder.add(total, value)
        return total

    def xor(self, *values: Any) -> Any:
        total = values[0]
        for value in values[1:]:
            total = self.builder.xor(total, value)
        return total

    def messages(self, address: Any, stride: Any) -> list[Any]:
        """Word i of every lane's block as vector i, from lines of 16 words ``stride`` apart."""
        lines = [
            self.builder.add(address, self.builder.mul(stride, ir.Constant(stride.type, lane)))
            for lane in range(self.lanes)
        ]
        size = self.word.width // 8
        words: list[Any] = []
        for first in range(0, 16, self.lanes):
            words += self._transposed([self.load(line, first * size) for line in lines])
        return words

    def table(self, numbers: Sequence[int]) -> Any:
        """Constants in memory, as words."""
        kind = ir.ArrayType(self.word, len(numbers))
        name = self.builder.module.get_unique_name("constants")
        kept = ir.GlobalVariable(self.builder.module, kind, name)
        kept.initializer, kept.linkage = ir.Constant(kind, list(numbers)), "internal"
        kept.global_constant = True
        return kept

    def entry(self, table: Any, row: Any, width: int, column: int) -> Any:
        """Number ``width * row + column`` of a table."""
        count = ir.IntType(64)
        place = self.builder.mul(row, ir.Constant(count, width))
        place = self.builder.add(place, ir.Constant(count, column))
        return self.builder.load(self.builder.gep(table, [ir.Constant(count, 0), place]))

    def spread(self, word: Any) -> Any:
        """A word in all lanes."""
        one = self.builder.insert_element(
            ir.Constant(self.kind, ir.Undefined), word, ir.Constant(ir.IntType(32), 0)
        )
        return self._picked(one, one, [0] * self.lanes)

    def kept(self, vectors: list[Any]) -> Any:
        """The vectors in memory one after another: the address of the first, as a number."""
        with self.builder.goto_entry_block():
            room = self.builder.alloca(ir.ArrayType(self.kind, len(vectors)))
        for number, vector in enumerate(vectors):
            places = [ir.Constant(ir.IntType(64), place) for place in (0, number)]
            self.builder.store(vector, self.builder.gep(room, places))
        return self.builder.ptrtoint(room, ir.IntType(64))

    def at(self, address: Any, offset: Any) -> Any:
        """The vector so many bytes behind an address."""
        return self.load(self.builder.add(address, offset))

    @contextmanager
    def loop(self, times: int, values: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
        """A loop: gives its number and the values before each round; the list takes those after.

        ``values`` at the start; behind the loop the list holds those at the end.
        """
        build, count = self.builder, ir.IntType(64)
        before, body = build.block, build.append_basic_block("round")
        behind = build.append_basic_block("behind")
        build.branch(body)
        build.position_at_end(body)
        number = build.phi(count)
        number.add_incoming(ir.Constant(count, 0), before)
        names = [build.phi(value.type) for value in values]
        for name, value in zip(names, values, strict=True):
            name.add_incoming(value, before)
        current = list(names)
        yield number, current
        after = build.add(number, ir.Constant(count, 1))
        number.add_incoming(after, build.block)
        for name, value in zip(names, current, strict=True):
            name.add_incoming(value, build.block)
        build.cbranch(build.icmp_unsigned("<", after, ir.Constant(count, times)), body, behind)
        build.position_at_end(behind)

    def _transposed(self, rows: list[Any]) -> list[Any]:
        """A square of words on its side: halves of pairs of rows are exchanged, bit by bit."""
        bit = 1
        while bit < self.lanes:
            places = range(self.lanes)
            upper = [j + self.lanes - bit if j & bit else j for j in places]
            lower = [j + self.lanes if j & bit else j + bit for j in places]
            for one in [row for row in places if not row & bit]:
                a, b = rows[one], rows[one | bit]
                rows[one], rows[one | bit] = self._picked(a, b, upper), self._picked(a, b, lower)
            bit *= 2
        return rows

    def _picked(self, a: Any, b: Any, places: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), list(places))
        return self.builder.shuffle_vector(a, b, mask)

    def _pointer(self, address: Any, offset: int) -> Any:
        moved = self.builder.add(address, ir.Constant(address.type, offset)) if offset else address
        return self.builder.inttoptr(moved, self.kind.as_pointer())

    def _call(self, name: str, arguments: list[Any], kind: str) -> Any:
        known = self.builder.module.globals.get(f"llvm.{name}.{kind}")
        function = known or ir.Function(
            self.builder.module,
            ir.FunctionType(self.kind, [self.kind] * len(arguments)),
            f"llvm.{name}.{kind}",
        )
        return self.builder.call(function, arguments)


@intrinsic
def _blake(typing: Any, state: Any, message: Any, stride: Any, count: Any, last: Any) -> Any:
    """One block of LANES messages through BLAKE2b's compression function; all are addresses.

    ``state``: eight vectors, replaced; ``count``: how many bytes each lane has hashed with this
    block; ``last``: all ones in each lane whose last block this is.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        state, message, stride, count, last = arguments
        use = _Vectors(builder, 64, LANES)
        m = use.messages(message, stride)
        h = [use.load(state, 8 * LANES * i) for i in range(8)]
        v = [*h, *(use.same(word) for word in _BLAKE_IV)]
        v[12], v[14] = use.xor(v[12], use.load(count)), use.xor(v[14], use.load(last))
        order = use.table([8 * LANES * word for row in (*_SIGMA, *_SIGMA[:2]) for word in row])
        words = use.kept(m)
        with use.loop(12, v) as (number, v):
            for i, (a, b, c, d) in enumerate(_MIXED):
                one, other = (
                    use.at(words, use.entry(order, number, 16, 2 * i + k)) for k in (0, 1)
                )
                v[a] = use.add(v[a], v[b], one)
                v[d] = use.right(use.xor(v[d], v[a]), 32)
                v[c] = use.add(v[c], v[d])
                v[b] = use.right(use.xor(v[b], v[c]), 24)
                v[a] = use.add(v[a], v[b], other)
                v[d] = use.right(use.xor(v[d], v[a]), 16)
                v[c] = use.add(v[c], v[d])
                v[b] = use.right(use.xor(v[b], v[c]), 63)
        for i in range(8):
            use.store(use.xor(h[i], v[i], v[i + 8]), state, 8 * LANES * i)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp, types.intp), generate


@intrinsic
def _sha(typing: Any, state: Any, message: Any, stride: Any) -> Any:
    """One block of HALVES messages through SHA-256's compression function; all are addresses.

    ``state``: eight vectors, replaced.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        state, message, stride = arguments
        use = _Vectors(builder, 32, HALVES)
        w = [use.swapped(word) for word in use.messages(message, stride)]
        _sha_rounds(use, state, w)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@intrinsic
def _sha_outer(typing: Any, state: Any, inner: Any) -> Any:
    """HMAC's outer hash: the block that holds the HALVES inner digests at ``inner``, eight vectors.

    A digest of 32 bytes, the bit that ends a message, and its length with the key's block: 96.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        state, inner = arguments
        use = _Vectors(builder, 32, HALVES)
        digest = [use.load(inner, 4 * HALVES * i) for i in range(8)]
        end = [use.same(number) for number in (1 << 31, 0, 0, 0, 0, 0, 0, 8 * 96)]
        _sha_rounds(use, state, digest + end)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


def _sha_rounds(use: _Vectors, state: Any, w: list[Any]) -> None:
    """Sixteen rounds at a time; they leave in ``w`` the words for the sixteen after them."""
    build = use.builder
    h = [use.load(state, 4 * HALVES * i) for i in range(8)]
    constants = use.table(_SHA_K)
    with use.loop(4, [*h, *w]) as (number, both):
        for i in range(16):
            a, b, c, d, e, f, g, last = both[:8]
            near, far, word = both[8 + (i + 14) % 16], both[8 + (i + 1) % 16], both[8 + i]
            rest = use.xor(use.right(e, 6), use.right(e, 11), use.right(e, 25))
            chosen = use.xor(g, build.and_(e, use.xor(f, g)))
            constant = use.spread(use.entry(constants, number, 16, i))
            first = use.add(last, rest, chosen, constant, word)
            most = build.or_(build.and_(a, b), build.and_(c, build.or_(a, b)))
            turned = use.xor(use.right(a, 2), use.right(a, 13), use.right(a, 22))
            both[:8] = [use.add(first, turned, most), a, b, c, use.add(d, first), e, f, g]
            low = use.xor(use.right(far, 7), use.right(far, 18), build.lshr(far, use.same(3)))
            high = use.xor(use.right(near, 17), use.right(near, 19), build.lshr(near, use.same(10)))
            both[8 + i] = use.add(word, low, both[8 + (i + 9) % 16], high)
    for i in range(8):
        use.store(use.add(h[i], both[i]), state, 4 * HALVES * i)


@intrinsic
def _move(typing: Any, target: Any, source: Any) -> Any:
    """Copy 32 bytes from one address to another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        use = _Vectors(builder, 64, 4)
        use.store(use.load(arguments[1]), arguments[0])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


@intrinsic
def _clear(typing: Any, target: Any) -> Any:
    """32 bytes of zero at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        use = _Vectors(builder, 64, 4)
        use.store(use.same(0), arguments[0])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def _set_byte(typing: Any, target: Any, value: Any) -> Any:
    """One byte at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        builder.store(arguments[1], pointer)
        return context.get_dummy_value()

    return types.void(types.intp, types.uint8), generate


@intrinsic
def _raise(typing: Any, target: Any, bits: Any) -> Any:
    """Set bits of the byte at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        builder.store(builder.or_(builder.load(pointer), arguments[1]), pointer)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint8), generate


@_part
def _put(target: int, source: int, size: int) -> int:
    """Copy bytes, and up to SLACK more; the address behind them."""
    for moved in range(0, size, SLACK):
        _move(target + moved, source + moved)
    return target + size


@_part
def _joined(target, source, size, cut, row, fields, one, end, spots, sizes):
    """Put the token of a row at an address: a first part, then those of ``fields[one:end]``.

    ``spots`` and ``sizes`` (lines, ROWS) say where the values of some rows are. The bytes of the
    token; 0 where a value is missing. After a piece that was cut there is always a mark.
    """
    put = _put(target, source, size)
    mark = np.uint8(MARK)
    if cut and one == end:
        _set_byte(put, mark)
        put += 1
    for k in range(one, end):  # an iterator or a slice of an array would cost two atomic counts
        field = fields[k]
        size = sizes[field, row]
        if size == 0:
            return 0
        _set_byte(put, mark)
        put = _put(put + 1, spots[field, row], size)
    return put - target


@kernel
def _find(spots, sizes, fields, codes, blob, starts, first, rows):
    """Where the values of ``rows`` rows from ``first`` on are, and their bytes, line by line."""
    for field in fields:
        for row in range(rows):
            value = codes[field, first + row]
            spots[field, row] = blob + starts[value]
            sizes[field, row] = starts[value + 1] - starts[value]


@_part
def _hash_blake(states, key, messages, stride, sizes, at, state, before, count, last):
    """LANES messages from a state after the key's block, ``states[key]``.

    They have ``sizes[at]`` bytes and so on, none is empty. The hash stands in ``state``,
    (8, LANES). Lanes whose message has ended keep it while others go on.
    """
    most = 0
    for lane in range(LANES):
        most = max(most, sizes[at + lane])
        for i in range(8):
            state[i, lane] = states[key, i]
    for start in range(0, most, BLOCK):
        for lane in range(LANES):
            count[lane] = BLOCK + min(sizes[at + lane], start + BLOCK)
            last[lane] = ~np.uint64(0) if sizes[at + lane] <= start + BLOCK else np.uint64(0)
        if start:
            for i in range(8):
                for lane in range(LANES):
                    before[i, lane] = state[i, lane]
        _blake(state.ctypes.data, messages + start, stride, count.ctypes.data, last.ctypes.data)
        if start:
            for lane in range(LANES):
                if sizes[at + lane] <= start:
                    for i in range(8):
                        state[i, lane] = before[i, lane]


@kernel
def blake_states(parameters, keys):
    """The states after the keys' own blocks, (n, 8): ``parameters`` (n, 8) words, keys (n, 128)."""
    result = np.empty((len(keys), 8), np.uint64)
    state = np.empty((8, LANES), np.uint64)
    count, last = np.full(LANES, BLOCK, np.uint64), np.zeros(LANES, np.uint64)
    for number in range(len(keys)):
        for i in range(8):
            for lane in range(LANES):
                state[i, lane] = parameters[number, i] ^ _BLAKE_START[i]
        key = keys.ctypes.data + number * BLOCK
        _blake(state.ctypes.data, key, 0, count.ctypes.data, last.ctypes.data)
        for i in range(8):
            result[number, i] = state[i, 0]
    return result


@kernel
def digests(blob, starts, states):
    """BLAKE2b-512 of each value of the blob, none of them empty, (n, 64), from ``states[0]``."""
    number = len(starts) - 1
    longest = 0
    for i in range(number):
        longest = max(longest, starts[i + 1] - starts[i])
    stride = -(-longest // BLOCK) * BLOCK
    messages = np.empty(LANES * stride + SLACK, np.uint8)
    sizes = np.zeros(LANES, np.int64)
    state, before = np.empty((8, LANES), np.uint64), np.empty((8, LANES), np.uint64)
    count, last = np.empty(LANES, np.uint64), np.empty(LANES, np.uint64)
    result = np.empty((number, 8), np.uint64)
    for i in range(0, number, LANES):
        here = min(LANES, number - i)
        for lane in range(here):
            sizes[lane] = starts[i + lane + 1] - starts[i + lane]
            line = messages.ctypes.data + lane * stride
            end = _put(line, blob.ctypes.data + starts[i + lane], sizes[lane])
            _fill(end, line + -(-sizes[lane] // BLOCK) * BLOCK)
        line = messages.ctypes.data
        _hash_blake(states, 0, line, stride, sizes, 0, state, before, count, last)
        for lane in range(here):
            for word in range(8):
                result[i + lane, word] = state[word, lane]
    return result


@_part
def _fill(start: int, stop: int) -> None:
    """Zeros from one address to another, and up to SLACK bytes beyond."""
    for at in range(start, stop, SLACK):
        _clear(at)


@kernel
def set_composites(
    out,
    codes,
    whole,
    blob,
    starts,
    pieces,
    fields,
    first,
    cut,
    bits,
    states,
    state_of,
    mask,
    stride,
    room,
):
    """Set the bits of composites in the filters of some rows, ``out`` (rows, bytes).

    ``codes`` (lines, rows): the number of each value among the values of ``blob``, on the lines
    ``whole``; on the line of a column that is cut, its place in ``pieces``: value p has the pieces
    ``pieces[p]`` to ``pieces[p + 1]`` less one. Composite c has the columns
    ``fields[first[c] : first[c + 1]]``; ``cut[c]`` says whether the
    first is cut. ``bits`` (composites, 2): for a token, or else for all tokens of a value.
    ``states[state_of[c]]`` and those after it are the states of its key with salt 0, 1, ...
    ``mask`` is the length less one, ``stride`` bytes hold the longest token, and ``room`` (from
    ``queue``) as many tokens as wait.
    """
    rows, width = np.shape(out)
    source, lines, target = blob.ctypes.data, room.ctypes.data, out.ctypes.data
    spots, extents = np.zeros((len(codes), ROWS), np.int64), np.zeros((len(codes), ROWS), np.int64)
    owner, wanted = np.zeros(QUEUE, np.int64), np.zeros(QUEUE, np.int64)
    sizes = np.zeros(QUEUE, np.int64)
    state, before = np.empty((8, LANES), np.uint64), np.empty((8, LANES), np.uint64)
    count, last = np.empty(LANES, np.uint64), np.empty(LANES, np.uint64)
    for block in range(0, rows, ROWS):
        here = min(ROWS, rows - block)
        _find(spots, extents, whole, codes, source, starts, block, here)
        for c in range(len(cut)):
            head, rest, behind = fields[first[c]], first[c] + 1, first[c + 1]
            waiting = 0
            for row in range(here):
                piece, end = 0, 1
                if cut[c]:
                    value = np.int64(codes[head, block + row])
                    piece, end = pieces[value], pieces[value + 1]
                elif extents[head, row] == 0:
                    continue
                for number in range(end - piece):
                    share = bits[c, 0]
                    if share == 0:
                        tokens = end - piece
                        share = bits[c, 1] // tokens + (number < bits[c, 1] % tokens)
                    line = lines + waiting * stride
                    for at in range(0, BLOCK, SLACK):
                        _clear(line + at)
                    one, size = spots[head, row], extents[head, row]
                    if cut[c]:
                        one = source + starts[piece + number]
                        size = starts[piece + number + 1] - starts[piece + number]
                    size = _joined(
                        line, one, size, cut[c], row, fields, rest, behind, spots, extents
                    )
                    if size == 0:
                        break
                    _close(line, size)
                    owner[waiting] = target + (block + row) * width
                    wanted[waiting], sizes[waiting] = share, size
                    waiting += 1
                    if waiting == QUEUE:
                        _set_queue(
                            waiting,
                            owner,
                            wanted,
                            sizes,
                            lines,
                            stride,
                            states,
                            state_of[c],
                            mask,
                            state,
                            before,
                            count,
                            last,
                        )
                        waiting = 0
            _set_queue(
                waiting,
                owner,
                wanted,
                sizes,
                lines,
                stride,
                states,
                state_of[c],
                mask,
                state,
                before,
                count,
                last,
            )


@_part
def _close(line: int, size: int) -> None:
    """Zeros behind a message, to the end of its last block. Its first block was clear before."""
    _clear(line + size)  # what was moved with its last part
    _fill(max(line + size + SLACK, line + BLOCK), line + -(-size // BLOCK) * BLOCK)


@_part
def _set_queue(
    waiting, owner, wanted, sizes, lines, stride, states, key, mask, state, before, count, last
):
    """Hash the messages that wait and set their bits: 16 bits of the hash give a position.

    ``owner``: the address of the filter of each message; ``wanted``: how many bits.
    """
    for start in range(0, waiting, LANES):
        here = min(LANES, waiting - start)
        most = 0
        for lane in range(here):
            most = max(most, wanted[start + lane])
        for drawn in range(0, most, DRAWN):
            line, salted = lines + start * stride, key + drawn // DRAWN
            _hash_blake(states, salted, line, stride, sizes, start, state, before, count, last)
            for lane in range(here):
                row = np.uint64(owner[start + lane])
                for j in range(min(wanted[start + lane] - drawn, DRAWN)):
                    word = state[j >> 2, lane] >> np.uint64(16 * (j & 3))
                    at = word & mask
                    _raise(row + (at >> np.uint64(3)), np.uint8(128) >> np.uint8(at & np.uint64(7)))


@kernel
def match_key(out, codes, blob, starts, fields, inner, outer, stride, room):
    """HMAC-SHA256 of the joined columns, cut to 16 bytes: ``out`` (rows, 16), of zeros.

    ``inner`` and ``outer`` (8,) are the states after the blocks of the two padded keys. A row that
    lacks a value keeps its zeros. ``stride`` bytes hold the longest message with its end, and
    ``room`` (from ``queue``) as many as are hashed side by side.
    """
    rows = len(out)
    source, lines = blob.ctypes.data, room.ctypes.data
    head, behind, waiting = fields[0], len(fields), 0
    spots, extents = np.zeros((len(codes), ROWS), np.int64), np.zeros((len(codes), ROWS), np.int64)
    owner, sizes = np.zeros(HALVES, np.int64), np.zeros(HALVES, np.int64)
    state, before = np.empty((8, HALVES), np.uint32), np.empty((8, HALVES), np.uint32)
    result = np.empty((8, HALVES), np.uint32)
    for block in range(0, rows, ROWS):
        count = min(ROWS, rows - block)
        _find(spots, extents, fields, codes, source, starts, block, count)
        for row in range(count):
            one, size = spots[head, row], extents[head, row]
            if size == 0:
                continue
            line = lines + waiting * stride
            size = _joined(line, one, size, False, row, fields, 1, behind, spots, extents)
            if size == 0:
                continue
            owner[waiting], sizes[waiting] = block + row, _ended(line, size)
            waiting += 1
            if waiting == HALVES:
                _match(
                    out, owner, sizes, waiting, lines, stride, inner, outer, state, before, result
                )
                waiting = 0
    _match(out, owner, sizes, waiting, lines, stride, inner, outer, state, before, result)


@_part
def _ended(line: int, size: int) -> int:
    """The end of a SHA-256 message: a one bit, zeros, the number of bits with the key's block.

    The bytes of the whole, a multiple of 64.
    """
    whole = (size + 9 + 63) // 64 * 64
    _set_byte(line + size, np.uint8(128))
    _fill(line + size + 1, line + whole)
    for k in range(8):
        shifted = (8 * (64 + size)) >> (8 * k)
        _set_byte(line + whole - 1 - k, np.uint8(shifted & 255))
    return whole


@_part
def _match(out, owner, sizes, waiting, lines, stride, inner, outer, state, before, result):
    """Hash the messages that wait, and put the first half of the hashes into rows of ``out``."""
    most = 0
    for lane in range(HALVES):
        most = max(most, sizes[lane] if lane < waiting else 0)
        for i in range(8):
            state[i, lane], result[i, lane] = inner[i], outer[i]
    for start in range(0, most, 64):
        for i in range(8):
            for lane in range(HALVES):
                before[i, lane] = state[i, lane]
        _sha(state.ctypes.data, lines + start, stride)
        for lane in range(HALVES):
            if sizes[lane] <= start:
                for i in range(8):
                    state[i, lane] = before[i, lane]
    _sha_outer(result.ctypes.data, state.ctypes.data)
    for lane in range(waiting):
        for k in range(16):
            word = result[k >> 2, lane] >> np.uint32(24 - 8 * (k & 3))
            out[owner[lane], k] = np.uint8(word & np.uint32(255))


@kernel
def sha_states(keys):
    """The states of SHA-256 after one block of 64 bytes each, (n, 8)."""
    result, state = np.empty((len(keys), 8), np.uint32), np.empty((8, HALVES), np.uint32)
    for number in range(len(keys)):
        for i in range(8):
            for lane in range(HALVES):
                state[i, lane] = _SHA_START[i]
        _sha(state.ctypes.data, keys.ctypes.data + number * 64, 0)
        for i in range(8):
            result[number, i] = state[i, 0]
    return result


@kernel
def mix(out, rows, sources):
    """Each bit of ``out`` (n, bits / 64) the XOR of the ``sources`` (bits, t) of ``rows``.

    Both are packed filters as 64-bit words. Sixty-four records at a time are turned on their side,
    so that one XOR works on a position of all of them:

        rows[r]     p0 p1 p2 ... of record r      columns[p]     r0 r1 r2 ... r63 at position p

    In a byte the first position is the highest bit, in a word the first byte the lowest: position
    p is column p ^ 7.
    """
    columns, square = np.zeros(64 * np.shape(rows)[1], np.uint64), np.zeros(64, np.uint64)
    for first in range(0, len(rows), 64):
        here = min(64, len(rows) - first)
        for word in range(np.shape(rows)[1]):
            for row in range(64):
                square[row] = rows[first + row, word] if row < here else np.uint64(0)
            _turn(square)
            for place in range(64):
                columns[64 * word + place] = square[place]
        for word in range(np.shape(out)[1]):
            for place in range(64):
                drawn = np.uint64(0)
                for source in sources[64 * word + (place ^ 7)]:
                    drawn ^= columns[source ^ 7]
                square[place] = drawn
            _turn(square)
            for row in range(here):
                out[first + row, word] = square[row]


@kernel
def _turn(square):
    """Exchange rows and columns of 64 x 64 bits (Warren, Hacker's Delight, section 7-3)."""
    mask, half = np.uint64(0x00000000FFFFFFFF), 32
    while half:
        by = np.uint64(half)
        for base in range(0, 64, 2 * half):
            for row in range(base, base + half):
                swap = ((square[row] >> by) ^ square[row + half]) & mask
                square[row] ^= swap << by
                square[row + half] ^= swap
        half >>= 1
        mask ^= mask << np.uint64(half)
