"""Links against the truth, for research: never part of a protocol, where nobody knows the truth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import pyarrow as pa

from blindlink.errors import InputError
from blindlink.frames import texts
from blindlink.mapping import PLAIN, Source
from blindlink.spellings import identifier, nothing

Z = 1.959963984540054  # 97.5 % point of the standard normal distribution
_EXAMPLE = "links have the columns left and right: 0-based rows of the two files"


@dataclass(frozen=True)
class Figure:
    """A share with its 95 % Wilson interval; all None where its denominator is 0."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evaluation:
    """Links against true pairs. ``true_links`` are the links that are right."""

    links: int
    true_pairs: int
    true_links: int
    precision: Figure
    recall: Figure
    f1: Figure


def evaluate(
    left: Sequence[str],
    right: Sequence[str],
    left_keys: Sequence[str],
    right_keys: Sequence[str],
) -> Evaluation:
    """Precision, recall and F1 of links.

    ``left``, ``right``: the 0-based rows of each link as they stand in the file; ``left_keys``,
    ``right_keys``: the key of each row of the two files. The true pairs are all pairs of a left and
    a right row with the same key that is not empty. Raises InputError for a row that does not
    exist, and for a link that stands twice.
    """
    rows = _rows(left, "left", len(left_keys)), _rows(right, "right", len(right_keys))
    pairs = list(zip(*rows, strict=True))
    twice = len(pairs) - len(set(pairs))
    if twice:
        raise InputError(f"links: {twice} of them stand twice", hint=_EXAMPLE)
    right_counts = Counter(right_keys)
    true_pairs = sum(right_counts[key] for key in left_keys if key)
    hits = sum(1 for a, b in pairs if left_keys[a] and left_keys[a] == right_keys[b])
    return Evaluation(
        links=len(pairs),
        true_pairs=true_pairs,
        true_links=hits,
        precision=wilson(hits, len(pairs)),
        recall=wilson(hits, true_pairs),
        f1=_f1(hits, len(pairs) + true_pairs - hits),
    )


def wilson(hits: int, total: int) -> Figure:
    """The share hits / total and its 95 % interval (Wilson 1927, no continuity correction)."""
    if total == 0:
        return Figure(None, None, None)
    share = hits / total
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    # At 0 and 1 the bound is the share itself; rounding must not leave it outside.
    return Figure(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def _f1(hits: int, union: int) -> Figure:
    """F1 = 2J / (1 + J) grows with J = right links / (links or true pairs), which is a share."""
    shares = wilson(hits, union)
    value, low, high = (
        None if share is None else 2 * share / (1 + share)
        for share in (shares.value, shares.low, shares.high)
    )
    return Figure(value, low, high)


def _rows(texts: Sequence[str], name: str, limit: int) -> list[int]:
    rows = []
    for number, text in enumerate(texts, start=1):
        if not (text.isascii() and text.isdigit()) or int(text) >= limit:
            raise InputError(
                f"links, row {number}, column {name}: not a row of the {name} file, which has "
                f"{limit} rows",
                hint=_EXAMPLE,
            )
        rows.append(int(text))
    return rows


def evaluate_files(
    links: Path, left: Path, right: Path, key: str, *, source: Source = PLAIN
) -> Evaluation:
    """The evaluation of a table of links against a key column. Raises InputError.

    Keys and rows are identifiers as ``spellings`` reads them: 1001.0 is 1001, NULL is no key.
    """
    table = _with_columns(links, PLAIN, "left", "right")
    return evaluate(
        _identifiers(table, "left", links),
        _identifiers(table, "right", links),
        _identifiers(_with_columns(left, source, key), key, left),
        _identifiers(_with_columns(right, source, key), key, right),
    )


def _identifiers(table: pa.Table, name: str, path: Path) -> list[str]:
    known: dict[str, str] = {}
    result = []
    for row, cell in enumerate(texts(table, name), start=1):
        if cell not in known:
            try:
                known[cell] = "" if nothing(cell) else identifier(cell)
            except ValueError as error:
                raise InputError(f"{path}, row {row}, column {name}: {error}") from None
        result.append(known[cell])
    return result


def _with_columns(path: Path, source: Source, *names: str) -> pa.Table:
    table = source.read(path, wanted=names)
    for name in names:
        if name not in table.column_names:
            raise InputError(f"{path}: has no column {name}", hint="check the name of the column")
    return table
