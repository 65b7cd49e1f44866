"""Drawn schemas and data: our bytes are clkhash's bytes, for everything that clkhash supports."""

import base64
import json
import string
from datetime import date
from pathlib import Path
from typing import Any

import clkhash
import pyarrow as pa
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict
from hypothesis import given
from hypothesis import strategies as st

from blindlink.owner.encoding.encode import encode_as_clkhash
from blindlink.schema.document import parse_schema

ROWS = 4
LETTERS = st.text(string.ascii_letters + " '-éßŁ字", max_size=12)
BYTES = st.binary(max_size=40)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def comparisons(form: str) -> st.SearchStrategy[dict[str, Any]]:
    ngram = st.fixed_dictionaries(
        {"type": st.just("ngram"), "n": st.integers(1, 4)}, optional={"positional": st.booleans()}
    )
    exact = st.just({"type": "exact"})
    numeric: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {
            "type": st.just("numeric"),
            "thresholdDistance": st.one_of(st.integers(1, 50), st.sampled_from([0.5, 2.5])),
            "resolution": st.integers(1, 9),
        },
        optional={"fractional_precision": st.integers(1, 4)},
    ).filter(_whole)
    return st.one_of(ngram, exact, *([numeric] if form in ("integer", "number") else []))


STRATEGIES = st.one_of(
    st.fixed_dictionaries({"bitsPerToken": st.integers(1, 70)}),
    st.fixed_dictionaries({"bitsPerFeature": st.integers(1, 300)}),
)
HASHES = st.sampled_from(
    [
        None,
        {"type": "blakeHash"},
        {"type": "doubleHash"},
        {"type": "doubleHash", "prevent_singularity": True},
    ]
)
FORMATS: dict[str, tuple[dict[str, Any], st.SearchStrategy[str]]] = {
    "string": ({"type": "string"}, LETTERS),
    "utf-16": ({"type": "string", "encoding": "utf-16", "maxLength": 20}, LETTERS),
    "utf-32": ({"type": "string", "encoding": "utf-32", "case": "mixed"}, LETTERS),
    "upper": ({"type": "string", "case": "upper", "minLength": 0}, LETTERS.map(str.upper)),
    "lower": (
        {"type": "string", "case": "lower", "encoding": "utf-8", "minLength": 1, "maxLength": 40},
        LETTERS.map(lambda text: text.lower() + "x"),
    ),
    "pattern": (
        {"type": "string", "encoding": "ascii", "pattern": "[a-z]*"},
        st.text("abcxyz", max_size=9),
    ),
    "integer": (
        {"type": "integer", "minimum": -500, "maximum": 5000},
        st.integers(-500, 5000).flatmap(
            lambda i: st.sampled_from([str(i), f" {i}", f"{i} ", f"+{i}" if i >= 0 else str(i)])
        ),
    ),
    "number": ({"type": "string"}, st.floats(-1e6, 1e6, allow_nan=False).map(repr)),
    "date": (
        {"type": "date", "format": "%d/%m/%Y"},
        st.dates(date(1000, 1, 1)).map(lambda d: d.strftime("%d/%m/%Y")),
    ),
    "iso date": (
        {"type": "date", "format": "%Y-%m-%d"},
        st.dates().flatmap(
            lambda d: st.sampled_from([d.isoformat(), f"{d.year:04}-{d.month}-{d.day}"])
        ),
    ),
    "short date": (
        {"type": "date", "format": "%y%m%d"},
        st.dates(date(1970, 1, 1), date(2068, 12, 31)).map(lambda d: d.strftime("%y%m%d")),
    ),
    "enum": ({"type": "enum", "values": ["M", "F", "?"]}, st.sampled_from(["M", "F", "?"])),
}


def _whole(comparison: dict[str, Any]) -> bool:
    precision = comparison.get("fractional_precision", 0)
    return bool(comparison["thresholdDistance"] * 10**precision >= 1)


