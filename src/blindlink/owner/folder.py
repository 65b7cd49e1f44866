"""Submitting and withdrawing from files: an extract is a folder of tables with agreed names."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from blindlink import frames
from blindlink.errors import AgreementError, InputError
from blindlink.files import check_apart, check_output, write_text
from blindlink.keys import LinkageKey
from blindlink.mapping import PLAIN, Source
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.draft import terms_of
from blindlink.messages.agreement.terms import Agreement
from blindlink.owner.encoding.columns import names_read
from blindlink.owner.risk import read_waiver
from blindlink.owner.risk.gate import gate
from blindlink.owner.submit import Options, Submitted, submit
from blindlink.owner.tables.generalise import ENTITY
from blindlink.owner.tables.people import RECORD, identifiers
from blindlink.owner.withdraw import Withdrawn, withdraw
from blindlink.schema.document import parse_schema

IDENTITIES = "identities"


@dataclass(frozen=True)
class FolderOptions(Options):
    """How the extract in a folder is submitted.

    ``waiver``: a file that says who accepts a red disclosure risk; ``source`` maps the columns of
    the files.
    """

    waiver: Path | None = None
    source: Source = PLAIN


def submit_folder(
    data: Path,
    acting: Acting,
    secret: Path,
    out: Path,
    options: FolderOptions = FolderOptions(),
) -> Submitted:
    """Submit the extract in a folder: ``identities`` and one table for each of the agreement's.

    Each is a file of that name, such as identities.csv or events.parquet. The disclosure-risk
    report goes beside ``out`` and stops everything where it is red and no waiver covers it. What
    was lost of each field stands in OUT.quality.json. Raises like ``submit``.
    """
    accepted = read_waiver(options.waiver) if options.waiver else None
    terms = acting.check("owner")
    tables = terms.payload[acting.keys.public.name]
    identities = frames.find_table(data, IDENTITIES)
    files = {name: frames.find_table(data, name) for name in tables}
    quality = out.with_name(out.name + ".quality.json")
    force, source = options.force, options.source
    for path in (out, options.row_map or out, quality):
        check_apart(path, [identities, *files.values()])
    check_output(quality, force=force)
    schema = parse_schema(terms.schema_document)
    people = source.read(identities, IDENTITIES, [RECORD, ENTITY, *names_read(schema)])
    read = {name: source.read(path, name, [ENTITY, *tables[name]]) for name, path in files.items()}
    risk = gate(out, waiver=accepted, now=acting.now, force=force, progress=acting.progress)
    done = submit(people, read, acting, LinkageKey.load(secret), out, replace(options, assess=risk))
    report = {"fields": [each.document() for each in done.losses]}
    write_text(quality, json.dumps(report, indent=1) + "\n", force=force)
    return done


def extract_files(data: Path) -> dict[str, Path]:
    """The tables of an extract by name, identities first. Raises InputError."""
    found = {IDENTITIES: frames.find_table(data, IDENTITIES)}
    for path in sorted(data.iterdir()):
        ending = next((each for each in frames.ENDINGS if path.name.endswith(each)), None)
        if ending is not None and path.is_file():
            found.setdefault(path.name.removesuffix(ending), path)
    return found


def terms_for(agreement: Path, owner: str) -> Agreement:
    """An agreement, signed or not, or a draft (TOML), for a dry run of one of its owners.

    Raises InputError, AgreementError where it cannot be read or the owner is none of its.
    """
    terms = terms_of(agreement, now=datetime.now(UTC))
    if owner not in terms.payload:
        raise AgreementError(
            f"agreement: {owner} is no owner", hint=f"say --owner {' or '.join(terms.payload)}"
        )
    return terms


def read_extract(
    data: Path, terms: Agreement, owner: str, source: Source = PLAIN
) -> dict[str, pa.Table]:
    """The tables that an agreement asks of an owner, identities first. Raises InputError."""
    wanted = {IDENTITIES: [RECORD, *names_read(parse_schema(terms.schema_document))]}
    wanted |= {name: list(rules) for name, rules in terms.payload[owner].items()}
    return {
        name: source.read(frames.find_table(data, name), name, [ENTITY, *columns])
        for name, columns in wanted.items()
    }


def withdraw_file(
    people: Path,
    row_map: Path,
    acting: Acting,
    out: Path,
    *,
    force: bool = False,
) -> Withdrawn:
    """Withdraw the people in a table with the column entity_id. Raises like ``withdraw``."""
    table = frames.read_table(people)
    if ENTITY not in table.column_names:
        raise InputError(f"{people}: column {ENTITY} is missing")
    ids = [identifier or "" for identifier in identifiers(table, people.name).to_pylist()]
    return withdraw(ids, row_map, acting, out, force=force)
