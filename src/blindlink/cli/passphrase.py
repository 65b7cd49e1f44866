"""Where the passphrase of a key file comes from: a file, the environment's file, or a prompt.

Never the command line, which other users and the shell's history see.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blindlink.cli.common import IN_FILE
from blindlink.errors import KeyFileError

if TYPE_CHECKING:
    from blindlink.keys import PartyKeys

F = TypeVar("F", bound=Callable[..., Any])
VARIABLE = "BLINDLINK_PASSPHRASE_FILE"  # as in keys.passphrase, which is slow to import


def passphrase_option(command: F) -> F:
    """``--passphrase-file``: the first line of this file is the passphrase."""
    return click.option(
        "--passphrase-file",
        type=IN_FILE,
        help=f"Read the passphrase from here; else from the file that {VARIABLE} names, else ask.",
    )(command)


def passphrase(given: Path | None, what: str) -> bytes:
    """The passphrase of an existing key file. Raises KeyFileError."""
    from blindlink.keys.passphrase import passphrase_from_file

    return passphrase_from_file(given) or _ask(f"Passphrase of {what}", confirm=False)


def new_passphrase(given: Path | None) -> bytes:
    """The passphrase of a key file to be made; a prompt asks twice. Raises KeyFileError."""
    from blindlink.keys.passphrase import passphrase_from_file

    return passphrase_from_file(given) or _ask("New passphrase", confirm=True)


def party_keys(path: Path, given: Path | None) -> "PartyKeys":
    """The private keys in a party's key file, unlocked. Raises KeyFileError."""
    from blindlink.keys import PartyKeys

    return PartyKeys.load(path, passphrase(given, path.name))


def _ask(text: str, *, confirm: bool) -> bytes:
    if not sys.stdin.isatty():
        raise KeyFileError(
            "no passphrase: there is no terminal to ask at",
            hint=f"use --passphrase-file, or set {VARIABLE}",
        )
    entered: str = click.prompt(text, hide_input=True, confirmation_prompt=confirm, err=True)
    return entered.encode("utf-8")
