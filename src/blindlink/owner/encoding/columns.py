"""The columns of a table as distinct values and codes, so that every value is worked on once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blindlink.arrays import Int64s
from blindlink.errors import InputError
from blindlink.frames import text_column
from blindlink.owner.encoding.problems import NO_SUCH_DAY, PLACEHOLDER, Problems
from blindlink.schema import everyday
from blindlink.schema.document import LinkageSchema
from blindlink.schema.meaning import steps_of
from blindlink.schema.models import Column, Feature
from blindlink.schema.steps import Date, Step
from blindlink.spellings import exists, form_of

# Results of one step that are kept: enough for all dates of birth and all names that are frequent.
_KEPT = 1 << 16
_OFFERED = 1000  # distinct dates that are tried when a form is offered
_KEPT_LENGTH = 200  # characters; longer texts hardly repeat and would fill the memory
_LACKING = (
    "say with --map which of its columns they are, or with --columns where it has no header; or "
    "make the schema again with 'blindlink schema new' from the columns of all owners"
)
_NULL = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Coded:
    """A column: row i holds ``values[codes[i]]``. "" means missing."""

    values: list[str]
    codes: Int64s

    def rows_of(self, codes: Sequence[int]) -> Int64s:
        """The rows that hold one of these values."""
        chosen = np.zeros(len(self.values), bool)
        chosen[list(codes)] = True
        return np.flatnonzero(chosen[self.codes])


def read(table: pa.Table, name: str) -> Coded:
    """A column of the table as text; a null is missing, a time stamp its date."""
    column = text_column(table, name)
    coded = column.fill_null("").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks() if coded.num_chunks else pa.array([], pa.string())
        coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(coded.dictionary.to_pylist(), codes)


def mapped(
    coded: Coded,
    function: Callable[[str], str],
    name: str,
    problems: Problems,
    known: dict[str, str] | None = None,
) -> Coded:
    """The column after a function of its values; a ValueError is a bad cell and gives "".

    ``known`` keeps results for the next table, some of them.
    """
    known = {} if known is None else known
    bad: defaultdict[str, list[int]] = defaultdict(list)
    results = list(map(known.get, coded.values))
    for code in [code for code, result in enumerate(results) if result is None]:
        value = coded.values[code]
        try:
            results[code] = result = function(value)
            if len(known) < _KEPT and len(value) <= _KEPT_LENGTH:
                known[value] = result
        except ValueError as error:
            bad[str(error)].append(code)
            results[code] = ""
    for reason, codes in bad.items():
        problems.add(name, coded.rows_of(codes), reason)
    texts: list[str] = [result or "" for result in results]
    seen = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    recode = np.fromiter(map(seen.__getitem__, texts), np.int64, len(texts))
    return Coded(list(seen), recode[coded.codes])


def first_filled(columns: Sequence[Coded]) -> Coded:
    """Row by row, the first of the columns that is not missing."""
    if len(columns) == 1:
        return columns[0]
    texts = [pc.replace_with_mask(each, pc.equal(each, ""), _NULL) for each in _rows(columns)]
    return _coded(pc.coalesce(*texts, ""))


def joined(columns: Sequence[Coded], least: int) -> Coded:
    """Row by row, the filled ones sorted and joined with a space; "" where fewer than ``least``."""
    texts = _rows(columns)
    # Exchange sort of all rows at once: what is missing comes first, and is then left out.
    for end in range(len(texts) - 1, 0, -1):
        for i in range(end):
            pair = texts[i], texts[i + 1]
            texts[i], texts[i + 1] = pc.min_element_wise(*pair), pc.max_element_wise(*pair)
    filled = [pc.replace_with_mask(each, pc.equal(each, ""), _NULL) for each in texts[:-1]]
    # The last one stays a text: Arrow drops rows where all are null.
    whole = pc.binary_join_element_wise(*filled, texts[-1], " ", null_handling="skip")
    # As those that are filled come last, there are enough of them where this one is.
    enough = pc.not_equal(texts[len(texts) - least], "") if least <= len(texts) else False
    return _coded(pc.if_else(enough, whole, ""))


def _rows(columns: Sequence[Coded]) -> list[pa.Array]:
    """The columns as Arrow text, a cell for each row."""
    return [pa.array(column.values, pa.string()).take(pa.array(column.codes)) for column in columns]


def _coded(texts: pa.Array) -> Coded:
    coded = texts.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(coded.dictionary.to_pylist(), codes)


def derive(table: pa.Table, schema: LinkageSchema, problems: Problems) -> dict[str, Coded]:
    """The columns that the schema makes of the table's. Raises SchemaError, InputError."""
    return Derivation(schema).derive(table, problems)


