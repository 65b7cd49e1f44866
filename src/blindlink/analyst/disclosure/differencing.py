"""The guard against differencing: two releases that differ in one person tell who that person is.

A count that was published before may be published again when it is the same, or when it differs by
at least the threshold. One that was withheld before stays withheld while its total is the same: the
total and the other parts are still out there.
"""

import csv
import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.safe import CONFIDENTIAL
from blindlink.analyst.disclosure.suppress import Secret
from blindlink.analyst.disclosure.variables import Variables, counts_of
from blindlink.analyst.publish.tables import Table
from blindlink.errors import InputError
from blindlink.files import reason

_COUNT = re.compile(r"\d+")


@dataclass(frozen=True)
class Earlier:
    """An earlier release: per table the printed cells, row by row."""

    tables: dict[str, list[dict[str, str]]]


def load_earlier(folder: Path) -> Earlier:
    """Read the ``tables`` folder of an earlier report; raises InputError."""
    paths = sorted((folder / "tables").glob("*.csv"))
    if not paths:
        raise InputError(f"{folder}: has no tables/*.csv", hint="give the folder of a report")
    return Earlier({path.stem: _read(path) for path in paths})


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [dict(row) for row in csv.DictReader(file, strict=True)]
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: is not a CSV table of a report") from None


def differences(
    tables: Sequence[Table], made: Variables, earlier: Sequence[Earlier], policy: Policy
) -> Iterator[Secret]:
    """The counts that an earlier release turns into secrets."""
    for release in earlier:
        for table in tables:
            before = {_labels(row, table): row for row in release.tables.get(table.id, [])}
            names = table.labels()
            for row, labels in enumerate(table.frame[names].astype(str).itertuples(index=False)):
                old = before.get(tuple(labels))
                if old is not None:
                    yield from _compare(table, row, old, made, policy)


def _labels(row: dict[str, str], table: Table) -> tuple[Hashable, ...]:
    return tuple(row.get(name, "") for name in table.labels())


def _compare(
    table: Table, row: int, old: dict[str, str], made: Variables, policy: Policy
) -> Iterator[Secret]:
    for column in counts_of(table):
        cell = made.at.get((table.id, row, column))
        printed = old.get(column, "")
        if cell is None:
            continue
        if printed == CONFIDENTIAL:
            yield Secret(((cell, 1),), "withheld in an earlier release", cell)
        elif _COUNT.fullmatch(printed):
            change = abs((made.value[cell] or 0) - int(printed))
            if 0 < change < policy.threshold and policy.rounding is None:
                yield Secret(((cell, 1),), "differs little from an earlier release", cell)
