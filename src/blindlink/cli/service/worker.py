"""``blindlink worker``: verify, link and destroy for a service whose web runs elsewhere."""

import signal
import threading
from pathlib import Path

import click

from blindlink.cli.common import FOLDER, example
from blindlink.cli.service.serving import (
    database_options,
    keyring,
    leave,
    metrics_option,
    need_extra,
    private,
    secret_options,
    witness_option,
)
from blindlink.errors import KeyFileError


@click.command(
    epilog=example(
        "blindlink worker --database-url postgresql+psycopg://blindlink@db/blindlink "
        "--storage-url s3://linkage --keys /var/lib/blindlink/keys --passphrase-fd 3 3<passphrase"
    )
)
@database_options
@secret_options
@witness_option
@metrics_option
@click.option("--scratch", type=FOLDER, help="A folder of this machine to work in; DATA/scratch.")
def worker(
    data: Path,
    database_url: str,
    storage_url: str,
    keys: Path | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    witness: Path | None,
    metrics: str | None,
    scratch: Path | None,
) -> None:
    """Do the jobs of a linkage service until told to stop; the one at hand is finished first.

    Any number of workers share one database. A job of a worker that died is taken over.
    """
    need_extra()
    from blindlink.service.context import Service
    from blindlink.service.data import schema
    from blindlink.service.jobs.worker import Worker
    from blindlink.service.recovery import witness as remembered
    from blindlink.service.settings import Settings
    from blindlink.service.telemetry import logs
    from blindlink.service.telemetry.scraping import scraped

    settings = Settings(
        data,
        database_url=database_url,
        storage_url=storage_url,
        keys=keys,
        scratch=scratch,
        witness=witness,
    )
    ring = keyring(settings, passphrase_file, passphrase_fd)
    if ring is None:
        raise KeyFileError(
            "a worker needs the passphrase of the linker's keys",
            hint="give --passphrase-file, --passphrase-fd or a service credential",
        )
    private()
    logs.to_stderr()
    service = Service.open(settings)
    schema.check(service.database)
    remembered.check(service)
    service.take_storage()
    stop = threading.Event()

    def told(*_: object) -> None:
        stop.set()
        service.wake()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, told)
    at_work = Worker(service, ring, stalled=leave)
    with scraped(service, metrics, at_work.ready):
        at_work.run(stop)
    service.close()
