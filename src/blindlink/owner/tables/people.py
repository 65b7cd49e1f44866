"""An owner's tables, checked and with numbered entities: what a submission is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blindlink.arrays import Int64s
from blindlink.errors import InputError
from blindlink.frames import text_column
from blindlink.keys import Entropy
from blindlink.messages.submission.records import MAX_WIDTH
from blindlink.owner.tables.generalise import ENTITY, Rule, generalised, renumbered
from blindlink.spellings import identifier

RECORD = "record_id"
COINCIDENCES = 10  # so many equal cells may happen in a small table of numbers


@dataclass(frozen=True)
class People:
    """Identities and payload.

    ``ids`` (entities,) are the owner's entity ids, ``entity`` (rows,) the number of each identity
    row's entity, ``tables`` the payload as generalised text with the entity number of each row.
    """

    identities: pa.Table
    ids: pa.Array
    entity: Int64s
    tables: dict[str, tuple[pa.Table, Int64s]]


def read_people(
    identities: pa.Table,
    tables: Mapping[str, pa.Table],
    rules: Mapping[str, Mapping[str, Rule]],
    entropy: Entropy,
) -> People:
    """Number the entities and keep of the payload what ``rules`` (table -> column -> rule) allow.

    Raises InputError naming table, column and row.
    """
    names = _entity_ids(identities, "identities")
    _check_records(identities)
    coded = names.dictionary_encode()
    ids, entity = coded.dictionary, coded.indices.to_numpy().astype(np.int64)
    missing = sorted(set(rules) - set(tables))
    if missing:
        raise InputError(f"table {missing[0]} is missing; the agreement lists it")
    texts = {name: generalised(tables[name], rules[name], name) for name in rules}
    for name, text in texts.items():
        _check_columns(text, _entity_ids(tables[name], name), name)
    payload = {
        name: (text, _numbers(tables[name], ids, name))
        for name, text in renumbered(texts, entropy).items()
    }
    return People(identities, ids, entity, payload)


def _entity_ids(table: pa.Table, name: str) -> pa.Array:
    if ENTITY not in table.column_names:
        raise InputError(f"table {name}: column {ENTITY} is missing")
    values = identifiers(table, name)
    length = pc.fill_null(pc.binary_length(values), 0).to_numpy()
    for wrong, what in ((length == 0, "is empty"), (length > MAX_WIDTH, "is too long")):
        if wrong.any():
            row = int(np.argmax(wrong)) + 1
            raise InputError(f"table {name}, column {ENTITY}, row {row}: {what}")
    return values


def identifiers(table: pa.Table, name: str) -> pa.Array:
    """Column entity_id as text, as ``spellings`` has identifiers: 1001.0 is 1001."""
    coded = text_column(table, ENTITY).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):  # an empty table
        return pa.array([], pa.string())
    known = []
    for code, value in enumerate(coded.dictionary.to_pylist()):
        try:
            known.append(identifier(value))
        except ValueError as error:
            row = int(np.flatnonzero(coded.indices.to_numpy(False) == code)[0]) + 1
            raise InputError(f"table {name}, column {ENTITY}, row {row}: {error}") from None
    return pa.array(known, pa.string()).take(coded.indices)


def _check_columns(text: pa.Table, entity: pa.Array, name: str) -> None:
    """No column holds the owner's own entity ids under another name. ``*_id`` are numbered anew."""
    for column in (column for column in text.column_names if not column.endswith("_id")):
        values = text.column(column).combine_chunks()
        same = pc.sum(pc.equal(values, entity)).as_py() or 0
        if same >= COINCIDENCES and 2 * same > len(values) - values.null_count:
            raise InputError(
                f"table {name}, column {column}: holds the {ENTITY} of most of its rows",
                hint="leave it out of the agreement: what names a person never leaves the owner",
            )


def _numbers(table: pa.Table, ids: pa.Array, name: str) -> Int64s:
    found = pc.index_in(_entity_ids(table, name), value_set=ids)
    if found.null_count:
        row = int(np.argmax(found.is_null().to_numpy(False))) + 1
        raise InputError(f"table {name}, row {row}: its {ENTITY} is not among the identities")
    return np.asarray(found.to_numpy().astype(np.int64))


def _check_records(identities: pa.Table) -> None:
    if RECORD not in identities.column_names:
        return
    values = identities.column(RECORD).combine_chunks()
    if pc.count_distinct(values).as_py() != len(values):
        seen = values.dictionary_encode().indices.to_numpy(False)
        again = np.ones(len(seen), bool)
        again[np.unique(seen, return_index=True)[1]] = False
        row = int(np.argmax(again)) + 1
        raise InputError(f"table identities, column {RECORD}, row {row}: stands in an earlier row")