@st.composite
def features(draw: st.DrawFn, position: int) -> tuple[dict[str, Any], list[str]]:
    if draw(st.integers(0, 4)) == 0:
        cells = draw(st.lists(LETTERS, min_size=ROWS, max_size=ROWS))
        return {"identifier": f"f{position}", "ignored": True}, cells
    kind = draw(st.sampled_from(sorted(FORMATS)))
    form, values = FORMATS[kind]
    hashing: dict[str, Any] = {
        "comparison": draw(comparisons(kind)),
        "strategy": draw(STRATEGIES),
    }
    if (hashed := draw(HASHES)) is not None:
        hashing["hash"] = hashed
    numeric = hashing["comparison"]["type"] == "numeric"
    replacement = st.sampled_from([None, "", "7"] if numeric else [None, "", "xyz"])
    if draw(st.booleans()):
        sentinel = draw(st.sampled_from(["", "12"] if numeric else ["", "n/a"]))
        hashing["missingValue"] = {"sentinel": sentinel}
        if (text := draw(replacement)) is not None:
            hashing["missingValue"]["replaceWith"] = text
        values = st.one_of(values, st.just(sentinel))
    feature = {"identifier": f"f{position}", "format": form, "hashing": hashing}
    # clkhash fills in defaults in place: every call gets a copy of its own.
    return feature, draw(st.lists(values, min_size=ROWS, max_size=ROWS))


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[str]], bytes]:
    drawn = [draw(features(position)) for position in range(draw(st.integers(1, 5)))]
    blake = any(
        f.get("hashing", {}).get("hash", {"type": "blakeHash"})["type"] == "blakeHash"
        for f, _ in drawn
        if "hashing" in f
    )
    redrawn = any(
        f.get("hashing", {}).get("hash", {}).get("prevent_singularity", False) for f, _ in drawn
    )
    folds = draw(st.integers(0, 2))
    shortest = 2 if redrawn else 1  # with one bit every stride is zero, and the reference fails
    length = draw(st.sampled_from([64, 256, 1024]) if blake else st.integers(shortest, 70))
    kdf: dict[str, Any] = {"type": "HKDF", "hash": draw(st.sampled_from(["SHA256", "SHA512"]))}
    for name in ("salt", "info"):
        if draw(st.booleans()):
            kdf[name] = base64_text(draw(BYTES))
    if draw(st.booleans()):
        kdf["keySize"] = draw(st.integers(1, 64))
    if all("hashing" not in f for f, _ in drawn):
        drawn.append(
            (
                {
                    "identifier": "last",
                    "format": {"type": "string"},
                    "hashing": {
                        "comparison": {"type": "exact"},
                        "strategy": {"bitsPerToken": 3},
                        "hash": {"type": "doubleHash"},
                    },
                },
                ["a"] * ROWS,
            )
        )
    document = {
        "version": 3,
        "clkConfig": {"l": length, "xor_folds": folds, "kdf": kdf},
        "features": [feature for feature, _ in drawn],
    }
    return document, [cells for _, cells in drawn], draw(st.binary(min_size=1, max_size=40))


def compare(document: dict[str, Any], cells: list[list[str]], secret: bytes) -> None:
    """Our bytes and the reference's must be the same."""
    names = [feature["identifier"] for feature in document["features"]]
    table = pa.table(dict(zip(names, (pa.array(c, pa.string()) for c in cells), strict=True)))
    ours = encode_as_clkhash(table, parse_schema(document), secret)
    records = list(zip(*cells, strict=True))
    theirs = generate_clks(records, from_json_dict(document), secret, max_workers=1)
    assert [bytes(row) for row in ours.filters[0]] == [clk.tobytes() for clk in theirs]


@given(cases())
def test_our_bytes_are_the_reference_s(case: tuple[dict[str, Any], list[list[str]], bytes]) -> None:
    compare(*case)


@st.composite
def older_cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[str]], bytes]:
    """Schemas of version 1 and 2: n-grams only, in version 1 one k and one hash for all."""
    version = draw(st.sampled_from([1, 2]))
    hashing = st.sampled_from([{"type": "blakeHash"}, {"type": "doubleHash"}])
    config: dict[str, Any] = {"l": 256, "kdf": {"type": "HKDF"}}
    if version == 1:
        config |= {"k": draw(st.integers(1, 40)), "hash": draw(hashing)}
    else:
        config |= {"xor_folds": draw(st.integers(0, 2))}
    # At least one feature is encoded.
    document: dict[str, Any] = {"version": version, "clkConfig": config, "features": []}
    for position in range(draw(st.integers(1, 4))):
        document["features"].append(draw(older_features(version, position, hashing)))
    cells = [draw(st.lists(LETTERS, min_size=ROWS, max_size=ROWS)) for _ in document["features"]]
    return document, cells, draw(st.binary(min_size=1, max_size=40))


@st.composite
def older_features(
    draw: st.DrawFn, version: int, position: int, hashing: st.SearchStrategy[dict[str, Any]]
) -> dict[str, Any]:
    name = f"f{position}"
    if position and draw(st.booleans()):
        return {"identifier": name, "ignored": True}
    own: dict[str, Any] = {"ngram": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        own["positional"] = draw(st.booleans())
    if version == 1 and draw(st.booleans()):
        own["weight"] = draw(st.sampled_from([1, 1.5, 2.49, *([0] if position else [])]))
    if version == 2:
        own["strategy"] = draw(st.sampled_from([{"k": 7}, {"numBits": 90}]))
        own["hash"] = draw(hashing)
    if draw(st.booleans()):
        own["missingValue"] = {"sentinel": "n/a", "replaceWith": "none"}
    return {"identifier": name, "format": {"type": "string"}, "hashing": own}


@given(older_cases())
def test_older_schemas_give_the_reference_s_bytes(
    case: tuple[dict[str, Any], list[list[str]], bytes],
) -> None:
    compare(*case)


def test_the_reference_s_own_schemas_are_read() -> None:
    folder = Path(clkhash.__file__).parent / "data"
    names = ["INDEX", "NAME freetext", "DOB YYYY/MM/DD", "GENDER M or F"]
    cells = [["1"], ["Jo Ann"], ["1980/02/03"], ["F"]]
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        assert [each["identifier"] for each in document["features"]] == names
        compare(document, cells, b"secret")
