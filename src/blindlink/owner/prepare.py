"""From an owner's tables to what is sent: encoded, with control records, in random order."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bools, Bytes, Int64s
from blindlink.errors import RefusedError
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.keys.entropy import stream
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.encodings import Encodings
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import Layout, check_rows
from blindlink.messages.submission.records import layout_of
from blindlink.messages.submission.withdrawal import OwnControls
from blindlink.owner.controls import Controls, make_controls, restored
from blindlink.owner.encoding.batch import BatchEncoder, Tolerate
from blindlink.owner.encoding.spool import Spool
from blindlink.owner.tables.generalise import ENTITY, kinds
from blindlink.owner.tables.people import RECORD, People
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema, parse_schema

Assess = Callable[[pa.Table, Encodings, LinkageSchema], str]
"""The disclosure-risk report over the identity rows and their encodings, control records included:
returns its SHA-256 (hex) for the manifest, and raises RiskError where the report is red."""


@dataclass(frozen=True)
class Means:
    """What an owner makes a submission with: the key of this agreement, a seed of its own, where
    encodings lie meanwhile, the control records that it sent before, and what is done about risk
    and bad cells (``Tolerate`` of the encoder)."""

    secret: LinkageKey
    seed: bytes
    spool: Spool
    kept: OwnControls | None = None
    assess: Assess | None = None
    tolerate: Tolerate | None = None
    entropy: Entropy = system_entropy
    progress: Progress = silent


@dataclass(frozen=True)
class Prepared:
    """All rows and entities in the random order in which they are sent.

    ``ids`` (rows, 16) and ``number`` (rows,), the entity numbers, stand in that order;
    ``encodings`` do not: ``order`` (rows,) says which is sent at each place. ``blobs`` (entities,):
    of ``size`` plain bytes each; ``is_control`` (entities,); ``entity`` (rows,): the number of each
    row's entity among the owner's ``entity_ids``, from their number on for control records;
    ``risk``: digest of the risk report.
    """

    ids: Bytes
    number: Int64s
    encodings: Encodings
    order: Int64s
    blobs: Int64s
    packer: payload.Packer
    size: int
    layout: Layout
    is_control: Bools
    entity_ids: pa.Array
    entity: Int64s
    controls: OwnControls
    risk: str | None


def prepare(people: People, terms: Agreement, owner: str, means: Means) -> Prepared:
    """Encode, add control records, report the risk, shuffle.

    Raises InputError, SchemaError, RiskError, RefusedError for more or fewer rows than agreed, or
    OSError where the disk is full.
    """
    entropy = means.entropy
    encodings, rows, controls = _encoded(people, terms, owner, means)
    real, added = len(people.ids), controls.number
    entity = np.concatenate([people.entity, real + controls.control])
    risk = None
    if means.assess:
        named = replace(encodings, entity=entity.astype(str).astype(object))
        risk = means.assess(rows, named, parse_schema(terms.schema_document))
    order, numbers = shuffled(len(entity), entropy), shuffled(real + added, entropy)
    is_control = np.argsort(numbers) >= real
    packer, layout = _packed(people, numbers, is_control)
    size = payload.blob_size(packer.sizes, terms.limits.entity_bytes)
    return Prepared(
        ids=random_ids(len(entity), entropy),
        number=numbers[entity][order],
        encodings=encodings,
        order=order,
        blobs=np.ones(real + added, np.int64),
        packer=packer,
        size=size,
        layout=layout,
        is_control=is_control,
        entity_ids=people.ids,
        entity=entity[order],
        controls=controls.kept(_cells(controls.rows).column_names),
        risk=risk,
    )


def random_ids(number: int, entropy: Entropy) -> Bytes:
    """Random 128-bit ids, shape (number, 16)."""
    return np.frombuffer(entropy(payload.ID * number), np.uint8).reshape(number, payload.ID)


def shuffled(number: int, entropy: Entropy) -> Int64s:
    """A random order of ``number`` things, by sorting 64 random bits each."""
    return np.argsort(np.frombuffer(entropy(8 * number), np.uint64), kind="stable")


def _encoded(
    people: People, terms: Agreement, owner: str, means: Means
) -> tuple[Encodings, pa.Table, Controls]:
    """Encodings and cells of people, then of control records.

    People first: a bad cell is then named by its row before anything is made from it.
    """
    schema = parse_schema(terms.schema_document)
    cells = _cells(people.identities)
    _encode(cells, schema, means, means.tolerate)
    if means.kept is None:
        number = terms.control_count(owner, cells.num_rows)
        entropy = stream(means.seed)
        controls = make_controls(people.identities, people.entity, number, entropy)
    else:
        controls = restored(means.kept, people.identities)
    check_rows(
        cells.num_rows + len(controls.control), cells.num_rows, terms, "identities with controls"
    )
    _check_entity_rows(people, terms)
    made = _cells(controls.rows)
    if controls.number:
        _encode(made, schema, means, _silently if means.tolerate else None)
    return means.spool.encodings(), pa.concat_tables([cells, made]), controls


def _check_entity_rows(people: People, terms: Agreement) -> None:
    """Raises RefusedError for somebody with more rows than agreed: names and addresses that nobody
    has would draw the other owners' people into the release."""
    most = int(np.bincount(people.entity).max(initial=0))
    if most > terms.limits.entity_rows:
        raise RefusedError(
            f"identities: one entity has {most} rows; the agreement allows "
            f"{terms.limits.entity_rows}"
        )


def _encode(
    cells: pa.Table, schema: LinkageSchema, means: Means, tolerate: Tolerate | None
) -> None:
    with BatchEncoder(schema, means.secret, entropy=means.entropy, tolerate=tolerate) as encoder:
        for piece in encoder.stream([cells]):
            means.spool.add(piece)
            means.progress(encoder.rows, cells.num_rows)


def _silently(_: dict[str, int]) -> None:
    """What was borrowed by a control record was told of where it stood."""


def _cells(identities: pa.Table) -> pa.Table:
    """What is encoded: no number of a record or entity."""
    names = [name for name in identities.column_names if name not in (RECORD, ENTITY)]
    return identities.select(names)


def _packed(people: People, numbers: Int64s, is_control: Bools) -> tuple[payload.Packer, Layout]:
    layouts = {name: layout_of(name, t, kinds(t)) for name, (t, _) in people.tables.items()}
    tables = [(layouts[name], t, numbers[entity]) for name, (t, entity) in people.tables.items()]
    marks = np.where(is_control, payload.CONTROL, payload.RECORD).astype(np.uint8)
    return payload.Packer(tables, marks), Layout(tables=tuple(layouts.values()), losses=())
