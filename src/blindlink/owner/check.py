"""A dry run of an extract against an agreement, before anybody has signed it.

Everything that ``submit`` would refuse is found at once and nothing is written: rows, the rules of
generalisation for every cell, identifiers that do not join, and what is lost of each field against
the limits of ``schema.quality``. No key is needed: cells are read as the schema reads them, and
nothing is encoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from blindlink import frames
from blindlink.errors import BlindlinkError, InputError
from blindlink.messages.agreement.terms import Agreement
from blindlink.owner.encoding.columns import read
from blindlink.owner.encoding.features import BUDGET
from blindlink.owner.encoding.filters import TableEncoder
from blindlink.owner.encoding.problems import NO_SUCH_DAY, PLACEHOLDER, Problems
from blindlink.owner.tables import generalise
from blindlink.owner.tables.generalise import ENTITY
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.quality import Loss, exceeded
from blindlink.spellings import nothing


@dataclass
class Checked:
    """``losses`` of each field of the identities, ``notes`` in words, ``wrong`` what would refuse
    the submission."""

    rows: dict[str, int] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Everything as JSON: counts and names of columns of the agreement, no value."""
        return {
            "rows": self.rows,
            "fields": [each.document() for each in self.losses],
            "notes": self.notes,
            "wrong": self.wrong,
        }

    def text(self) -> str:
        """The same for a terminal."""
        lines = [f"{name}: {count:,} rows" for name, count in self.rows.items()]
        lines += [
            f"{each.field}: {each.filled:,} of {each.rows:,} filled, {each.kept:,} used"
            for each in self.losses
        ]
        lines += self.notes
        lines += [f"refused: {line}" for line in self.wrong]
        lines.append("the extract fits the agreement" if not self.wrong else "it would be refused")
        return "\n".join(lines)


def check_extract(tables: Mapping[str, pa.Table], terms: Agreement, owner: str) -> Checked:
    """Check the tables of an extract: ``identities`` and those of the agreement."""
    found = Checked()
    schema = parse_schema(terms.schema_document)
    identities = tables["identities"]
    found.rows["identities"] = len(identities)
    _rows(found, len(identities), terms)
    try:
        found.losses, problems = losses(identities, schema)
    except BlindlinkError as error:
        found.wrong.append(error.message)
    else:
        _cells(found, problems)
    people = _entities(found, identities, "identities")
    for name, rules in terms.payload[owner].items():
        table = tables[name]
        found.rows[name] = len(table)
        _payload(found, name, table, rules)
        ids = _entities(found, table, name)
        if people is not None and ids is not None:
            _joined(found, name, people, ids)
    found.wrong += exceeded(found.losses, terms.quality_limits(owner))
    return found


def losses(identities: pa.Table, schema: LinkageSchema) -> tuple[list[Loss], Problems]:
    """What the encoder could not use of each field, and what was wrong. Raises InputError where a
    column is lacking."""
    encoder = TableEncoder(schema, bytes(32), "blindlink", BUDGET)
    names = encoder.needed(identities.column_names)
    problems = encoder.prepare(identities.select(names), check=True).problems
    bad, made = problems.counts(), []
    for name in names:
        coded = read(identities, name)
        empty = np.array([nothing(value) for value in coded.values], bool)[coded.codes]
        says_nothing = problems.notes.get((name, PLACEHOLDER), np.zeros(0, np.int64))
        filled, real = int((~empty).sum()), int((~empty[says_nothing]).sum())
        loss = Loss(name, len(empty), filled, filled - bad.get(name, 0) - real)
        loss.counts = {
            "unreadable": bad.get(name, 0),
            "placeholder": real,
            "missing": len(empty) - filled,
        }
        made.append(loss)
    return made, problems


def _rows(found: Checked, rows: int, terms: Agreement) -> None:
    if not terms.minimum_rows <= rows <= terms.limits.rows:
        found.wrong.append(
            f"identities: {rows:,} rows; the agreement allows {terms.minimum_rows:,} to "
            f"{terms.limits.rows:,}, control records included"
        )


def _cells(found: Checked, problems: Problems) -> None:
    for (name, what), rows in problems.notes.items():
        if what == NO_SUCH_DAY:
            found.notes.append(f"identities, {name}: {len(rows):,} cells: {what}")
    try:
        problems.check()
    except InputError as error:
        found.notes.append(f"identities: {error.message}")
        found.notes.append(error.hint)


def _entities(found: Checked, table: pa.Table, name: str) -> list[str] | None:
    if ENTITY not in table.column_names:
        found.wrong.append(f"table {name}: column {ENTITY} is missing")
        return None
    ids = frames.texts(table, ENTITY)
    if empty := sum(not each for each in ids):
        found.wrong.append(f"table {name}: {empty:,} rows without {ENTITY}")
    return ids


def _payload(
    found: Checked, name: str, table: pa.Table, rules: Mapping[str, generalise.Rule]
) -> None:
    for column, rule in rules.items():
        if column not in table.column_names:
            found.wrong.append(f"table {name}: column {column} is missing; the agreement lists it")
            continue
        try:
            misfits = generalise.misfits(table, column, rule)
        except BlindlinkError as error:
            found.wrong.append(f"table {name}: {error.message}")
            continue
        if len(misfits):
            first = ", ".join(str(row + 1) for row in misfits[:5])
            more = ", ..." if len(misfits) > 5 else ""
            found.wrong.append(
                f"table {name}, column {column}: {len(misfits):,} values do not fit {rule!r}: "
                f"rows {first}{more}"
            )


def _joined(found: Checked, name: str, people: list[str], ids: list[str]) -> None:
    known = set(people)
    lost = [row for row, each in enumerate(ids) if each and each not in known]
    if lost:
        first = ", ".join(str(row + 1) for row in lost[:5])
        found.wrong.append(
            f"table {name}: {len(lost):,} rows whose {ENTITY} is not among the identities: "
            f"rows {first}{', ...' if len(lost) > 5 else ''}"
        )
