"""Groups of records of two or more files that belong to one person.

The rule is that of anonlink's solvers (Data61, Apache-2.0), and so are the results: pairs are taken
in order of score, highest first. Two groups are merged when at least the share ``agreement`` of all
pairs of their records has been seen so far; a pair that comes too early is counted, and the groups
are looked at again when their next pair comes. ``agreement=1`` asks for every pair, as anonlink's
greedy solver does; less admits records that no candidate pair joins directly.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from blindlink.arrays import Words
from blindlink.errors import InputError
from blindlink.linker.join.pairs import Pairs

Record = tuple[int, int]  # the number of its file, and its row


@dataclass(frozen=True)
class FilePairs:
    """Candidate pairs between two files, by the files' numbers; ``tie`` orders equal scores."""

    left_file: int
    right_file: int
    pairs: Pairs
    tie: Words | None = None


def group(
    candidates: Sequence[FilePairs], *, agreement: float = 1.0, one_per_file: bool = True
) -> list[tuple[Record, ...]]:
    """Groups of two records or more, each sorted, in order of their first record.

    ``one_per_file``: no group holds two records of one file. A file may be paired with itself.
    Raises InputError for an agreement outside 0..1.
    """
    if not 0 <= agreement <= 1:
        raise InputError("the agreement must lie between 0 and 1", hint="1 asks for every pair")
    grouping = _Grouping(agreement, one_per_file)
    for first, second in in_order(candidates):
        grouping.see(first, second)
    return sorted(tuple(sorted(group)) for group in grouping.members.values() if len(group) > 1)


@dataclass
class _Grouping:
    """Disjoint groups; ``seen`` counts the candidate pairs between two groups."""

    agreement: float
    one_per_file: bool
    number: dict[Record, int] = field(default_factory=dict)
    members: dict[int, list[Record]] = field(default_factory=dict)
    seen: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def see(self, first: Record, second: Record) -> None:
        a, b = self._group_of(first), self._group_of(second)
        if a == b:
            return
        self.seen[a][b] += 1
        self.seen[b][a] = self.seen[a][b]
        wanted = self.agreement * len(self.members[a]) * len(self.members[b])
        if self.seen[a][b] >= wanted and (not self.one_per_file or self._apart(a, b)):
            self._merge(a, b)

    def _group_of(self, record: Record) -> int:
        if record not in self.number:
            self.number[record] = len(self.number)
            self.members[self.number[record]] = [record]
        return self.number[record]

    def _apart(self, a: int, b: int) -> bool:
        files = {file for file, _ in self.members[a]}
        return files.isdisjoint(file for file, _ in self.members[b])

    def _merge(self, a: int, b: int) -> None:
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        for record in self.members[b]:
            self.number[record] = a
        self.members[a] += self.members.pop(b)
        for other, count in self.seen.pop(b).items():
            del self.seen[other][b]
            if other != a:
                self.seen[a][other] += count
                self.seen[other][a] = self.seen[a][other]


def in_order(candidates: Sequence[FilePairs]) -> list[tuple[Record, Record]]:
    """All pairs by score, tie key, files and rows."""
    columns = [
        np.concatenate([np.empty(0, dtype), *(_column(one, name) for one in candidates)])
        for name, dtype in (
            ("right", np.int64),
            ("left", np.int64),
            ("right_file", np.int64),
            ("left_file", np.int64),
            ("tie", np.uint64),
            ("score", np.float64),
        )
    ]
    columns[-1] = -columns[-1]
    order = np.lexsort(columns)
    right, left, right_file, left_file = (column[order].tolist() for column in columns[:4])
    return list(
        zip(zip(left_file, left, strict=True), zip(right_file, right, strict=True), strict=True)
    )


def _column(candidates: FilePairs, name: str) -> np.ndarray:
    count = len(candidates.pairs)
    if name == "tie":
        return np.zeros(count, np.uint64) if candidates.tie is None else candidates.tie
    if name in ("left_file", "right_file"):
        return np.full(count, getattr(candidates, name), np.int64)
    column: np.ndarray = getattr(candidates.pairs, name)
    return column
