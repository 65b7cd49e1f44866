"""Profiles: what all owners can supply, the same schema for the same columns."""

import random
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import SchemaError
from blindlink.keys import LinkageKey
from blindlink.owner.encoding.encode import encode
from blindlink.owner.encoding.plan import compile_schema
from blindlink.owner.encoding.tuning import tuned
from blindlink.schema.models import Feature
from blindlink.schema.profiles.evidence import evidence
from blindlink.schema.profiles.making import PROFILES, new_schema, profile_data
from blindlink.schema.profiles.rules import accidental_neighbours, least

MOJ = ["entity_id", "forename", "surname", "date_of_birth", "sex", "postcode", "local_authority"]
OHID = [
    "entity_id",
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode_outward",
    "local_authority",
    "region",
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("sources", [[MOJ], [MOJ, MOJ], [MOJ, OHID]])
def test_every_profile_compiles(profile: str, sources: list[list[str]]) -> None:
    schema, warnings = new_schema(profile, sources)
    compile_schema(schema)
    assert warnings == []


@pytest.mark.parametrize("profile", PROFILES)
def test_the_order_of_owners_and_columns_does_not_matter(profile: str) -> None:
    expected = new_schema(profile, [MOJ, OHID])[0].fingerprint()
    shuffled = [random.Random(1).sample(names, len(names)) for names in (OHID, MOJ)]
    assert new_schema(profile, shuffled)[0].fingerprint() == expected


def test_initials_and_outward_codes_are_derived() -> None:
    extension = new_schema("weak", [MOJ, OHID])[0].extension
    assert extension is not None
    columns = {column.name: column.sources for column in extension.columns}
    assert columns["first_initial"] == ["first_initial", "forename"]
    assert columns["outward"] == ["postcode_outward", "postcode"]
    assert "region" not in columns


def test_what_one_owner_lacks_is_left_out() -> None:
    without = [name for name in OHID if name != "sex"]
    extension = new_schema("weak", [MOJ, without])[0].extension
    assert extension is not None
    assert "sex" not in {column.name for column in extension.columns}


@pytest.mark.parametrize("profile", ["weak", "names"])
def test_no_token_is_of_one_column_or_of_little_entropy(profile: str) -> None:
    extension = new_schema(profile, [MOJ, MOJ])[0].extension
    assert extension is not None
    bits = {column["name"]: column["bits"] for column in profile_data(profile)["columns"]}
    for composite in extension.composites:
        assert len(composite.fields) >= 2
        assert sum(bits[name] for name in composite.fields) >= {"weak": 22, "names": 24}[profile]


@pytest.mark.parametrize("profile", ["weak", "names"])
def test_a_file_of_fewer_people_gets_more_frequent_tokens(profile: str) -> None:
    """Strangers who share a token stay as few, at sixteenth the size with four bits less."""
    bits = {column["name"]: column["bits"] for column in profile_data(profile)["columns"]}

    def rarest(people: int) -> float:
        made = new_schema(profile, [MOJ, MOJ], people=people)[0].extension
        assert made is not None
        return min(sum(bits[name] for name in each.fields) for each in made.composites)

    large, small = rarest(500_000), rarest(31_250)
    assert {"weak": 18, "names": 20}[profile] <= small < large - 2


def test_a_schema_for_few_people_is_refused() -> None:
    with pytest.raises(SchemaError, match="at least"):
        new_schema("weak", [MOJ, OHID], people=4_999)


@pytest.mark.parametrize("profile", ["weak", "names"])
@pytest.mark.parametrize("columns", [MOJ, [*MOJ, "address", "region"], MOJ[:-1]])
def test_accidental_neighbours_stay_within_the_profile(profile: str, columns: list[str]) -> None:
    data = profile_data(profile)
    bits = {column["name"]: column["bits"] for column in data["columns"]}
    composites = new_schema(profile, [columns, columns])[0].document["blindlink"]["composites"]
    allowed = data["accidentalNeighbours"]
    assert accidental_neighbours(composites, bits, allowed["people"]) <= allowed["most"]


COLUMNS = [
    {"name": "a", "group": "one", "bits": 4.0, "differs": 0.02},
    {"name": "b", "group": "one", "bits": 9.0, "differs": 0.05},
    {"name": "c", "group": "two", "bits": 10.0, "differs": 0.02},
    {"name": "d", "group": "three", "bits": 10.0, "differs": 0.3},
]
EVIDENCE = {
    "columns": ["a", "b", "c", "d"],
    "minimum": 13,
    "maximum": 30,
    "strangers": 0.3,
    "tolerance": 0.03,
    "bits": 100,
}


def test_common_bits_follow_the_evidence() -> None:
    made = evidence(COLUMNS, EVIDENCE)

    def share(*agree: str) -> float:
        common = sum(t["bitsPerToken"] for t in made if set(t["fields"]) <= set(agree))
        return float(common / sum(t["bitsPerToken"] for t in made))

    assert share("a", "b", "c", "d") == 1
    assert share("a", "b", "c") > share("a", "b", "d") > share("a", "d")
    assert share("c") == share("d") == share("a", "b") == 0
    assert 90 <= sum(token["bitsPerToken"] for token in made) <= 110


def test_a_column_of_one_value_does_not_break_the_weights() -> None:
    columns = [*COLUMNS, {"name": "e", "group": "four", "bits": 0.0, "differs": 0.02}]
    made = evidence(columns, EVIDENCE | {"columns": [*"abcde"]})
    assert {"b", "c", "d"} <= {name for token in made for name in token["fields"]}


def test_the_least_tokens_have_nothing_to_spare() -> None:
    rule = {"columns": ["a", "b", "c", "d"], "minimum": 13, "bitsPerToken": 1}
    made = least(COLUMNS, rule | {"leaveOut": 9, "coarse": 9})
    found = {tuple(sorted(token["fields"])) for token in made}
    assert found == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")}


def test_accidental_neighbours_are_counted_by_collision_entropy() -> None:
    bits = {"a": 3.0, "b": 4.0}
    tokens = [{"fields": ["a"]}, {"fields": ["a", "b"]}]
    assert accidental_neighbours(tokens, bits, 129) == 128 / 8 + 128 / 128


def test_swapped_names_share_tokens() -> None:
    schema = new_schema("names", [MOJ, MOJ])[0]
    row = {"entity_id": "1", "forename": "Ada", "surname": "Byron", "date_of_birth": "1985-12-10"}
    row |= {"sex": "F", "postcode": "LS1 4AB", "local_authority": "Leeds"}
    swapped = row | {"forename": "Byron", "surname": "Ada", "entity_id": "2"}
    stranger = row | {"forename": "Joan", "surname": "Clarke", "entity_id": "3"}
    made = encode(pa.Table.from_pylist([row, swapped, stranger]), schema, LinkageKey(bytes(32)))
    filters = np.unpackbits(made.filters[0], axis=1).astype(int)
    assert filters[0] @ filters[1] > 1.3 * (filters[0] @ filters[2])


def test_every_match_key_holds_the_whole_date_of_birth() -> None:
    for profile in ("weak", "names"):
        extension = new_schema(profile, [MOJ, MOJ])[0].extension
        assert extension is not None
        assert extension.match_keys
        for key in extension.match_keys:
            assert {"birth_day", "birth_month", "birth_year"} < set(key)


def test_an_unknown_column_is_ignored_with_a_warning() -> None:
    schema, warnings = new_schema("weak", [[*MOJ, "shoe_size"], OHID])
    assert warnings == ["source 1: 1 columns are no standard names: ignored"]
    assert schema.fingerprint() == new_schema("weak", [MOJ, OHID])[0].fingerprint()


def test_the_clkhash_profile_is_plain_where_it_can_be() -> None:
    plain = new_schema("clkhash", [MOJ, MOJ])[0]
    assert plain.extension is None
    names = [f.identifier for f in plain.model.features if isinstance(f, Feature)]
    assert names[:3] == ["forename", "surname", "date_of_birth"]
    derived = new_schema("clkhash", [MOJ, OHID])[0]
    assert derived.extension is not None
    assert derived.extension.composites == []


@pytest.mark.parametrize("columns", [[], ["sex"], ["sex", "region"], ["record_id"]])
def test_too_little_is_refused(columns: list[str]) -> None:
    with pytest.raises(SchemaError, match="too few people"):
        new_schema("weak", [columns])


def test_no_source_and_no_such_profile_are_refused() -> None:
    with pytest.raises(SchemaError, match="no source"):
        new_schema("weak", [])
    with pytest.raises(SchemaError, match="unknown profile"):
        new_schema("strong", [MOJ])


def test_tuning_takes_entropies_from_the_table() -> None:
    n = 400
    table = pa.table(
        {
            "forename": ["Anna"] * n,
            "surname": [chr(65 + i % 20) for i in range(n)],
            "date_of_birth": [f"{1940 + i % 60}-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(n)],
            "sex": ["F"] * n,
            "postcode": [f"LS{i} 1AA" for i in range(n)],
            "local_authority": ["Leeds"] * n,
        }
    )
    measured = new_schema("weak", [MOJ, OHID], tune=partial(tuned, table=table))[0]
    assert measured.fingerprint() != new_schema("weak", [MOJ, OHID])[0].fingerprint()
    assert (
        measured.fingerprint()
        == new_schema("weak", [MOJ, OHID], tune=partial(tuned, table=table))[0].fingerprint()
    )
