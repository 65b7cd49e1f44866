"""Encoding from file to file, as the bare tool does it."""

from pathlib import Path

from blindlink.errors import KeyFileError
from blindlink.files import check_output, reason
from blindlink.formats.encodings import Encodings, write_clkhash, write_encodings
from blindlink.formats.schema import load_schema
from blindlink.frames import read_table
from blindlink.keys import LinkageKey
from blindlink.owner.encode import Tolerate, encode, encode_as_clkhash
from blindlink.progress import Progress, silent

_LIMIT = 1 << 16


def encode_file(
    data: Path,
    schema: Path,
    secret: Path,
    out: Path,
    *,
    form: str = "parquet",
    backend: str = "blindlink",
    compat: bool = False,
    workers: int | None = None,
    tolerate: Tolerate | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> None:
    """Encode the table ``data`` into ``out``, whole or not at all.

    ``form`` is parquet or json (clkhash's form, first filter only). With ``compat`` the secret file
    is taken as it is, text included, and the schema must be a plain one of clkhash. ``tolerate`` as
    in ``encode``.
    """
    inputs = [data, schema, secret]
    check_output(out, inputs=inputs, force=force)
    encodings = _encode(data, schema, secret, backend, compat, workers, tolerate, progress)
    write = write_encodings if form == "parquet" else write_clkhash
    write(encodings, out, inputs=inputs, force=force)


def _encode(
    data: Path,
    schema: Path,
    secret: Path,
    backend: str,
    compat: bool,
    workers: int | None,
    tolerate: Tolerate | None,
    progress: Progress,
) -> Encodings:
    loaded = load_schema(schema)
    if compat:
        text = _raw_secret(secret)
        return encode_as_clkhash(read_table(data), loaded, text, backend=backend)
    key = LinkageKey.load(secret)
    table = read_table(data)
    return encode(
        table, loaded, key, backend=backend, workers=workers, tolerate=tolerate, progress=progress
    )


def _raw_secret(path: Path) -> bytes:
    """The bytes of a secret file, as clkhash's users have it: one line of text, or anything."""
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {reason(error)}", hint="check the path") from None
    if not secret.strip():
        raise KeyFileError(f"{path}: is empty", hint="clkhash would take it; nobody should")
    if len(secret) > _LIMIT:
        raise KeyFileError(f"{path}: is too large for a secret")
    return secret
