"""What a party's keys were used for: a small file beside the key file, which no folder replaces.

    blindlink-used-v1
    <digest of an agreement> <word>         one line for each agreement, the last word counts

The analyst writes the release that it opened: of one agreement there is one. The linker writes the
id of its log, of which there is one too, and ``destroyed``: keys that serve another project are not
erased unseen.
"""

from pathlib import Path

from blindlink.errors import FormatError
from blindlink.files import read_bytes, write_bytes

HEADER = "blindlink-used-v1"
LIMIT = 1 << 20
PRIVATE = 0o600


def projects_of(keys: Path) -> Path:
    """Which projects a linker's keys serve, beside their file."""
    return keys.with_name(f"{keys.name}.projects")


def releases_of(keys: Path) -> Path:
    """Which releases an analyst opened, beside the key file: of one agreement there is one."""
    return keys.with_name(f"{keys.name}.releases")


def read_used(path: Path) -> dict[str, str]:
    """The last word for each agreement; none where there is no file. Raises FormatError."""
    if not path.exists():
        return {}
    first, *lines = read_bytes(path, limit=LIMIT).decode("ascii", "replace").splitlines()
    pairs = [line.split(" ") for line in lines]
    if first != HEADER or any(len(pair) != 2 for pair in pairs):
        raise FormatError(f"{path}: does not say what the keys were used for")
    return {pair[0]: pair[1] for pair in pairs}


def write_used(path: Path, agreement: str, word: str) -> None:
    """Add a line unless it is the last word already. Raises FormatError or OutputError."""
    used = read_used(path)
    if used.get(agreement) == word:
        return
    lines = [HEADER, *(f"{a} {w}" for a, w in (used | {agreement: word}).items())]
    write_bytes(path, ("\n".join(lines) + "\n").encode(), force=True, mode=PRIVATE)
