"""Normalisation steps, each by examples worked out by hand."""

import hashlib
import json
import sys
from typing import Any

import pytest

from blindlink.errors import MissingExtraError
from blindlink.schema import phonetics
from blindlink.schema.steps import step

PHONETIC = "75b585ea7cdf1d6a5914ff95902fbffe32c1c68858bbef5f5bdf821f29cdda8c"


def apply(value: str, *steps: Any) -> str:
    for each in map(step, steps):
        value = each.apply(value) if value else ""
    return value


@pytest.mark.parametrize(
    ("value", "steps", "result"),
    [
        ("  leeds  city ", ["text"], "LEEDS CITY"),
        ("ﬁve", ["text"], "FIVE"),
        ("O’Neil-Łukasz", ["name"], "ONEILLUKASZ"),
        ("Zoe\u0308", ["name"], "ZOE"),
        ("Zo\u00eb", ["name"], "ZOE"),
        ("unknown", ["name"], ""),
        ("  ", ["name"], ""),
        ("élise", ["name", "initial"], "E"),
        ("Smith", ["name", {"step": "prefix", "length": 3}], "SMI"),
        ("12a, High St.", ["text", "alphanumeric"], "12AHIGHST"),
        ("12a, High St.", [{"step": "address", "part": "number"}], "12"),
        ("Flat 3, 44 High St.", [{"step": "address", "part": "street"}], "FLATHIGHST"),
        ("male", ["sex"], "M"),
        ("2", ["sex"], "F"),
        ("1.0", ["sex"], "M"),
        ("9", ["sex"], ""),
        ("1980-02-03", ["date"], "1980-02-03"),
        ("1900-01-01", ["date"], ""),
        ("03/02/1980", [{"step": "date", "formats": ["%d/%m/%Y"]}], "1980-02-03"),
        ("1980-02-03", ["date", {"step": "date_part", "part": "day"}], "03"),
        ("1980-02-03", ["date", {"step": "date_part", "part": "decade"}], "198"),
        ("1980-02-03", ["date", {"step": "date_part", "part": "month_day"}], "02-03"),
        ("sw1a 1aa", ["postcode"], "SW1A1AA"),
        ("sw1a 1aa", [{"step": "postcode", "part": "outward"}], "SW1A"),
        ("N1 1AA", [{"step": "postcode", "part": "outward"}], "N1"),
        ("LS7", [{"step": "postcode", "part": "outward"}], "LS7"),
        ("LS7", ["postcode"], ""),
        ("LS7 4BT", [{"step": "postcode", "part": "area"}], "LS"),
        ("ZZ99 3VZ", [{"step": "postcode", "part": "outward"}], ""),
        ("4223", [{"step": "postcode", "part": "outward"}], "4223"),
        ("Robert", ["soundex"], "R163"),
        ("Rupert", ["soundex"], "R163"),
        ("Ashcraft", ["soundex"], "A261"),
        ("Tymczak", ["soundex"], "T522"),
        ("Pfister", ["soundex"], "P236"),
        ("字", ["soundex"], ""),
        ("Knight", ["nysiis"], "NAGT"),
        ("Macintosh", ["nysiis"], "MCANT"),
        ("O'Brien", ["nysiis"], "OBRAN"),
        ("Philips", ["metaphone"], "FLPS"),
        ("Fillips", ["metaphone"], "FLPS"),
        ("Thompson", [{"step": "metaphone", "length": 3}], "0MP"),
        ("Byrne", ["match_rating"], "BYRN"),
        ("Catherine", ["match_rating"], "CTHRN"),
        ("字", ["nysiis"], ""),
        ("ﬁve", ["nfkc"], "five"),
        ("Zoë Łuk", ["accents"], "Zoe Luk"),
        ("łø", ["accents"], "lo"),
        ("Straße", ["upper"], "STRASSE"),
        ("LEEDS", ["lower"], "leeds"),
        ("  a  b ", ["trim"], "a b"),
        ("St. John's-Wood 2", ["punctuation"], "St JohnsWood 2"),
    ],
)
def test_a_step_gives(value: str, steps: list[Any], result: str) -> None:
    assert apply(value, *steps) == result


@pytest.mark.parametrize(("value", "name"), [("03/02/1980", "date"), ("Q", "sex")])
def test_a_bad_value_is_named_by_its_rule_and_never_by_itself(value: str, name: str) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        apply(value, name)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "document", ["shout", {"step": "prefix"}, {"step": "prefix", "length": 0}, {"length": 3}]
)
def test_an_unknown_or_incomplete_step_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"step|length|type"):
        step(document)


def test_phonetic_keys_do_not_change_with_the_library() -> None:
    """The fingerprint of a schema does not cover the library: its results are pinned here."""
    names = (  # noqa: SIM905
        "SMITH JONES WILLIAMS TAYLOR WRIGHT THOMPSON KNIGHT PHILLIPS MACDONALD SCHWARZ PFEIFFER "
        "OBRIEN HUGHES AGUTTER XAVIER QUINN CZARNECKI NGUYEN SINGH KHAN ALI PATEL A BO ZOE YVONNE "
        "GEOFFREY WHITEHEAD JAMESON CAUGHLIN BYRNE ASHCRAFT DEMAND LEIGH VAUGHAN CHIANG"
    ).split()
    keys = ["nysiis", "metaphone", "match_rating", "soundex"]
    found = {key: [apply(name, key) for name in names] for key in keys}
    text = json.dumps(found, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == PHONETIC, text


def test_a_phonetic_key_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jellyfish", None)
    phonetics._key.cache_clear()
    with pytest.raises(MissingExtraError) as caught:
        apply("Smith", "nysiis")
    assert "blindlink[owner]" in caught.value.hint
