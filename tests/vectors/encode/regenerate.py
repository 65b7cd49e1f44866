"""Write golden vectors of the encoder anew; in tests/: python -m vectors.encode.regenerate [CASE]

Every file holds one case: ``schema`` (the document), ``secret`` (hex), ``rows`` (objects with a
text for each column) and what must come out: ``clks`` (for each filter, base64 in row order) and
``match_keys`` (for each, hex in row order). ``reference`` says whether clkhash 0.18.3 made the same
filters when the file was written, null where it cannot; other implementations can read these files
as they are. With ``compat`` the secret is that of a text, as clkhash's users have it.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.keys import LinkageKey
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding.encode import encode, encode_as_clkhash
from blindlink.schema.document import LinkageSchema, parse_schema
from vectors.encode.cases import basic, compatible, extended

HERE = Path(__file__).parent
SECRET = bytes(range(32))
TEXT = b"correct horse"
# Composites that are cut into tokens, which clkhash cannot make.
BEYOND = {"names", "normalised"}


def table(columns: list[str], rows: list[list[str]]) -> pa.Table:
    """The rows as text columns."""
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(columns)})


def expected(encodings: Encodings) -> dict[str, Any]:
    """What comes out, as text."""
    return {
        "clks": [[base64.b64encode(row).decode() for row in each] for each in encodings.filters],
        "match_keys": [[bytes(row).hex() for row in each] for each in encodings.match_keys],
    }


def encoded(name: str, data: pa.Table, schema: LinkageSchema, backend: str) -> Encodings:
    """The encodings of a case."""
    if name == "text-secret":
        return encode_as_clkhash(data, schema, TEXT, backend=backend)
    return encode(data, schema, LinkageKey(SECRET), backend=backend)


def main() -> None:
    every = basic() | compatible() | extended()
    for name in sys.argv[1:] or every:
        document, columns, rows = every[name]
        schema = parse_schema(document)
        data = table(columns, rows)
        ours = encoded(name, data, schema, "blindlink")
        same = None
        if name not in BEYOND:
            theirs = encoded(name, data, schema, "clkhash")
            same = all(map(np.array_equal, ours.filters, theirs.filters))
        vector = {
            "case": name,
            "reference": same,
            **({"compat": True} if name == "text-secret" else {}),
            "secret": (TEXT if name == "text-secret" else SECRET).hex(),
            "schema": document,
            "rows": [dict(zip(columns, row, strict=True)) for row in rows],
            **expected(ours),
        }
        text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
