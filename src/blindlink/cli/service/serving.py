"""What the commands of a service share: where its data lie, its settings, and the passphrase."""

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


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


# Where a service is: ``settings_of`` reads these.
place_options = _all(
    click.option(
        "--data",
        type=FOLDER,
        default=Path("linkage-service"),
        show_default=True,
        help="The folder of everything that has no address of its own.",
    ),
    click.option(
        "--database-url",
        default="",
        envvar="BLINDLINK_DATABASE_URL",
        help="postgresql+psycopg://USER@HOST/NAME; SQLite under --data unless given. A password "
        "belongs into ~/.pgpass.",
    ),
    click.option(
        "--storage-url",
        default="",
        envvar="BLINDLINK_STORAGE_URL",
        help="Where files lie, as fsspec writes it (s3://BUCKET/PREFIX); else under --data.",
    ),
    click.option(
        "--witness",
        type=FOLDER,
        help="Where the logs of all projects are kept outside of database and backup; "
        "DATA/witness unless given.",
    ),
)
# What a process that goes on has besides.
process_options = _all(
    click.option(
        "--keys",
        type=FOLDER,
        help="The linker's key files, one for each project; DATA/linker-keys unless given.",
    ),
    click.option(
        "--passphrase-file", type=IN_FILE, help="The first line of this file opens the key files."
    ),
    click.option(
        "--passphrase-fd",
        type=click.IntRange(min=3),
        help="Read the passphrase from this open file descriptor.",
    ),
    click.option(
        "--config",
        type=IN_FILE,
        envvar="BLINDLINK_CONFIG",
        help="Limits and times (TOML): docs/reference/service-settings.md.",
    ),
    click.option(
        "--set",
        "pairs",
        multiple=True,
        metavar="SECTION.NAME=VALUE",
        help="One of these settings; goes before file and environment. Repeatable.",
    ),
    click.option(
        "--metrics",
        metavar="HOST:PORT",
        help="Answer Prometheus at this address, which is public for whoever can reach it.",
    ),
)


def settings_of(**given: Any) -> "Settings":
    """The settings that options, configuration file and environment make. Raises InputError."""
    from blindlink.service import configuration
    from blindlink.service.settings import Settings

    pairs, file = given.pop("pairs", ()), given.pop("config", None)
    found = configuration.load(file, os.environ, pairs)
    return Settings(
        **given,
        limits=found.limits,
        work=found.work,
        sessions=found.sessions,
        connections=found.connections,
        people=found.people,
    )


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
