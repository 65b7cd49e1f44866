"""Weights of a profile from a table's own values instead of the shipped ones."""

import math
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.errors import InputError
from blindlink.owner.encoding.columns import derive
from blindlink.owner.encoding.problems import Problems
from blindlink.schema.document import parse_schema

Document = dict[str, Any]


def tuned(column: Document, table: pa.Table) -> Document:
    """The column with the collision entropy of its values in ``table``, to a tenth of a bit."""
    document = {key: column[key] for key in ("name", "from", "steps")}
    extension = {
        "version": 1,
        "profile": "tune",
        "columns": [document],
        "composites": [{"fields": [column["name"]], "bitsPerToken": 1}],
    }
    kdf = {"type": "HKDF"}
    schema = parse_schema(
        {
            "version": 3,
            "clkConfig": {"l": 8, "kdf": kdf},
            "features": [],
            "blindlink": extension,
        }
    )
    problems = Problems()
    coded = derive(table, schema, problems)[column["name"]]
    problems.check()
    filled = np.array([bool(value) for value in coded.values])[coded.codes]
    counts = np.bincount(coded.codes[filled])
    total = int(counts.sum())
    if total < 2:
        raise InputError(f"column {column['name']}: too few values to set weights from")
    # Pairs of different rows that agree: unbiased, where sum p^2 flatters small tables.
    pairs = int((counts * (counts - 1)).sum())
    bits = -math.log2(max(pairs, 1) / (total * (total - 1)))
    return column | {"bits": round(bits, 1)}
