"""The guard against differencing: two releases that differ in one person tell who that person is.

A count that was published before may be published again when it is the same, or when it differs by
at least the threshold. One that was withheld before stays withheld while its total is the same: the
total and the other parts are still out there. Counts are found again by table, column and labels;
those of tables that declare no populations by column and labels in whatever table.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.safe import CONFIDENTIAL, SHORTHAND
from blindlink.analyst.disclosure.suppress import Secret
from blindlink.analyst.disclosure.variables import Variables, counts_of
from blindlink.analyst.publish.files import DICTIONARY, inert
from blindlink.analyst.publish.tables import TOTAL, Table
from blindlink.errors import InputError
from blindlink.files import reason

_COUNT = re.compile(r"\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Earlier:
    """An earlier release: per table the printed cells, row by row, and what each column is."""

    tables: dict[str, list[dict[str, str]]]
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)


def load_earlier(folder: Path) -> Earlier:
    """Read the ``tables`` folder of an earlier report.

    Raises InputError for what cannot be read for certain: a table that the data dictionary does not
    describe, or a cell that is neither a number nor a shorthand.
    """
    paths = sorted((folder / "tables").glob("*.csv"))
    found = {path.stem: _read(path) for path in paths if path.name != DICTIONARY}
    if not found:
        raise InputError(f"{folder}: has no tables/*.csv", hint="give the folder of a report")
    kinds: dict[str, dict[str, str]] = defaultdict(dict)
    for line in _read(folder / "tables" / DICTIONARY):
        kinds[line.get("table", "")][line.get("column", "")] = line.get("kind", "")
    for name, rows in found.items():
        _check(folder / "tables" / f"{name}.csv", rows, kinds.get(name, {}))
    return Earlier(found, dict(kinds))


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [dict(row) for row in csv.DictReader(file, strict=True)]
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: is not a CSV table of a report") from None
    if any(None in row or None in row.values() for row in rows):
        raise InputError(f"{path}: has rows of several lengths")
    return rows


def _check(path: Path, rows: Sequence[Mapping[str, str]], kinds: Mapping[str, str]) -> None:
    if rows and set(rows[0]) != set(kinds):
        raise InputError(f"{path}: its columns are not those of {DICTIONARY}")
    for number, row in enumerate(rows, 2):
        for name, cell in row.items():
            if kinds[name] in ("label", "text") or cell in SHORTHAND:
                continue
            if not (_COUNT if kinds[name] == "count" else _NUMBER).fullmatch(cell):
                raise InputError(
                    f"{path}: row {number}, column {name}: neither a number nor a shorthand",
                    hint="a released output that cannot be read cannot be held against a new one",
                )


def differences(
    tables: Sequence[Table], made: Variables, earlier: Sequence[Earlier], policy: Policy
) -> Iterator[Secret]:
    """The counts that an earlier release turns into secrets."""
    for release in earlier:
        anywhere = _anywhere(release)
        for table in tables:
            before = {_labels(row, table.labels()): row for row in release.tables.get(table.id, [])}
            for row in range(len(table.frame)):
                cells = {n: inert(str(table.frame[n].iloc[row])) for n in table.labels()}
                labels = _labels(cells, table.labels())
                for column in counts_of(table):
                    old = [before[labels].get(column, "")] if labels in before else []
                    if column not in table.populations:
                        old += anywhere.get((column, _conditions(labels)), [])
                    cell = made.at.get((table.id, row, column))
                    for printed in old:
                        yield from _compare(made, cell, printed, policy)


def _labels(row: Mapping[str, str], names: Sequence[str]) -> Labels:
    return frozenset((name, row.get(name, "")) for name in names)


def _conditions(labels: Labels) -> Labels:
    """The labels that say something: a total is no condition."""
    return frozenset((name, value) for name, value in labels if value != TOTAL)


def _anywhere(release: Earlier) -> dict[tuple[str, Labels], list[str]]:
    """Every count of a release by its column and its labels."""
    found: dict[tuple[str, Labels], list[str]] = defaultdict(list)
    for name, rows in release.tables.items():
        kinds = release.kinds.get(name, {})
        labels = [column for column, kind in kinds.items() if kind == "label"]
        for row in rows:
            for column, kind in kinds.items():
                if kind == "count":
                    found[column, _conditions(_labels(row, labels))].append(row[column])
    return found


def _compare(made: Variables, cell: int | None, printed: str, policy: Policy) -> Iterator[Secret]:
    if cell is None:
        return
    if printed == CONFIDENTIAL:
        yield Secret(((cell, 1),), "withheld in an earlier release", cell)
    elif _COUNT.fullmatch(printed):
        change = abs((made.value[cell] or 0) - int(printed))
        if 0 < change < policy.threshold and not policy.changes:
            yield Secret(((cell, 1),), "differs little from an earlier release", cell)
