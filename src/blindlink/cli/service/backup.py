"""``blindlink backup`` and ``blindlink restore``: for the operator of a linkage service."""

from pathlib import Path
from typing import Any

import click

from blindlink.cli.common import (
    IN_FILE,
    example,
    force_option,
    json_option,
    note,
    out_option,
    show,
)
from blindlink.cli.service.serving import need_extra, place_options, private


@click.command(
    epilog=example(
        "blindlink backup --out service-2026-11-25.backup",
        "blindlink backup --database-url postgresql+psycopg://blindlink@db/blindlink "
        "--storage-url s3://linkage --out service-2026-11-25.backup",
    )
)
@place_options
@out_option("the archive")
@force_option
@json_option
def backup(out: Path, force: bool, as_json: bool, **given: Any) -> None:
    """Write one archive of the service's database and of every file that it names.

    The service may run meanwhile. The linker's keys are not in it: a project is destroyed by
    erasing them, and a copy in a backup would undo that. A database that is not there, has no
    project, or knows less than the witness folder is an error.
    """
    need_extra()
    from blindlink.service.context import opened
    from blindlink.service.data import schema
    from blindlink.service.recovery import backup as archive
    from blindlink.service.settings import Settings

    private()
    settings = Settings(**given)
    with opened(settings, create=False) as service:
        schema.check(service.database)
        counts = archive.write(service, out, force=force)
    show(counts, as_json, f"{out}: {counts['rows']} rows, {counts['objects']} files")


@click.command(
    epilog=example(
        "blindlink restore service-2026-11-25.backup --data new --witness old/witness",
        "blindlink restore --database-url postgresql+psycopg://blindlink@db/blindlink "
        "--storage-url s3://linkage --witness /var/lib/blindlink/witness",
    )
)
@click.argument("backup_file", metavar="[BACKUP]", type=IN_FILE, required=False)
@place_options
@click.option(
    "--head",
    "heads",
    type=IN_FILE,
    multiple=True,
    help="A head that an owner or the auditor kept: refuse to come back older than it. Repeatable.",
)
@json_option
def restore(backup_file: Path | None, heads: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    """Bring a service back from BACKUP, into an empty database and storage.

    Then every project is brought up to its log in the witness folder: what was destroyed stays
    destroyed, what was replaced or frozen stays so. Without BACKUP only this is done, to a database
    that was restored by other means. No process of the service may run meanwhile.
    """
    need_extra()
    from blindlink.messages.audit.log import Head
    from blindlink.messages.signed import Signed
    from blindlink.service.context import opened
    from blindlink.service.data import schema
    from blindlink.service.recovery import restore as restoring
    from blindlink.service.recovery import witness as remembered
    from blindlink.service.settings import Settings

    private()
    settings = Settings(**given)
    kept = {str(path): Signed.load(path, Head) for path in heads}
    known = list(remembered.read(settings.witness_folder))
    if not known and not kept:
        note("warning: neither a witness folder nor a head: what came after goes unnoticed")
    with opened(settings) as service:
        schema.migrate(service.database)
        if backup_file is not None:
            files = restoring.load(service, backup_file, known, kept)
            text = f"restored: {files} files; {len(known)} projects are as their logs say"
        else:
            files = 0
            with service.database.write() as session:
                missing = restoring.catch_up(service, session, known, kept)
            text = f"{missing} entries of {len(known)} logs were missing"
    show({"files": files, "logs": len(known)}, as_json, text)
