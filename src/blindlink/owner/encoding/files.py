"""Encoding from file to file, batch by batch, as the bare tool does it."""

from pathlib import Path

from blindlink.errors import KeyFileError
from blindlink.files import check_ending, check_output, reason, replacing
from blindlink.frames import count_rows
from blindlink.keys import LinkageKey
from blindlink.mapping import PLAIN, Source
from blindlink.messages.encodings import EncodingsWriter
from blindlink.owner.encoding.batch import BatchEncoder, Tolerate
from blindlink.owner.encoding.problems import Counts
from blindlink.progress import Progress, silent
from blindlink.schema.document import load_schema

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
    source: Source = PLAIN,
    force: bool = False,
    progress: Progress = silent,
) -> Counts:
    """Encode the table ``data`` into ``out``, whole or not at all; memory does not grow with rows.

    ``form`` is parquet or json (clkhash's form, first filter only). With ``compat`` the secret file
    is taken as it is, text included, and the schema must be a plain one of clkhash. ``tolerate`` as
    in ``BatchEncoder``. ``source`` says which column is which, where the file's own names do not.
    ``progress`` counts rows; the whole is an estimate for CSV. Returns what was noted: cells that
    say nothing, dates that do not exist, by column.
    """
    inputs = [data, schema, secret]
    check_output(out, inputs=inputs, force=force)
    ending, what = (".json", "JSON") if form == "json" else (".parquet", "Parquet")
    check_ending(out, [ending], what)
    encoder = _encoder(schema, secret, backend, compat, workers, tolerate)
    total = count_rows(data)
    progress(0, total)
    with (
        encoder,
        replacing(out, inputs=inputs, force=force) as draft,
        EncodingsWriter(draft, form=form) as writer,
    ):
        for encodings in encoder.stream(source.pieces(data, wanted=encoder.reads)):
            writer.write(encodings)
            progress(encoder.rows, max(total, encoder.rows))
        progress(encoder.rows, encoder.rows)
    return encoder.notes


def _encoder(
    schema: Path,
    secret: Path,
    backend: str,
    compat: bool,
    workers: int | None,
    tolerate: Tolerate | None,
) -> BatchEncoder:
    loaded = load_schema(schema)
    if compat:
        return BatchEncoder.as_clkhash(
            loaded, _raw_secret(secret), backend=backend, workers=workers, tolerate=tolerate
        )
    return BatchEncoder(
        loaded, LinkageKey.load(secret), backend=backend, workers=workers, tolerate=tolerate
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
