"""What ``serve`` and ``worker`` share: where the data lie, and how the passphrase comes in."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blindlink.cli.common import FOLDER, IN_FILE, note
from blindlink.cli.passphrase import VARIABLE
from blindlink.errors import MissingExtraError

if TYPE_CHECKING:
    from blindlink.service.jobs.keyring import Keyring
    from blindlink.service.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


STALLED = 75  # exit code (EX_TEMPFAIL): a supervisor starts the process again


def private() -> None:
    """What this process makes is for its own user: databases, files, folders."""
    os.umask(0o077)


def leave() -> None:
    """End a process whose job stands still; what was in its hands another one takes over."""
    os._exit(STALLED)


def need_extra() -> None:
    """Raises MissingExtraError where the service's libraries are not installed."""
    if find_spec("fastapi") is None or find_spec("sqlalchemy") is None:
        raise MissingExtraError("the linkage service", "service")


def database_options(command: F) -> F:
    """``--data``, ``--database-url``, ``--storage-url``."""
    data = click.option(
        "--data",
        type=FOLDER,
        default=Path("linkage-service"),
        show_default=True,
        help="The folder of everything that has no address of its own.",
    )
    database = click.option(
        "--database-url",
        default="",
        envvar="BLINDLINK_DATABASE_URL",
        help="postgresql+psycopg://USER@HOST/NAME; SQLite under --data unless given. A password "
        "belongs into ~/.pgpass.",
    )
    storage = click.option(
        "--storage-url",
        default="",
        envvar="BLINDLINK_STORAGE_URL",
        help="Where files lie, as fsspec writes it (s3://BUCKET/PREFIX); else under --data.",
    )
    return data(database(storage(command)))


def witness_option(command: F) -> F:
    """``--witness``."""
    return click.option(
        "--witness",
        type=FOLDER,
        help="Where the logs of all projects are kept outside of database and backup; "
        "DATA/witness unless given.",
    )(command)


def metrics_option(command: F) -> F:
    """``--metrics``."""
    return click.option(
        "--metrics",
        metavar="HOST:PORT",
        help="Answer Prometheus at this address, which is public for whoever can reach it.",
    )(command)


def secret_options(command: F) -> F:
    """``--keys``, ``--passphrase-file``, ``--passphrase-fd``."""
    keys = click.option(
        "--keys",
        type=FOLDER,
        help="The linker's key files, one for each project; DATA/linker-keys unless given.",
    )
    file = click.option(
        "--passphrase-file", type=IN_FILE, help="The first line of this file opens the key files."
    )
    descriptor = click.option(
        "--passphrase-fd",
        type=click.IntRange(min=3),
        help="Read the passphrase from this open file descriptor.",
    )
    return keys(file(descriptor(command)))


def keyring(settings: "Settings", file: Path | None, descriptor: int | None) -> "Keyring | None":
    """The linker's keys; None, with a notice, where no passphrase was given."""
    from blindlink.service.jobs.keyring import CREDENTIALS, Keyring, passphrase_from

    if VARIABLE in os.environ:
        file = file or Path(os.environ[VARIABLE])
    if file is None and descriptor is None and CREDENTIALS not in os.environ:
        note("no passphrase of the linker's keys: uploads wait until a worker has one")
        return None
    settings.key_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Keyring(settings.key_folder, passphrase_from(file, descriptor))
