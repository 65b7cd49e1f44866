"""The cases of the golden vectors: for each a schema, names of columns, and rows."""

import base64
from typing import Any

from blindlink.schema.profiles.making import new_schema

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
# A schema's document, columns, rows.
Case = tuple[dict[str, Any], list[str], list[list[str]]]


def feature(name: str, form: Any, comparison: Any, strategy: Any, **more: Any) -> dict[str, Any]:
    hashing = {"comparison": comparison, "strategy": strategy, **more}
    return {"identifier": name, "format": form, "hashing": hashing}


def plain(length: int, folds: int, *features: dict[str, Any], **kdf: Any) -> dict[str, Any]:
    config = {"l": length, "xorFolds": folds, "kdf": {"type": "HKDF", **kdf}}
    return {"version": 3, "clkConfig": config, "features": list(features)}


def compatible() -> dict[str, Case]:
    """What clkhash's users have: everything that its schemas know."""
    text = {"type": "string"}
    grams, exact = {"type": "ngram", "n": 2}, {"type": "exact"}
    each, whole = {"bitsPerToken": 12}, {"bitsPerFeature": 70}
    double = {"type": "doubleHash"}
    day = {"type": "date", "format": "%d %b %Y"}
    number = {"type": "integer", "minimum": -50, "maximum": 5000}
    close = {
        "type": "numeric",
        "thresholdDistance": 2.5,
        "resolution": 2,
        "fractional_precision": 1,
    }
    upper = {"type": "string", "case": "upper", "minLength": 2, "maxLength": 9}
    lower = {"type": "string", "case": "lower", "encoding": "utf-16"}
    ascii_text = {"type": "string", "encoding": "ascii", "pattern": "[a-z ]*"}
    formats = plain(
        512, 1,
        feature("upper", upper, {"type": "ngram", "n": 3, "positional": True}, whole),
        feature("lower", lower, grams, each, hash=double),
        feature("ascii", ascii_text, grams, whole),
        {"identifier": "ignored", "ignored": True},
        feature("utf32", {"type": "string", "encoding": "utf-32", "case": "mixed"}, exact, each),
        feature("day", day, {"type": "ngram", "n": 1, "positional": True}, each),
        feature("number", number, exact, each),
        feature("code", {"type": "enum", "values": ["a", "b"]}, {"type": "ngram", "n": 1}, whole),
        hash="SHA512", keySize=17,
    )  # fmt: skip
    gaps = {"sentinel": "n/a", "replaceWith": "none"}
    missing = plain(
        256, 0,
        feature("itself", text, grams, each, missingValue={"sentinel": "-"}),
        feature("other", text, grams, whole, missingValue=gaps),
        feature("blank", number, exact, each, missingValue={"sentinel": "", "replaceWith": ""}),
    )  # fmt: skip
    numbers = plain(
        1024, 0,
        feature("tenths", text, close, each),
        feature("whole", text, close | {"fractional_precision": 0, "thresholdDistance": 7}, whole),
    )  # fmt: skip
    never = {"type": "doubleHash", "prevent_singularity": True}
    singular = plain(7, 0, feature("a", text, grams, each, hash=never), feature(
        "b", text, grams, {"bitsPerToken": 3}, hash=double))  # fmt: skip
    first = {
        "version": 1,
        "clkConfig": {"l": 128, "k": 9, "hash": double, "kdf": {"type": "HKDF"}},
        "features": [
            {"identifier": "name", "format": text, "hashing": {"ngram": 2, "weight": 1.5}},
            {"identifier": "town", "format": text, "hashing": {"ngram": 1, "positional": True}},
            {"identifier": "note", "format": text, "hashing": {"ngram": 2, "weight": 0}},
        ],
    }
    second = {
        "version": 2,
        "clkConfig": {"l": 128, "xor_folds": 1, "kdf": {"type": "HKDF"}},
        "features": [
            {"identifier": "name", "format": text,
             "hashing": {"ngram": 2, "strategy": {"numBits": 50}}},
            {"identifier": "town", "format": text,
             "hashing": {"ngram": 3, "strategy": {"k": 5}, "hash": double}},
        ],
    }  # fmt: skip
    return {
        "formats": (
            formats, ["upper", "lower", "ascii", "ignored", "utf32", "day", "number", "code"],
            [["ANNA", "łódź", "ab c", "x", "字x", "03 Feb 1980", "+40", "a"],
             ["ÉVA", "", "", "", "", "29 Feb 2000", " -7 ", "b"]]),
        "missing-values": (missing, ["itself", "other", "blank"],
                           [["-", "n/a", ""], ["ann", "none", "7"], ["", "", "-3"]]),
        "numeric": (numbers, ["tenths", "whole"],
                    [["17.25", "40"], ["-0.1", "-3.9"], ["17", "41"], ["1e2", " 7 "]]),
        "singularity": (singular, ["a", "b"], [["anna", "smith"], ["bo", "x"], ["", "字"]]),
        "version-1": (first, ["name", "town", "note"],
                      [["anna", "leeds", "x"], ["bo", "", "y"]]),
        "version-2": (second, ["name", "town"], [["anna", "leeds"], ["bo", ""]]),
        "text-secret": (plain(64, 0, feature("name", text, grams, each)), ["name"],
                        [["anna"], [" anna"], [""]]),
    }  # fmt: skip


