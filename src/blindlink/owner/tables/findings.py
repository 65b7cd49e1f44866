"""What an import found: rows by file, field and problem, and what was done about them.

Only counts, row numbers and names of fields of the layout: no value ever stands here, and no name
of a column that the layout does not know. The report is for the owner.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from markupsafe import Markup

from blindlink.arrays import Bools, Int64s
from blindlink.pages.html import Section, Table, document, with_bar
from blindlink.schema.quality import KINDS, Kind, Loss

MISSING, NOT_KNOWN = "missing", "recorded as not known"
TO_MISSING, KEPT = "value set to missing", "kept as it is"
LEFT_OUT = "row left out"
_SILENT = "left empty"
_NAMED = 5  # rows of a finding that are named


@dataclass(frozen=True)
class Finding:
    """``rows`` rows of a raw file have this problem in this field; ``first`` of them are these."""

    file: str
    field: str
    problem: str
    rows: int
    done: str
    first: tuple[int, ...] = ()

    def text(self) -> str:
        """For a terminal: what, how often, where, and what was done."""
        where = f" (rows {', '.join(map(str, self.first))}" if self.first else ""
        where += (", ...)" if self.rows > len(self.first) else ")") if where else ""
        return f"{self.file}.{self.field}: {self.problem}: {self.rows:,} rows{where}, {self.done}"


@dataclass
class Findings:
    """The data-quality report of one import.

    ``read``: rows of each raw file; ``written``: rows of each table made.
    """

    system: str
    read: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    offered: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        file: str,
        name: str,
        problem: str,
        rows: Bools,
        done: str,
        numbers: Int64s | None = None,
    ) -> Bools:
        """Count the rows of a mask, none too, and give the mask back.

        ``numbers`` (rows,) are those of the raw file, from 1; the first are named.
        """
        first = () if numbers is None else tuple(numbers[np.flatnonzero(rows)[:_NAMED]].tolist())
        self.found.append(Finding(file, name, problem, int(rows.sum()), done, first))
        return rows

    def lost(
        self, file: str, name: str, empty: Bools, kept: Bools, counts: Mapping[Kind, int]
    ) -> None:
        """Note what a field had and what is left of it."""
        filled, left = int((~empty).sum()), int(kept.sum())
        self.losses.append(Loss(f"{file}.{name}", len(empty), filled, left, dict(counts)))

    def standing_for(self, file: str, names: Mapping[str, str]) -> None:
        """Say which standard names the columns of a file stand for: limits speak of those."""
        for loss in self.losses:
            where, _, name = loss.field.rpartition(".")
            if where == file and name in names:
                loss.standard = names[name]

    def unjoined(self, file: str, name: str, rows: Bools) -> None:
        """Note rows whose person is nobody's, in the loss of their field."""
        count = int(rows.sum())
        found = next((each for each in self.losses if each.field == f"{file}.{name}"), None)
        if found is None:
            found = Loss(f"{file}.{name}", len(rows), len(rows), len(rows))
            self.losses.append(found)
        found.counts["unjoined"] = found.counts.get("unjoined", 0) + count

    def offer(self, file: str, name: str, form: str | None) -> None:
        """Note the one form that reads every date of a column that was not read."""
        if form:
            self.offered[f"{file}.{name}"] = form

    def missing(self, file: str, name: str, rows: Bools) -> None:
        """Count empty cells; they are common and no fault by themselves."""
        self.add(file, name, MISSING, rows, _SILENT)

    def count(self, file: str, name: str, problem: str) -> int:
        """Rows with a problem; 0 where it was not found."""
        wanted = (file, name, problem)
        return sum(f.rows for f in self.found if (f.file, f.field, f.problem) == wanted)

    def faults(self) -> list[Finding]:
        """What was found, without the empty cells and without what was not found."""
        plain = (MISSING, NOT_KNOWN)
        return [each for each in self.found if each.rows and each.problem not in plain]

    def to_json(self) -> str:
        """Everything, checks that found nothing included."""
        document = {
            "system": self.system,
            "rows_read": self.read,
            "rows_written": self.written,
            "fields": [each.document() for each in self.losses],
            "findings": [asdict(each) for each in self.found],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """What was found, for a terminal."""
        lines = [f"{name}: {rows:,} rows read" for name, rows in self.read.items()]
        lines += [f"{name}: {rows:,} rows written" for name, rows in self.written.items()]
        lines += [each.text() for each in self.faults()]
        lines += [
            f"{where}: every unread date can be read as {form!r}: say so in a mapping (--map)"
            for where, form in self.offered.items()
        ]
        checks = Counter(each.rows > 0 for each in self.found)
        lines.append(f"{sum(checks.values())} checks, {checks[True]} of them found something")
        return "\n".join(lines)

    def to_html(self) -> str:
        """A page without scripts or anything from elsewhere."""
        faults = self.faults()
        files = ("File", "Field", "Problem", "Rows")
        sections = [
            _section(
                "Faults",
                "Rows with a fault, by field",
                (*files, "First rows", "What was done"),
                [
                    (f.file, f.field, f.problem, f.rows, ", ".join(map(str, f.first)), f.done)
                    for f in faults
                ],
            ),
            _section(
                "Fields",
                "Fields before and after",
                ("Field", "Rows", "Filled before", "Filled after", *map(str.capitalize, KINDS)),
                [
                    (f.field, f.rows, f.filled, f.kept, *(f.counts.get(kind, 0) for kind in KINDS))
                    for f in self.losses
                ],
            ),
            _section(
                "Empty cells",
                "Rows with an empty cell, by field",
                (*files, "Share of rows (%)"),
                [
                    (f.file, f.field, f.problem, f.rows, self._share(f))
                    for f in self.found
                    if f not in faults and f.rows
                ],
            ),
            _section(
                "Rows",
                "Rows read and written",
                ("File or table", "Rows"),
                [*self.read.items(), *self.written.items()],
            ),
        ]
        quiet = sum(each.rows == 0 for each in self.found)
        return document(
            sections,
            title=f"Data quality of a {self.system} extract",
            kind="For the data owner",
            lead="Counts by field; no value of a person stands here. Small counts are not hidden.",
            facts=[
                ("Rows read", f"{sum(self.read.values()):,}"),
                ("Checks that found a fault", f"{len(faults):,}"),
                ("Checks that found nothing", f"{quiet:,}"),
            ],
            footer="Made with blindlink for the data owner.",
        )

    def _share(self, finding: Finding) -> float:
        return finding.rows / max(self.read.get(finding.file, 0), 1)


def _section(
    title: str, caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str | int | float, ...]]
) -> Section:
    cells = [[_shown(cell) for cell in row] for row in rows]
    words = {n for n in range(len(heads)) if all(isinstance(row[n], str) for row in rows)}
    return Section(
        title.lower().replace(" ", "-"), title, tables=[Table(caption, heads, cells, words)]
    )


def _shown(cell: str | int | float) -> str | Markup:
    if isinstance(cell, float):  # a share
        return with_bar(f"{100 * cell:.1f}", cell)
    return cell if isinstance(cell, str) else f"{cell:,}"
