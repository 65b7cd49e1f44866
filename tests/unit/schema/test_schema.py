"""Linkage schemas: read strictly, every problem named by its place, versions 1 and 2 converted."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import SchemaError
from blindlink.schema.document import load_schema, parse_schema

PLAIN: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}},
    "features": [
        {"identifier": "id", "ignored": True},
        {
            "identifier": "surname",
            "format": {"type": "string"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": {"bitsPerFeature": 200},
            },
        },
    ],
}


def changed(*path: Any, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(PLAIN)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return document


def problem(document: Any) -> str:
    with pytest.raises(SchemaError) as caught:
        parse_schema(document)
    return caught.value.message


def test_a_plain_schema_has_one_filter_and_no_extension() -> None:
    schema = parse_schema(PLAIN)
    assert schema.bits == (1024,)
    assert schema.extension is None
    assert schema.match_keys == 0


def test_the_fingerprint_covers_every_setting_and_not_the_order_of_keys() -> None:
    again = json.loads(json.dumps(PLAIN, sort_keys=True))
    assert parse_schema(again).fingerprint() == parse_schema(PLAIN).fingerprint()
    other = changed("features", 1, "hashing", "strategy", value={"bitsPerFeature": 201})
    assert parse_schema(other).fingerprint() != parse_schema(PLAIN).fingerprint()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "not a JSON object"),
        ({}, "version must be"),
        (changed("version", value=4), "version must be"),
        (changed("version", value=True), "version must be"),
        (changed("clkConfig", "l", value=0), "clkConfig.l"),
        (changed("clkConfig", "l", value=1000), "power of two"),
        (changed("clkConfig", "l", value=1 << 17), "clkConfig.l"),
        (changed("clkConfig", "kdf", "keySize", value=65), "keySize"),
        (changed("clkConfig", "kdf", "keySize", value=4000), "HKDF with SHA256 gives 8160 bytes"),
        (changed("clkConfig", "kdf", "salt", value="*"), "must be base64"),
        (changed("clkConfig", "extra", value=1), "clkConfig.extra"),
        (changed("features", 1, "format", value={"type": "colour"}), "feature 2 (surname)"),
        (changed("features", 1, "hashing", "strategy", value={}), "bitsPerToken or bitsPerFeature"),
        (changed("features", 0, "identifier", value="surname"), "a feature stands twice"),
        (changed("features", value=PLAIN["features"][:1]), "nothing is encoded"),
        (changed("blindlink", value={"version": 2, "profile": "x"}), "blindlink.version"),
    ],
)
def test_a_wrong_schema_is_refused_by_its_place(document: Any, said: str) -> None:
    assert said in problem(document)


def test_all_problems_are_named_at_once() -> None:
    document = changed("clkConfig", "l", value=-1)
    document["features"][1]["format"] = {"type": "string", "pattern": "("}
    message = problem(document)
    assert "clkConfig.l" in message
    assert "must be a regular expression" in message


def test_folds_are_applied_under_either_name_but_not_under_both() -> None:
    documented = parse_schema(changed("clkConfig", "xorFolds", value=1))
    read_by_clkhash = parse_schema(changed("clkConfig", "xor_folds", value=1))
    assert documented.model.clk_config.xor_folds == 1
    assert documented.fingerprint() == read_by_clkhash.fingerprint()
    both = changed("clkConfig", "xorFolds", value=1)
    both["clkConfig"]["xor_folds"] = 2
    assert "differ" in problem(both)


def test_version_1_is_converted_with_its_weights() -> None:
    schema = parse_schema(
        {
            "version": 1,
            "clkConfig": {
                "l": 1024,
                "k": 20,
                "hash": {"type": "doubleHash"},
                "kdf": {"type": "HKDF"},
            },
            "features": [
                {
                    "identifier": "surname",
                    "format": {"type": "string"},
                    "hashing": {"ngram": 2, "positional": True, "weight": 1.5},
                },
                {
                    "identifier": "town",
                    "format": {"type": "string"},
                    "hashing": {"ngram": 1, "weight": 0},
                },
            ],
        }
    )
    surname, town = schema.document["features"]
    assert surname["hashing"] == {
        "strategy": {"bitsPerToken": 30},
        "hash": {"type": "doubleHash"},
        "comparison": {"type": "ngram", "n": 2, "positional": True},
    }
    assert town == {"identifier": "town", "ignored": True}


def test_an_undeclared_column_in_a_composite_is_refused() -> None:
    extension = {
        "version": 1,
        "profile": "own",
        "composites": [{"fields": ["sex"], "bitsPerToken": 3}],
    }
    assert "undeclared columns: sex" in problem(changed("blindlink", value=extension))


@pytest.mark.parametrize(
    "text", ["", "[", '{"version": 3, "version": 3}', '{"version": NaN}', "\ufeff{"]
)
def test_a_file_that_is_not_strict_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "S.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=r"S\.json"):
        load_schema(path)


def test_a_written_schema_reads_back_with_the_same_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "S.json"
    path.write_text(parse_schema(PLAIN).to_json(), encoding="utf-8")
    assert load_schema(path).fingerprint() == parse_schema(PLAIN).fingerprint()