def extended() -> dict[str, Case]:
    """What goes beyond clkhash: normalisation, phonetic keys, dates, filters, hardenings."""
    date = {"step": "date", "formats": ["%d/%m/%Y", "%Y-%m-%d"]}
    steps: dict[str, list[Any]] = {
        "forename": ["name"],
        "initial": ["name", "initial"],
        "start": [
            "nfkc",
            "accents",
            "lower",
            "punctuation",
            "trim",
            {"step": "prefix", "length": 4},
        ],
        "soundex": ["name", "soundex"],
        "nysiis": ["name", "nysiis"],
        "metaphone": ["name", {"step": "metaphone", "length": 4}],
        "match_rating": ["name", "match_rating"],
    }
    others: dict[str, tuple[str, list[Any]]] = {
        "born": ("born", [date]),
        "year": ("born", [date, {"step": "date_part", "part": "year"}]),
        "sex": ("sex", ["sex"]),
        "outward": ("postcode", [{"step": "postcode", "part": "outward"}]),
        "address": ("address", ["text", "alphanumeric"]),
    }
    sources = {name: ("forename", own) for name, own in steps.items()} | others
    columns = [
        {"name": name, "from": [source], "steps": own} for name, (source, own) in sources.items()
    ]
    config = {"l": 1024, "kdf": {"type": "HKDF"}}
    names = ["forename", "born", "sex", "postcode", "address"]
    people = [
        ["Zoë O'Brien", "03/02/1980", "female", "LS7 4BT", "12a, High St."],
        ["ŁUKASZ", "1955-12-31", "1", "ZZ99 3VZ", ""],
        ["Kathryn", "01/01/1900", "9", "SW1A", "Flat 2"],
        ["", "", "", "", ""],
    ]
    normalised = {"version": 1, "profile": "vector", "columns": columns, "composites": [
        {"fields": [name, "sex"], "bitsPerToken": 4} for name in steps
    ] + [
        {"fields": ["year", "outward", "address"], "bitsPerToken": 9},
        {"fields": ["forename", "year"], "bitsPerFeature": 40,
         "comparison": {"type": "ngram", "n": 2, "positional": True}},
        {"fields": ["born", "sex"], "bitsPerToken": 5,
         "comparison": {"type": "date", "swaps": True, "near": 2}},
        {"fields": ["year", "sex"], "bitsPerToken": 3,
         "comparison": {"type": "numeric", "thresholdDistance": 3, "resolution": 1}},
    ], "matchKeys": [
        ["forename", "born", "sex"], ["soundex", "born"], ["initial", "outward"]
    ]}  # fmt: skip
    pair = [{"fields": ["forename", "year"], "bitsPerToken": 30},
            {"fields": ["sex", "born"], "bitsPerFeature": 40}]  # fmt: skip
    hardened = {"version": 1, "profile": "vector", "columns": columns, "composites": pair,
                "hardening": [{"type": "permutation"}, {"type": "diffusion", "t": 3, "bits": 901}],
                "filters": [
                    {"l": 512, "composites": pair[:1],
                     "hardening": [{"type": "fold", "folds": 2}, {"type": "balance"}]},
                    {"l": 256, "composites": pair}]}  # fmt: skip
    text = {"type": "string"}
    mixed = [
        feature("forename", text, {"type": "ngram", "n": 2}, {"bitsPerFeature": 90}),
        feature("outward", text, {"type": "exact"}, {"bitsPerToken": 8}),
    ]
    return {
        "normalised": (
            {"version": 3, "clkConfig": config, "features": [], "blindlink": normalised},
            names, people),
        "hardened": (
            {"version": 3, "clkConfig": config, "features": mixed, "blindlink": hardened},
            names, people),
        "addresses": (addresses(), ["address", "town"],
                      [["Flat 2, 17 High Street", " leeds"], ["The Old Rectory", "YORK"],
                       ["9 Straße", ""], ["", "Hull"]]),
    }  # fmt: skip


def addresses() -> dict[str, Any]:
    """An address in its two parts, and the one plain step that no other case has."""
    columns = [
        {"name": "number", "from": ["address"], "steps": [{"step": "address", "part": "number"}]},
        {"name": "street", "from": ["address"], "steps": [{"step": "address", "part": "street"}]},
        {"name": "town", "from": ["town"], "steps": ["upper", "trim"]},
    ]
    composites = [
        {"fields": ["number", "town"], "bitsPerToken": 7},
        {"fields": ["street", "town"], "bitsPerToken": 5},
    ]
    extension = {"version": 1, "profile": "vector", "columns": columns, "composites": composites}
    config = {"l": 512, "kdf": {"type": "HKDF"}}
    return {"version": 3, "clkConfig": config, "features": [], "blindlink": extension}


def basic() -> dict[str, Case]:
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
        "weak": (new_schema("weak", [NAMED, INITIALS])[0].document, NAMED, PEOPLE),
        "names": (new_schema("names", [NAMED, NAMED])[0].document, NAMED, PEOPLE),
        "diffused": (new_schema("diffused", [NAMED, INITIALS])[0].document, NAMED, PEOPLE),
        "clkhash": (new_schema("clkhash", [NAMED, INITIALS])[0].document, NAMED, PEOPLE),
    }  # fmt: skip