class Derivation:
    """Makes the columns of a schema, table after table, and keeps results of steps between them.

    Columns whose first steps are the same share the work: a date is read once for all its parts.
    """

    def __init__(self, schema: LinkageSchema) -> None:
        declared = schema.extension.columns if schema.extension else []
        self._columns = [(column, steps_of(column)) for column in declared]
        # A missing value stays missing, whatever the step.
        self._known: defaultdict[tuple[str, ...], dict[str, str]] = defaultdict(lambda: {"": ""})

    def derive(self, table: pa.Table, problems: Problems) -> dict[str, Coded]:
        """The columns by name. Raises InputError where the table lacks what one is made of."""
        made: dict[tuple[str, ...], Coded] = {}
        result = {}
        for column, steps in self._columns:
            there = sources(column, table.column_names)
            parts = [self._steps(table, name, steps, made, problems) for name in there]
            if column.combine == "first":
                result[column.name] = first_filled(parts)
            else:
                every = column.combine == "all"
                result[column.name] = joined(parts, len(column.sources) if every else 1)
        return result

    def _steps(
        self,
        table: pa.Table,
        name: str,
        steps: Sequence[Step],
        made: dict[tuple[str, ...], Coded],
        problems: Problems,
    ) -> Coded:
        path: tuple[str, ...] = (name,)
        if path not in made:
            made[path] = read(table, name)
        for each in steps:
            before, path = made[path], (*path, each.model_dump_json())
            if path not in made:
                known = self._known[path]
                made[path] = mapped(before, each.apply, name, problems, known)
                _note(each, before, known, name, problems)
        if steps and isinstance(steps[-1], Date):
            # As a whole, a day that does not exist says nothing.
            return mapped(made[path], lambda text: text if exists(text) else "", name, problems)
        return made[path]


def _note(
    each: Step, before: Coded, results: dict[str, str], name: str, problems: Problems
) -> None:
    """Count what a step makes missing, and the dates that do not exist."""
    says_nothing = getattr(each, "says_nothing", None)
    if says_nothing is not None:
        empty = [
            code
            for code, value in enumerate(before.values)
            if value and not results.get(value) and says_nothing(value)
        ]
        problems.note(name, before.rows_of(empty), PLACEHOLDER)
    if isinstance(each, Date):
        wrong = [
            code
            for code, value in enumerate(before.values)
            if value and each.partial(value, results.get(value))
        ]
        problems.note(name, before.rows_of(wrong), NO_SUCH_DAY)
        if any(column == name for column, _ in problems.rows):
            problems.forms[name] = form_of([value for value in before.values if value][:_OFFERED])


def sources(column: Column, names: Sequence[str]) -> list[str]:
    """The columns of a table that a declared column is made of. Raises InputError for none."""
    there = [name for name in column.sources if name in names]
    if not there:
        raise InputError(
            f"the schema needs a column {' or '.join(column.sources)}, which the table lacks; it "
            f"has {everyday.seen(names)}",
            hint=everyday.advice(names, column.sources, _LACKING),
        )
    return there


def needed(columns: Sequence[Column], features: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns of a table that encoding reads, in the table's order. Raises InputError."""
    used = {source for column in columns for source in sources(column, names)}
    own = {column.name for column in columns}
    plain = [name for name in features if name not in own]
    if lacking := sorted(set(plain) - set(names)):
        raise InputError(
            f"the table lacks columns of the schema: {', '.join(lacking)}; it has "
            f"{everyday.seen(names)}",
            hint=everyday.advice(names, lacking, _LACKING),
        )
    return [name for name in names if name in used or name in plain]


def names_read(schema: LinkageSchema) -> list[str]:
    """The names that a schema has for columns of a table."""
    declared = schema.extension.columns if schema.extension else []
    own = {column.name for column in declared}
    features = [each.identifier for each in schema.model.features if isinstance(each, Feature)]
    plain = [name for name in features if name not in own]
    return list(dict.fromkeys([*plain, *(name for c in declared for name in c.sources)]))
