"""The tables of the study as the tag v0.1-one-study makes them: kept, and made again.

    make before                              the whole demo of that tag, into before-out/
    python tests/before.py before-out        keeps its tables in tests/fixtures/before/

What is kept is one line for each cell: table, its row (the values of the columns that are labels),
column, value.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

KEPT = Path(__file__).parent / "fixtures" / "before" / "tables.csv.gz"
DICTIONARY = "data-dictionary.csv"
PEOPLE = 15_000
Cell = tuple[str, str, str]


def cells(folder: Path) -> Iterator[tuple[Cell, str]]:
    """Every cell of the published tables of a demo: ((table, row, column), value)."""
    tables = folder / "analyst" / "report" / "tables"
    labels: dict[str, set[str]] = {}
    for line in _lines((tables / DICTIONARY).read_text(encoding="utf-8")):
        if line["kind"] == "label":
            labels.setdefault(line["table"], set()).add(line["column"])
    for path in sorted(tables.glob("*.csv")):
        if path.name == DICTIONARY:
            continue
        mine = labels.get(path.stem, set())
        for line in _lines(path.read_text(encoding="utf-8")):
            row = " | ".join(value for column, value in line.items() if column in mine)
            for column, value in line.items():
                if column not in mine:
                    yield (path.stem, row, column), value


def kept() -> dict[Cell, str]:
    """What was kept."""
    text = gzip.decompress(KEPT.read_bytes()).decode()
    return {(line["table"], line["row"], line["column"]): line["value"] for line in _lines(text)}


def keep(folder: Path) -> None:
    """Write what a demo gave."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    writer.writerows([*cell, value] for cell, value in cells(folder))
    KEPT.write_bytes(gzip.compress(out.getvalue().encode(), mtime=0))


def _lines(text: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(text))


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
