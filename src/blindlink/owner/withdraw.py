"""Taking people out before the first link: a signed message that names rows by their random ids.

The row map that ``submit`` left with the owner says which rows are whose. It is sealed to the
owner's own keys and ends with the agreement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blindlink.arrays import Bytes
from blindlink.errors import InputError
from blindlink.files import check_output
from blindlink.messages.acting import Acting
from blindlink.messages.container import reader as container
from blindlink.messages.submission.withdrawal import (
    CONTROLS,
    ENTITIES,
    ROW_MAP,
    SECTION,
    WITHDRAWAL,
    OwnControls,
    WithdrawalContent,
    read_controls_kept,
    read_row_map,
    row_map_content,
)


@dataclass(frozen=True)
class RowMap:
    """What ``submit`` left with the owner about the submission with that bundle id.

    ``ids`` and ``blobs`` (rows, 16): of each row, and of its entity's blob; ``entities`` (rows,):
    entity ids; ``controls``: the control records; ``first_rows``: rows of the first submission.
    """

    submission: str
    ids: Bytes
    blobs: Bytes
    entities: list[str]
    controls: OwnControls
    first_rows: int


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal names."""

    path: Path
    bundle_id: str
    entities: int
    rows: int


def open_row_map(path: Path, acting: Acting) -> RowMap:
    """Read an owner's own row map.

    Raises InputError, FormatError, VerificationError or AgreementError.
    """
    where, keys = str(path), acting.keys
    with container.opened(path, ROW_MAP) as sealed:
        bundle = sealed.verify(keys.public, agreement=acting.agreement.digest(), now=acting.now)
        content = row_map_content(bundle.manifest, where)
        with bundle.open(SECTION, keys) as source:
            ids, blobs, entities = read_row_map(source.read(), content, where)
        with bundle.open(CONTROLS, keys) as source:
            controls = read_controls_kept(source.read(), where)
    return RowMap(content.submission, ids, blobs, entities, controls, content.first_rows)


def withdraw(
    entity_ids: Sequence[str],
    row_map: Path,
    acting: Acting,
    out: Path,
    *,
    force: bool = False,
) -> Withdrawn:
    """Write the message that takes these people out of a submission.

    Raises InputError when one of them is not in the submission, naming its place in the list only,
    and the errors of ``open_row_map``; then nothing is written.
    """
    terms = acting.check("owner")
    check_output(out, inputs=[row_map], force=force)
    known = open_row_map(row_map, acting)
    rows, blobs = _named(entity_ids, known)
    bundle = container.new_bundle(acting.entropy)
    with acting.create(out, WITHDRAWAL, bundle=bundle, force=force) as writer:
        with writer.section(SECTION, terms.linker) as section:
            section.write(b"".join(rows))
        with writer.section(ENTITIES, terms.analyst) as section:
            section.write(b"".join(blobs))
        content = WithdrawalContent(
            submission=known.submission, rows=len(rows), entities=len(blobs)
        )
        writer.content = content.model_dump()
    return Withdrawn(out, bundle, len(set(entity_ids)), len(rows))


def _named(entity_ids: Sequence[str], known: RowMap) -> tuple[list[bytes], list[bytes]]:
    """The ids of their rows, and of their blobs, ascending."""
    wanted = set(entity_ids)
    if not wanted:
        raise InputError("nobody to withdraw", hint="list the entity ids, one a line")
    held = set(known.entities)
    for number, entity in enumerate(entity_ids, start=1):
        if entity not in held:
            raise InputError(
                f"entity {number} of the list is not in the submission",
                hint="use the row map of the submission that the linker holds",
            )
    mine = np.array([entity in wanted for entity in known.entities], bool)
    rows, blobs = ({row.tobytes() for row in ids[mine]} for ids in (known.ids, known.blobs))
    return sorted(rows), sorted(blobs)
