"""An owner's submission: encodings sealed to the linker, payload sealed to the analyst, one file.

    check the agreement -> number entities, generalise -> add control records -> encode
    -> risk report -> shuffle, fresh random ids -> seal, sign

Nothing is written before every check has passed, and the file appears whole or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes
from blindlink.errors import BlindlinkError, InputError, RefusedError, VerificationError
from blindlink.files import check_output
from blindlink.keys import LinkageKey
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.container import reader as container
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import KIND, Content, FieldLoss, write_records
from blindlink.messages.submission.withdrawal import (
    CONTROLS,
    ROW_MAP,
    SECTION,
    RowMapContent,
    row_map_bytes,
)
from blindlink.owner.check import losses
from blindlink.owner.encoding.batch import Tolerate
from blindlink.owner.encoding.spool import spooling
from blindlink.owner.prepare import Assess, Means, Prepared, prepare, random_ids
from blindlink.owner.tables.people import read_people
from blindlink.owner.withdraw import RowMap, open_row_map
from blindlink.schema import quality
from blindlink.schema.document import parse_schema


@dataclass(frozen=True)
class Submitted:
    """What was submitted. ``digest`` is that of the manifest, ``risk`` of the risk report.

    ``rows_of`` (row_id as hex, entity_id, control) is in row order; the entity id of a control
    record is null. It stays with the owner. ``losses``: what was lost of each identity field.
    """

    path: Path
    row_map: Path
    bundle_id: str
    sequence: int
    rows: int
    entities: int
    controls: int
    blobs: int
    blob_bytes: int
    digest: str
    risk: str | None
    rows_of: pa.Table
    losses: tuple[quality.Loss, ...] = ()


@dataclass(frozen=True)
class Options:
    """How a submission is made.

    ``sequence`` rises with re-submissions, which need the row map of the one before (``previous``,
    else what ``row_map`` holds now): its control records are sent again, so that two submissions do
    not tell which they are. ``assess`` runs the risk report before anything is written;
    ``tolerate`` as in ``encode``.
    """

    row_map: Path | None = None
    previous: Path | None = None
    sequence: int = 1
    assess: Assess | None = None
    tolerate: Tolerate | None = None
    force: bool = False


def submit(
    identities: pa.Table,
    tables: Mapping[str, pa.Table],
    acting: Acting,
    secret: LinkageKey,
    out: Path,
    options: Options = Options(),
) -> Submitted:
    """Write the submission of one owner to ``out``, and its row map (OUT.rows by default).

    ``identities``: one row per name, alias or address, with entity_id; ``tables``: the payload
    tables that the agreement lists, each with entity_id. Raises AgreementError, VerificationError
    (not the agreed secret), InputError, SchemaError, RiskError, RefusedError (a limit of the
    agreement) or OutputError; then nothing is written.
    """
    terms = _check(acting, secret, options.sequence)
    row_map = options.row_map or out.with_name(out.name + ".rows")
    for path in (out, row_map):
        check_output(path, force=options.force)
    before = _before(options, row_map, acting)
    owner, digest = acting.keys.public.name, acting.agreement.digest()
    people = read_people(identities, tables, terms.payload[owner], acting.entropy)
    lost = _check_quality(identities, terms, owner, options.tolerate)
    with spooling(out.parent) as spool:
        means = Means(
            secret=secret.under(digest),
            seed=acting.keys.derive(b"control records " + bytes.fromhex(digest), 32),
            spool=spool,
            kept=before.controls if before else None,
            assess=options.assess,
            tolerate=options.tolerate,
            entropy=acting.entropy,
            progress=acting.progress,
        )
        prepared = prepare(people, terms, owner, means)
        run = _Run(acting, options, before.first_rows if before else None, tuple(lost))
        done = _sealed(prepared, run, (out, row_map), means)
    return replace(done, losses=tuple(lost))


def _before(options: Options, row_map: Path, acting: Acting) -> RowMap | None:
    """What the submission before left: also where the first one is made once more."""
    path = options.previous or row_map
    if path.exists():
        try:
            return open_row_map(path, acting)
        except BlindlinkError:
            if options.previous or options.sequence > 1:
                raise
            return None  # of another agreement: it will be replaced
    if options.sequence > 1:
        raise InputError(
            f"submission {options.sequence}: the row map of the one before is missing",
            hint="give it with --previous: the same control records are sent again",
        )
    return None


@dataclass(frozen=True)
class _Run:
    """What writing a submission and its row map share; ``first_rows``: of an earlier one."""

    acting: Acting
    options: Options
    first_rows: int | None
    lost: tuple[quality.Loss, ...]

    @property
    def terms(self) -> Agreement:
        return self.acting.terms

    def rows(self, rows: int) -> int:
        """The rows of the first submission, where this one has ``rows``."""
        return rows if self.options.sequence == 1 or self.first_rows is None else self.first_rows


def _sealed(prepared: Prepared, run: _Run, paths: tuple[Path, Path], means: Means) -> Submitted:
    """Write submission and row map, both or neither."""
    (out, row_map), entropy = paths, means.entropy
    ids = random_ids(len(prepared.blobs), entropy)
    bundle = container.new_bundle(entropy)
    create = partial(run.acting.create, force=run.options.force)
    private_id = container.new_bundle(entropy)
    with (
        create(out, KIND, bundle=bundle) as writer,
        # Ready first: a submission without a row map could lose nobody again.
        create(row_map, ROW_MAP, bundle=private_id) as private,
    ):
        content = _write(writer, prepared, run, ids, means)
        _write_row_map(private, bundle, run, prepared, ids)
    return Submitted(
        path=out,
        row_map=row_map,
        bundle_id=bundle,
        sequence=content.sequence,
        rows=content.rows,
        entities=content.entities,
        controls=int(prepared.is_control.sum()),
        blobs=content.blobs,
        blob_bytes=content.blob_size,
        digest=writer.manifest().digest(),
        risk=content.risk_report,
        rows_of=_rows_of(prepared),
    )


def _check(acting: Acting, secret: LinkageKey, sequence: int) -> Agreement:
    terms = acting.check("owner")
    if secret.check_value() != terms.key_check:
        raise VerificationError(
            "linkage key: is not the one that the agreement names",
            hint="use the key that the owners agreed on",
        )
    if not 1 <= sequence <= terms.limits.submissions:
        raise RefusedError(
            f"submission {sequence}: the agreement allows {terms.limits.submissions}"
        )
    return terms


def _check_quality(
    identities: pa.Table, terms: Agreement, owner: str, tolerate: Tolerate | None
) -> list[quality.Loss]:
    """What was lost of each field. Raises InputError where more of one is lost than agreed.

    Cells that cannot be read end the run by themselves where they are not tolerated, and are named
    by row then.
    """
    found, problems = losses(identities, parse_schema(terms.schema_document))
    if tolerate is None:
        problems.check()
    quality.check(found, terms.quality_limits(owner), "submission")
    return found


def _told(lost: Sequence[quality.Loss]) -> tuple[FieldLoss, ...]:
    """For the analyst: counts of cells by field."""
    return tuple(
        FieldLoss(
            field=each.field,
            rows=each.rows,
            filled=each.filled,
            kept=each.kept,
            **{kind: each.counts.get(kind, 0) for kind in quality.KINDS},
        )
        for each in lost
    )


def _write(
    writer: container.Writer,
    prepared: Prepared,
    run: _Run,
    blob_ids: Bytes,
    means: Means,
) -> Content:
    encoded, blobs, terms = prepared.encodings, prepared.blobs, run.terms
    ids = [row.tobytes() for row in blob_ids]
    controls = sorted(ids[at] for at in np.flatnonzero(prepared.is_control))
    with writer.section("encodings", terms.linker) as out:
        pieces = means.spool.pieces(prepared.order)
        write_records(prepared.ids, prepared.number, pieces, blobs, out)
    with writer.section("layout", terms.analyst) as out:
        out.write(prepared.layout.model_copy(update={"losses": _told(run.lost)}).to_bytes())
    with writer.section("controls", terms.analyst) as out:
        out.write(b"".join(controls))
    with writer.blobs("payload", terms.analyst) as (out, key):
        root = payload.seal(prepared.packer, blobs, prepared.size, ids, key, out, means.progress)
    size = sum(section.size for section in writer.sections)
    if size > terms.limits.bytes:
        raise RefusedError(f"submission: {size} bytes; the agreement allows {terms.limits.bytes}")
    content = Content(
        sequence=run.options.sequence,
        first_rows=run.rows(len(prepared.ids)),
        schema_fingerprint=encoded.schema_fingerprint,
        encoder=encoded.encoder,
        key_check=terms.key_check,
        rows=len(prepared.ids),
        entities=len(blobs),
        entity_rows=int(np.bincount(prepared.number).max()),
        bits=encoded.bits,
        match_keys=len(encoded.match_keys),
        blobs=len(ids),
        blob_size=prepared.size,
        payload_root=root.hex(),
        risk_report=prepared.risk,
    )
    writer.content = content.model_dump(mode="json")
    return content


def _write_row_map(
    writer: container.Writer, bundle: str, run: _Run, prepared: Prepared, blob_ids: Bytes
) -> None:
    """Real rows only: nobody withdraws a control record."""
    real = prepared.entity < len(prepared.entity_ids)
    entities = prepared.entity_ids.take(pa.array(prepared.entity[real]))
    blobs = blob_ids[prepared.number[real]]
    data, width = row_map_bytes(prepared.ids[real], blobs, entities)
    with writer.section(SECTION, run.acting.keys.public) as out:
        out.write(data)
    with writer.section(CONTROLS, run.acting.keys.public) as out:
        out.write(canonical.dumps(prepared.controls.model_dump()))
    content = RowMapContent(
        submission=bundle,
        rows=int(real.sum()),
        width=width,
        first_rows=run.rows(len(prepared.ids)),
    )
    writer.content = content.model_dump()


def _rows_of(prepared: Prepared) -> pa.Table:
    control = prepared.entity >= len(prepared.entity_ids)
    return pa.table(
        {
            "row_id": [row.tobytes().hex() for row in prepared.ids],
            "entity_id": prepared.entity_ids.take(pa.array(prepared.entity, mask=control)),
            "control": np.asarray(control),
        }
    )
