"""The golden vectors: what was encoded once must be encoded so for ever."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from blindlink.keys import LinkageKey
from blindlink.owner.encoding.encode import encode, encode_as_clkhash
from blindlink.schema.document import parse_schema

HERE = Path(__file__).parent / "encode"


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.json")), ids=lambda path: path.stem)
def test_the_vector_still_holds(path: Path) -> None:
    import base64

    vector = load(path)
    table = pa.Table.from_pylist(vector["rows"])
    schema, secret = parse_schema(vector["schema"]), bytes.fromhex(vector["secret"])
    if vector.get("compat"):
        found = encode_as_clkhash(table, schema, secret)
    else:
        found = encode(table, schema, LinkageKey(secret))
    clks = [[base64.b64encode(row).decode() for row in each] for each in found.filters]
    keys = [[bytes(row).hex() for row in each] for each in found.match_keys]
    assert clks == vector["clks"]
    assert keys == vector["match_keys"]


def test_the_reference_agreed_wherever_it_can_encode() -> None:
    agreed = {load(path)["case"]: load(path)["reference"] for path in HERE.glob("*.json")}
    assert {name for name, same in agreed.items() if same is None} == {"names", "normalised"}
    assert False not in agreed.values()
