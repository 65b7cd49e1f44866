"""Encode the records of an owner: a table in, filters and match keys out, no identity left."""

from typing import Any

from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding.batch import BatchEncoder, Tolerate
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema


def encode(
    table: Any,
    schema: LinkageSchema,
    key: LinkageKey,
    *,
    backend: str = "blindlink",
    workers: int | None = None,
    entropy: Entropy = system_entropy,
    tolerate: Tolerate | None = None,
    progress: Progress = silent,
) -> Encodings:
    """Encode every row of a pyarrow table, or of a pandas or polars data frame.

    Column entity_id names entities, record_id is only checked. Raises SchemaError where the schema
    is wrong, InputError with every bad cell by row and column. With ``tolerate`` a bad cell counts
    as missing, and the number of them by column is handed to it; identifiers of rows must be right
    all the same. The result does not depend on ``workers``. ``entropy`` feeds only a hardening with
    fresh noise. For what does not fit in memory: ``blindlink.owner.encoding.batch``.
    """
    with BatchEncoder(
        schema, key, backend=backend, workers=workers, entropy=entropy, tolerate=tolerate
    ) as encoder:
        encodings = encoder.encode(table, progress=progress)
        encoder.finish()
        return encodings


def encode_as_clkhash(
    table: Any, schema: LinkageSchema, secret: bytes, *, backend: str = "blindlink"
) -> Encodings:
    """The reference's bytes for a plain schema and any secret (``BatchEncoder.as_clkhash``)."""
    with BatchEncoder.as_clkhash(schema, secret, backend=backend, workers=1) as encoder:
        encodings = encoder.encode(table)
        encoder.finish()
        return encodings
