"""Write the golden vectors of the encoder anew: python tests/vectors/encode/regenerate.py

Every file holds one case: ``schema`` (the document), ``secret`` (hex), ``rows`` (objects with a
text for each column) and what must come out: ``clks`` (for each filter, base64 in row order) and
``match_keys`` (for each, hex in row order). ``reference`` says whether clkhash 0.18.3 made the same
filters when the file was written; other implementations can read these files as they are.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.formats.encodings import Encodings
from blindlink.formats.schema import LinkageSchema, parse_schema
from blindlink.keys import LinkageKey
from blindlink.owner.encode import encode
from blindlink.owner.profiles import new_schema

HERE = Path(__file__).parent
SECRET = bytes(range(32))
NAMED = ["forename", "surname", "date_of_birth", "sex", "postcode", "local_authority"]
INITIALS = [
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode_outward",
    "local_authority",
]
PEOPLE = [
    ["Anna", "O'Neil", "1980-02-03", "F", "LS7 4BT", "Leeds"],
    ["Zoë", "Smith-Łukasz", "1955-12-31", "female", "SW1A 1AA", "Westminster"],
    ["Bob", "", "1900-01-01", "1", "ZZ99 3VZ", ""],
    ["", "", "", "", "", ""],
]


def feature(name: str, form: Any, comparison: Any, strategy: Any, **more: Any) -> dict[str, Any]:
    hashing = {"comparison": comparison, "strategy": strategy, **more}
    return {"identifier": name, "format": form, "hashing": hashing}


def plain(length: int, folds: int, *features: dict[str, Any], **kdf: Any) -> LinkageSchema:
    config = {"l": length, "xorFolds": folds, "kdf": {"type": "HKDF", **kdf}}
    return parse_schema({"version": 3, "clkConfig": config, "features": list(features)})


def cases() -> dict[str, tuple[LinkageSchema, list[str], list[list[str]]]]:
    text = {"type": "string"}
    double = {"type": "doubleHash", "prevent_singularity": True}
    grams = [
        {"identifier": "id", "ignored": True},
        feature("name", text, {"type": "ngram", "n": 2}, {"bitsPerFeature": 100}),
        feature("town", text, {"type": "ngram", "n": 3, "positional": True}, {"bitsPerToken": 35}),
    ]
    typed = [
        feature(
            "born",
            {"type": "date", "format": "%d/%m/%Y"},
            {"type": "ngram", "n": 1, "positional": True},
            {"bitsPerToken": 7},
            hash=double,
            missingValue={"sentinel": "-", "replaceWith": ""},
        ),
        feature(
            "age",
            {"type": "integer", "minimum": 0},
            {"type": "numeric", "thresholdDistance": 5, "resolution": 3},
            {"bitsPerFeature": 40},
            hash={"type": "doubleHash"},
        ),
        feature(
            "sex", {"type": "enum", "values": ["M", "F"]}, {"type": "exact"}, {"bitsPerToken": 9},
            hash=double,
        ),
    ]  # fmt: skip
    salted = {"salt": base64.b64encode(b"salt").decode(), "info": base64.b64encode(b"i").decode()}
    return {
        "ngrams": (plain(1024, 0, *grams), ["id", "name", "town"],
                   [["1", "anna", "leeds"], ["2", "zoë", ""], ["3", "", "字"]]),
        "folded": (plain(256, 2, *grams, hash="SHA512", keySize=32, **salted),
                   ["id", "name", "town"], [["1", "anna", "leeds"], ["2", "bob", "york"]]),
        "typed-odd-length": (plain(333, 0, *typed), ["born", "age", "sex"],
                             [["03/02/1980", "+40", "F"], ["-", " 7", "M"]]),
        "weak": (new_schema("weak", [NAMED, INITIALS])[0], NAMED, PEOPLE),
        "names": (new_schema("names", [NAMED, NAMED])[0], NAMED, PEOPLE),
        "diffused": (new_schema("diffused", [NAMED, INITIALS])[0], NAMED, PEOPLE),
    }  # fmt: skip


def table(columns: list[str], rows: list[list[str]]) -> pa.Table:
    """The rows as text columns."""
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(columns)})


def expected(encodings: Encodings) -> dict[str, Any]:
    """What comes out, as text."""
    return {
        "clks": [[base64.b64encode(row).decode() for row in each] for each in encodings.filters],
        "match_keys": [[bytes(row).hex() for row in each] for each in encodings.match_keys],
    }


def main() -> None:
    for name, (schema, columns, rows) in cases().items():
        key = LinkageKey(SECRET)
        ours = encode(table(columns, rows), schema, key)
        same = None
        if name != "names":
            theirs = encode(table(columns, rows), schema, key, backend="clkhash")
            same = np.array_equal(ours.filters[0], theirs.filters[0])
        vector = {
            "case": name,
            "reference": same,
            "secret": SECRET.hex(),
            "schema": schema.document,
            "rows": [dict(zip(columns, row, strict=True)) for row in rows],
            **expected(ours),
        }
        text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
