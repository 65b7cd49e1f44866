"""Encoding a table: what comes out, what is refused, and that no bad cell is ever repeated."""

import copy
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import InputError, SchemaError
from blindlink.keys import LinkageKey
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding import batch
from blindlink.owner.encoding.encode import encode, encode_as_clkhash
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.profiles.making import new_schema

KEY = LinkageKey(bytes(range(32)))
NAMES = ["entity_id", "forename", "surname", "date_of_birth", "sex", "postcode", "local_authority"]
INITIALS = [
    "entity_id",
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode_outward",
    "local_authority",
]
PERSON = ["x1", "Anna", "O'Neil", "1980-02-03", "F", "LS7 4BT", "Leeds"]
SAME = ["y1", "A", "O", "1980-02-03", "2", "ls7", "LEEDS"]


def table(names: list[str], *rows: list[str]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})


def weak() -> LinkageSchema:
    return new_schema("weak", [NAMES, INITIALS])[0]


def dice(left: Encodings, right: Encodings) -> float:
    a, b = (np.unpackbits(each.filters[0][0]).astype(int) for each in (left, right))
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def with_changes(person: list[str], **changes: str) -> list[str]:
    return [changes.get(name, cell) for name, cell in zip(NAMES, person, strict=True)]


def test_names_and_initials_of_one_person_give_one_encoding() -> None:
    ours, theirs = (
        encode(table(n, p), weak(), KEY) for n, p in ((NAMES, PERSON), (INITIALS, SAME))
    )
    assert np.array_equal(ours.filters[0], theirs.filters[0])
    assert all(
        np.array_equal(a, b) for a, b in zip(ours.match_keys, theirs.match_keys, strict=True)
    )
    assert ours.entity is not None
    assert ours.entity.tolist() == ["x1"]
    assert ours.key_check == KEY.check_value()
    assert ours.schema_fingerprint == theirs.schema_fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"date_of_birth": "1980-02-04"},
        {"date_of_birth": "1980-03-03"},
        {"date_of_birth": "1981-02-03"},
        {"sex": "M"},
        {"postcode": "SW1A 1AA"},
        {"postcode": "SW1A 1AA", "local_authority": "Westminster"},
        {"forename": "Hanna"},
        {"surname": "Smith"},
    ],
)
def test_one_wrong_field_leaves_shared_tokens(change: dict[str, str]) -> None:
    first = encode(table(NAMES, PERSON), weak(), KEY)
    second = encode(table(NAMES, with_changes(PERSON, **change)), weak(), KEY)
    assert 0.15 < dice(first, second) < 0.9


def test_strangers_share_next_to_nothing() -> None:
    stranger = ["x2", "Zoe", "Patel", "1991-11-27", "M", "B1 1AA", "Birmingham"]
    first, second = (encode(table(NAMES, person), weak(), KEY) for person in (PERSON, stranger))
    assert dice(first, second) < 0.1


def test_a_missing_field_has_no_tokens_and_no_match_key() -> None:
    person = with_changes(PERSON, date_of_birth="1900-01-01")
    encoded = encode(table(NAMES, person), weak(), KEY)
    assert not any(key.any() for key in encoded.match_keys)
    nobody = encode(table(NAMES, ["x1", *[""] * 6]), weak(), KEY)
    assert not nobody.filters[0].any()


def test_another_key_gives_other_bits_and_another_check_value() -> None:
    other = LinkageKey(bytes(32))
    first, second = (encode(table(NAMES, PERSON), weak(), key) for key in (KEY, other))
    assert dice(first, second) < 0.2
    assert first.key_check != second.key_check


def test_workers_and_chunks_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [with_changes(PERSON, entity_id=f"x{i}", surname=f"{chr(65 + i)}x") for i in range(20)]
    rows = table(NAMES, *people)
    whole = encode(rows, weak(), KEY, workers=1)
    monkeypatch.setattr(batch, "_SLICE_BYTES", 5 << 10)
    for workers in (1, 2, 3):
        found = encode(rows, weak(), KEY, workers=workers)
        assert np.array_equal(found.filters[0], whole.filters[0])
        assert np.array_equal(found.match_keys, whole.match_keys)


def test_the_reference_gives_the_same_bits_for_composites() -> None:
    rows = table(NAMES, PERSON, with_changes(PERSON, sex="", surname="Ó Néill"))
    ours, theirs = (encode(rows, weak(), KEY, backend=name) for name in ("blindlink", "clkhash"))
    assert np.array_equal(ours.filters[0], theirs.filters[0])
    assert theirs.encoder == "clkhash 0.18.3"


def test_every_bad_cell_is_named_by_row_and_column_and_never_by_value() -> None:
    rows = table(
        NAMES,
        with_changes(PERSON, date_of_birth="03/13-1980"),
        PERSON,
        with_changes(PERSON, sex="canary", entity_id=""),
    )
    with pytest.raises(InputError) as caught:
        encode(rows, weak(), KEY)
    message = caught.value.message
    assert message.startswith("3 cells are wrong: row 1, date_of_birth")
    assert "row 3, entity_id: is empty" in message
    assert "row 3, sex" in message
    assert "03/13-1980" not in message
    assert "canary" not in message.lower()


