"""Payload columns as the agreement allows them: limited, generalised, with fresh identifiers.

    keep         the value as it is
    [labels]     the value as it is, where it is one of these
    year, month  of a date YYYY-MM-DD
    band:N       an integer as the N-wide band around it: 33 with band:5 is 30-34
    truncate:N   the first N characters

Columns that the agreement does not list are dropped. Columns ``*_id`` never leave as they are,
whatever the agreement says: the owner's own numbers would lead whoever knows its systems back to
the person, so each gets a fresh number of this submission, the same one in all tables.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from blindlink import frames
from blindlink.errors import AgreementError, InputError
from blindlink.keys import Entropy
from blindlink.messages.submission.records import INTEGER, NUMBER, Kind, hostile
from blindlink.spellings import integer

ENTITY = "entity_id"
_WHOLE = r"^-?[0-9]+([.]0+)?$"
Rule = str | tuple[str, ...]
_DATE = r"^\d{4}-\d{2}-\d{2}$"


def generalised(table: pa.Table, rules: Mapping[str, Rule], name: str) -> pa.Table:
    """The columns that ``rules`` lists, each as text after its generalisation.

    Raises InputError naming table, column and row where a value does not fit, AgreementError for a
    column of the agreement that is not there or may not leave.
    """
    columns = {}
    for column, rule in rules.items():
        if column == ENTITY:
            raise AgreementError(f"agreement: payload of {name} lists {ENTITY}, which never leaves")
        if column not in table.column_names:
            raise InputError(f"table {name}: column {column} is missing; the agreement lists it")
        columns[column] = apply(_text(table, column), rule, f"table {name}, column {column}")
    return pa.table(columns)


def apply(values: pa.Array, rule: Rule, where: str) -> pa.Array:
    """Generalise text values (null where missing) by one rule of the agreement."""
    coded = values.dictionary_encode()
    change = _rule(rule)
    known = coded.dictionary.to_pylist()
    try:
        changed = [change(value) for value in known]
    except ValueError:
        row = _first_misfit(known, coded, change)
        asked = repr(rule) if isinstance(rule, str) else "the agreed labels"
        raise InputError(f"{where}, row {row}: the value does not fit {asked}") from None
    return pa.array(changed, pa.string()).take(coded.indices)


def misfits(table: pa.Table, column: str, rule: Rule) -> npt.NDArray[np.int64]:
    """The rows, from 0, whose value a rule of the agreement does not take."""
    coded = _text(table, column).dictionary_encode()
    change = _rule(rule)
    wrong = [
        code for code, value in enumerate(coded.dictionary.to_pylist()) if _refused(change, value)
    ]
    return np.flatnonzero(np.isin(coded.indices.to_numpy(False), wrong))


def _refused(change: Callable[[str], str], value: str) -> bool:
    try:
        change(value)
    except ValueError:
        return True
    return False


def kinds(table: pa.Table) -> list[Kind]:
    """What each text column holds, found over all its values; a column without a value is text."""
    return [
        "text" if name.endswith("_id") else _kind(table.column(name).combine_chunks())
        for name in table.column_names
    ]


def renumbered(tables: Mapping[str, pa.Table], entropy: Entropy) -> dict[str, pa.Table]:
    """The tables with fresh numbers, in random order, for the values of every ``*_id`` column."""
    result = dict(tables)
    shared = sorted(
        {c for table in tables.values() for c in table.column_names if c.endswith("_id")}
    )
    for column in shared:
        holders = [name for name in result if column in result[name].column_names]
        parts = [result[name].column(column).combine_chunks() for name in holders]
        values = pc.unique(pa.concat_arrays(parts)).drop_null()
        order = np.frombuffer(entropy(8 * len(values)), np.uint64).argsort(kind="stable")
        fresh = pa.array((order.argsort() + 1).astype(str).tolist(), pa.string())
        for name, part in zip(holders, parts, strict=True):
            numbers = fresh.take(pc.index_in(part, value_set=values))
            place = result[name].column_names.index(column)
            result[name] = result[name].set_column(place, column, numbers)
    return result


def _text(table: pa.Table, column: str) -> pa.Array:
    """A column as text; an empty cell, or a word for nothing, is missing."""
    values = table.column(column)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
        table = table.set_column(table.column_names.index(column), column, values)
    text = frames.text_column(table, column).combine_chunks()
    if pc.any(pc.match_substring(text, "\0")).as_py():
        raise InputError(f"column {column}: a value holds a zero character")
    if hostile(text):
        raise InputError(
            f"column {column}: a value holds a control or direction sign",
            hint="leave such signs out: they deceive terminals, pages and people",
        )
    return pc.if_else(pc.equal(text, ""), None, text)


def _kind(values: pa.Array) -> Kind:
    known = values.unique().drop_null()
    if not len(known):
        return "text"
    if _all_match(known, _DATE):
        try:
            known.cast(pa.date32())
            return "date"
        except pa.ArrowException:
            return "text"
    if _all_match(known, INTEGER):
        return "integer"
    return "number" if _all_match(known, NUMBER) else "text"


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _rule(rule: Rule) -> Callable[[str], str]:
    if not isinstance(rule, str):
        return partial(_label, allowed=frozenset(rule))
    name, _, size = rule.partition(":")
    if rule == "keep":
        return str
    if rule in ("year", "month"):
        return _year if rule == "year" else _month
    if size.isdecimal() and int(size) > 0 and name in ("band", "truncate"):
        return (lambda text: _band(text, int(size))) if name == "band" else lambda t: t[: int(size)]
    raise AgreementError(f"agreement: {rule!r} is no generalisation")


def _first_misfit(known: list[str], coded: pa.Array, change: Callable[[str], str]) -> int:
    """The data row, counted from 1, of the first value that ``change`` refuses."""

    wrong = [code for code, value in enumerate(known) if _refused(change, value)]
    return int(np.flatnonzero(np.isin(coded.indices.to_numpy(False), wrong))[0]) + 1


def _label(text: str, allowed: frozenset[str]) -> str:
    if text not in allowed:
        raise ValueError("not an agreed label")
    return text


def _year(text: str) -> str:
    return _month(text)[:4]


def _month(text: str) -> str:
    if len(text) != 10:
        raise ValueError("not a date")
    date.fromisoformat(text)
    return text[:7]


def _band(text: str, size: int) -> str:
    low = int(integer(text)) // size * size  # 33.0 is 33
    return f"{low}-{low + size - 1}"
