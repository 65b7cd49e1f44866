"""Regular expressions of schemas, matched in bounded time: a name must not hang a run.

Python's matcher tries every way to read a text: ``(([a-z ])+)+[0-9]`` on 36 letters has more ways
than anybody can wait for. So a pattern is looked at before it is used:

    plain       no repeat holds a repeat, a choice or an option: the ways grow as n^k with k
                repeats, and Python matches it on texts of n <= LIMIT^(1/k) characters
    entangled   any other: matched by RE2, whose time grows with the text alone, where the pattern
                means the same there (no classes such as \\d, no flags, no look-around)

What is neither is refused when the schema is read. Both say whether the whole text matches, which
has one answer for one language, so encodings are those of the reference.
"""

import re
from collections.abc import Callable, Iterable
from re import _constants as codes
from re import _parser as parser
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

STEPS: Final = 10_000_000  # ways that Python may try for one cell
_LONG: Final = 10  # a repeat of more is taken as one without end
_REPEATS: Final = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_SINGLE: Final = (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY, codes.CATEGORY)
_SAME: Final = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.RANGE, codes.NEGATE)
Match = Callable[[str], bool]


def check(pattern: str) -> None:
    """Raises ValueError for what is no regular expression, or may run for ever."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise ValueError("must be a regular expression") from None
    if _entangled(_tree(pattern)) and not _is_re2(pattern):
        raise ValueError(
            "may run for ever: a repeat within a repeat; write it without, or without \\w, \\d, "
            "\\s, flags and look-around"
        )


def matcher(pattern: str) -> Match:
    """Whether a whole text matches. The function raises ValueError for a text that is too long."""
    tree = _tree(pattern)
    if _entangled(tree):
        return _re2(pattern)
    compiled = re.compile(pattern)
    repeats = sum(_repeats(tree))
    most = int(STEPS ** (1 / max(repeats, 1)))

    def match(text: str) -> bool:
        if len(text) > most:
            raise ValueError(f"is longer than the {most} characters that its pattern bears")
        return compiled.fullmatch(text) is not None

    return match


def _re2(pattern: str) -> Match:
    whole = rf"\A(?:{pattern})\z"
    return lambda text: bool(pc.match_substring_regex(pa.scalar(text), whole).as_py())


def _is_re2(pattern: str) -> bool:
    """Whether RE2 takes the pattern and means the same by it."""
    tree = parser.parse(pattern)
    if tree.state.flags & ~codes.SRE_FLAG_UNICODE or not all(map(_means_the_same, _all(tree))):
        return False
    try:
        _re2(pattern)("")
    except pa.ArrowException:
        return False
    return True


def _means_the_same(item: tuple[Any, Any]) -> bool:
    operation, argument = item
    if operation is codes.IN:
        return all(_means_the_same(each) for each in argument)
    if operation is codes.AT:
        return argument in (codes.AT_BEGINNING, codes.AT_END)
    return operation in (
        *_SAME, codes.BRANCH, codes.SUBPATTERN, codes.MAX_REPEAT, codes.MIN_REPEAT
    )  # fmt: skip


def _tree(pattern: str) -> list[tuple[Any, Any]]:
    return list(parser.parse(pattern))


def _inner(item: tuple[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """What stands within one element of a parsed pattern."""
    operation, argument = item
    if operation in _REPEATS:
        return list(argument[2])
    if operation is codes.SUBPATTERN:
        return list(argument[3])
    if operation is codes.BRANCH:
        return [each for branch in argument[1] for each in branch]
    if operation in (codes.ASSERT, codes.ASSERT_NOT):
        return list(argument[1])
    if operation is codes.ATOMIC_GROUP:
        return list(argument)
    if operation is codes.GROUPREF_EXISTS:
        return [each for part in argument[1:] if part for each in part]
    return []


def _all(tree: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    for item in tree:
        yield item
        yield from _all(_inner(item))


def _long(item: tuple[Any, Any]) -> bool:
    return item[0] in _REPEATS and item[1][1] > _LONG


def _repeats(tree: Iterable[tuple[Any, Any]]) -> Iterable[int]:
    return (1 for item in _all(tree) if _long(item))


def _entangled(tree: Iterable[tuple[Any, Any]]) -> bool:
    """Whether a long repeat holds anything that can be read in two ways."""
    return any(_long(item) and not _fixed(_inner(item)) for item in _all(tree))


def _fixed(tree: Iterable[tuple[Any, Any]]) -> bool:
    return all(
        item[0] in _SINGLE or (item[0] is codes.SUBPATTERN and _fixed(_inner(item)))
        for item in tree
    )
