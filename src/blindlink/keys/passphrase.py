"""A passphrase from a file: the one that is given, else the one that the environment names."""

import os
from pathlib import Path

from blindlink.errors import KeyFileError
from blindlink.keys.files import read_private

LEAST, LEAST_DIFFERENT = 12, 6
VARIABLE = "BLINDLINK_PASSPHRASE_FILE"


def passphrase_from_file(given: Path | None) -> bytes | None:
    """The first line of the file; None where neither file is named. Raises KeyFileError."""
    named = os.environ.get(VARIABLE)
    path = given or (Path(named) if named else None)
    if path is None:
        return None
    first = read_private(path).split(b"\n", 1)[0].removesuffix(b"\r")
    if not first:
        raise KeyFileError(f"{path}: its first line is empty", hint="put the passphrase there")
    return first


def check_new(passphrase: bytes) -> None:
    """Raises KeyFileError for a passphrase that no new key file shall have: it is guessed at once.

    Argon2id makes each guess dear; it cannot make up for a short one.
    """
    if len(passphrase) < LEAST or len(set(passphrase)) < LEAST_DIFFERENT:
        raise KeyFileError(
            f"the passphrase is weak: under {LEAST} bytes, or {LEAST_DIFFERENT} different ones",
            hint="choose four or more random words",
        )
