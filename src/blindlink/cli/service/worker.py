"""``blindlink worker``: verify, link and destroy for a service whose web runs elsewhere."""

import signal
import threading
from typing import Any

import click

from blindlink.cli.common import FOLDER, example
from blindlink.cli.service.serving import (
    keyring,
    leave,
    need_extra,
    place_options,
    private,
    process_options,
    settings_of,
)
from blindlink.errors import KeyFileError


@click.command(
    epilog=example(
        "blindlink worker --database-url postgresql+psycopg://blindlink@db/blindlink "
        "--storage-url s3://linkage --keys /var/lib/blindlink/keys --passphrase-fd 3 3<passphrase"
    )
)
@place_options
@process_options
@click.option("--scratch", type=FOLDER, help="A folder of this machine to work in; DATA/scratch.")
def worker(**given: Any) -> None:
    """Do the jobs of a linkage service until told to stop; the one at hand is finished first.

    Any number of workers share one database. Each takes the jobs whose keys it holds. A job of a
    worker that died is taken over; a worker whose job stands still exits with 75, to be started
    again.
    """
    need_extra()
    from blindlink.service.context import Service
    from blindlink.service.data import schema
    from blindlink.service.jobs.worker import Worker
    from blindlink.service.recovery import witness
    from blindlink.service.telemetry import logs
    from blindlink.service.telemetry.scraping import scraped

    passphrase = given.pop("passphrase_file"), given.pop("passphrase_fd")
    metrics = given.pop("metrics")
    settings = settings_of(**given)
    ring = keyring(settings, *passphrase)
    if ring is None:
        raise KeyFileError(
            "a worker needs the passphrase of the linker's keys",
            hint="give --passphrase-file, --passphrase-fd or a service credential",
        )
    private()
    logs.to_stderr()
    service = Service.open(settings)
    schema.check(service.database)
    witness.check(service)
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