def test_equal_bad_cells_are_grouped() -> None:
    rows = table(NAMES, *[with_changes(PERSON, sex="?") for _ in range(50)])
    with pytest.raises(
        InputError, match=r"50 cells are wrong: rows 1, 2, 3, 4, 5 and 45 more, sex: is not"
    ):
        encode(rows, weak(), KEY)


def test_a_record_id_that_comes_twice_is_refused() -> None:
    rows = table(NAMES, PERSON, PERSON).append_column("record_id", pa.array(["1", "1"]))
    with pytest.raises(InputError, match="row 2, record_id: stands in an earlier row"):
        encode(rows, weak(), KEY)


def test_a_column_that_the_schema_needs_is_named() -> None:
    with pytest.raises(InputError, match="forename"):
        encode(table(NAMES, PERSON).drop_columns(["forename"]), weak(), KEY)


def test_typed_columns_are_read_as_their_text() -> None:
    import datetime as dt

    rows = table(NAMES, PERSON)
    day = pa.array([dt.date(1980, 2, 3)])
    typed = rows.set_column(3, "date_of_birth", day).set_column(4, "sex", pa.array([2]))
    ours, theirs = (encode(each, weak(), KEY) for each in (rows, typed))
    assert np.array_equal(ours.filters[0], theirs.filters[0])


def test_an_empty_table_gives_no_rows() -> None:
    nobody = table(NAMES, PERSON).slice(0, 0)
    encoded = encode(nobody, weak(), KEY)
    assert encoded.filters[0].shape == (0, 1024)


PLAIN: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}},
    "features": [
        {
            "identifier": "age",
            "format": {"type": "string"},
            "hashing": {
                "comparison": {"type": "numeric", "thresholdDistance": 2, "resolution": 1},
                "strategy": {"bitsPerToken": 4},
            },
        }
    ],
}


def test_compatible_encoding_takes_any_secret_and_gives_no_check_value() -> None:
    encoded = encode_as_clkhash(pa.table({"age": ["40"]}), parse_schema(PLAIN), b"secret")
    assert encoded.key_check is None
    with pytest.raises(InputError, match="secret is empty"):
        encode_as_clkhash(pa.table({"age": ["40"]}), parse_schema(PLAIN), b"")
    with pytest.raises(SchemaError, match="extension"):
        encode_as_clkhash(table(NAMES, PERSON), weak(), b"secret")


def test_a_text_that_the_comparison_does_not_take_is_a_bad_cell() -> None:
    with pytest.raises(InputError, match="row 2, age: is not a number"):
        encode_as_clkhash(pa.table({"age": ["40", "old"]}), parse_schema(PLAIN), b"secret")


def test_a_schema_with_meaningless_parts_names_them_all() -> None:
    document = copy.deepcopy(weak().document)
    document["blindlink"]["columns"][0]["steps"] = ["shout"]
    document["blindlink"]["composites"][0]["comparison"] = {"type": "sound"}
    document["blindlink"]["hardening"] = [{"type": "diffusion", "t": 10, "bits": 100000}]
    with pytest.raises(SchemaError) as caught:
        encode(table(NAMES, PERSON), parse_schema(document), KEY)
    for said in ("column first_initial", "composite of", "must not be longer"):
        assert said in caught.value.message


def test_further_filters_have_keys_of_their_own() -> None:
    document = copy.deepcopy(weak().document)
    composites = document["blindlink"]["composites"]
    document["blindlink"]["filters"] = [{"l": 8192, "composites": composites}]
    encoded = encode(table(NAMES, PERSON), parse_schema(document), KEY)
    assert encoded.bits == (8192, 8192)
    one, two = encoded.filters
    assert not np.array_equal(one, two)
    reference = encode(table(NAMES, PERSON), parse_schema(document), KEY, backend="clkhash")
    assert np.array_equal(reference.filters[1], encoded.filters[1])


def test_a_replacement_that_the_encoding_lacks_is_a_problem_of_the_schema() -> None:
    document = copy.deepcopy(PLAIN)
    document["features"][0]["format"] = {"type": "string", "encoding": "ascii"}
    document["features"][0]["hashing"]["missingValue"] = {"sentinel": "", "replaceWith": "é"}
    with pytest.raises(SchemaError, match=r"feature 1 .age.: missingValue: .* outside ascii"):
        encode_as_clkhash(pa.table({"age": [""]}), parse_schema(document), b"secret")


def test_a_date_format_that_reads_nothing_is_a_problem_of_the_schema() -> None:
    document = copy.deepcopy(PLAIN)
    document["features"][0]["format"] = {"type": "date", "format": "%Q"}
    with pytest.raises(SchemaError, match="must be a format of strptime"):
        parse_schema(document)
    document = copy.deepcopy(weak().document)
    document["blindlink"]["columns"][0]["steps"] = [{"step": "date", "formats": ["%-d"]}]
    with pytest.raises(SchemaError, match="must be a format of strptime"):
        encode(table(NAMES, PERSON), parse_schema(document), KEY)


def test_time_stamps_are_read_as_their_dates() -> None:
    import datetime as dt

    day = pa.array([dt.datetime(1980, 2, 3, 0, 0)], pa.timestamp("ns"))
    rows = table(NAMES, PERSON)
    typed = rows.set_column(3, "date_of_birth", day)
    ours, theirs = (encode(each, weak(), KEY) for each in (rows, typed))
    assert np.array_equal(ours.filters[0], theirs.filters[0])
