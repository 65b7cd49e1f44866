"""From an owner's tables to what is sent: encoded, with control records, in random order."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from blindlink.formats import payload
from blindlink.formats.agreement import Agreement
from blindlink.formats.encodings import Encodings
from blindlink.formats.records import Bytes, layout_of
from blindlink.formats.schema import parse_schema
from blindlink.formats.submission import Layout, Records, check_rows
from blindlink.keys import Entropy, LinkageKey
from blindlink.owner.controls import Controls, make_controls
from blindlink.owner.encode import encode
from blindlink.owner.generalise import ENTITY, kinds
from blindlink.owner.people import RECORD, People
from blindlink.progress import Progress

Numbers = npt.NDArray[np.int64]

Assess = Callable[[pa.Table, Encodings], str]
"""The disclosure-risk report over the identity rows and their encodings, control records included:
returns its SHA-256 (hex) for the manifest, and raises RiskError where the report is red."""


@dataclass(frozen=True)
class Prepared:
    """All rows and entities in the random order in which they are sent.

    ``size``: plain bytes of a blob; ``is_control`` (entities,); ``entity`` (rows,): the number of
    each row's entity among the owner's ``ids``, from ``len(ids)`` on for control records; ``risk``:
    digest of the risk report.
    """

    records: Records
    bits: tuple[int, ...]
    encoder: str
    schema_fingerprint: str
    packer: payload.Packer
    size: int
    layout: Layout
    is_control: npt.NDArray[np.bool_]
    ids: pa.Array
    entity: Numbers
    risk: str | None


def prepare(
    people: People,
    terms: Agreement,
    owner: str,
    secret: LinkageKey,
    assess: Assess | None,
    entropy: Entropy,
    progress: Progress,
) -> Prepared:
    """Encode, add control records, report the risk, shuffle.

    Raises InputError, SchemaError, RiskError, or RefusedError for more or fewer rows than agreed.
    """
    encodings, rows, controls = _encoded(people, terms, owner, secret, entropy, progress)
    check_rows(len(rows), terms, "identities with control records")
    risk = assess(rows, encodings) if assess else None
    real, number = len(people.ids), len(controls.template)
    entity = np.concatenate([people.entity, real + controls.control])
    order, numbers = shuffled(len(entity), entropy), shuffled(real + number, entropy)
    is_control = np.argsort(numbers) >= real
    packer, layout = _packed(people, numbers, is_control)
    # A control has as many blobs as its template: their number goes with that of the rows.
    sizes = packer.sizes.copy()
    sizes[numbers[real:]] = sizes[numbers[controls.template]]
    size = payload.blob_size(sizes)
    return Prepared(
        records=Records(
            ids=random_ids(len(entity), entropy),
            entity=numbers[entity][order],
            filters=tuple(each[order] for each in encodings.filters),
            match_keys=tuple(each[order] for each in encodings.match_keys),
            blobs=payload.blobs_for(sizes, size),
        ),
        bits=encodings.bits,
        encoder=encodings.encoder,
        schema_fingerprint=encodings.schema_fingerprint,
        packer=packer,
        size=size,
        layout=layout,
        is_control=is_control,
        ids=people.ids,
        entity=entity[order],
        risk=risk,
    )


def random_ids(number: int, entropy: Entropy) -> Bytes:
    """Random 128-bit ids, shape (number, 16)."""
    return np.frombuffer(entropy(payload.ID * number), np.uint8).reshape(number, payload.ID)


def shuffled(number: int, entropy: Entropy) -> Numbers:
    """A random order of ``number`` things, by sorting 64 random bits each."""
    return np.argsort(np.frombuffer(entropy(8 * number), np.uint64), kind="stable")


def _encoded(
    people: People,
    terms: Agreement,
    owner: str,
    secret: LinkageKey,
    entropy: Entropy,
    progress: Progress,
) -> tuple[Encodings, pa.Table, Controls]:
    """Encodings and cells of people, then of control records.

    People first: a bad cell is then named by its row before anything is made from it.
    """
    schema = parse_schema(terms.schema_document)
    cells = _cells(people.identities)
    real = encode(cells, schema, secret, entropy=entropy, progress=progress)
    number = terms.control_count(owner, people.identities.num_rows)
    controls = make_controls(people.identities, people.entity, number, entropy)
    made = _cells(controls.rows)
    both = _joined(real, encode(made, schema, secret, entropy=entropy))
    return both, pa.concat_tables([cells, made]), controls


def _cells(identities: pa.Table) -> pa.Table:
    """What is encoded: no number of a record or entity."""
    names = [name for name in identities.column_names if name not in (RECORD, ENTITY)]
    return identities.select(names)


def _joined(first: Encodings, second: Encodings) -> Encodings:
    def both(a: tuple[Bytes, ...], b: tuple[Bytes, ...]) -> tuple[Bytes, ...]:
        return tuple(np.concatenate(pair) for pair in zip(a, b, strict=True))

    return replace(
        first,
        filters=both(first.filters, second.filters),
        match_keys=both(first.match_keys, second.match_keys),
        row=np.arange(len(first) + len(second)),
    )


def _packed(
    people: People, numbers: Numbers, is_control: npt.NDArray[np.bool_]
) -> tuple[payload.Packer, Layout]:
    layouts = {name: layout_of(name, t, kinds(t)) for name, (t, _) in people.tables.items()}
    tables = [(layouts[name], t, numbers[entity]) for name, (t, entity) in people.tables.items()]
    marks = np.where(is_control, payload.CONTROL, payload.RECORD).astype(np.uint8)
    return payload.Packer(tables, marks), Layout(tables=tuple(layouts.values()))
