"""Profiles: what all owners can supply, the same schema for the same columns."""

import random

import pyarrow as pa
import pytest

from blindlink.errors import SchemaError
from blindlink.formats.schema_models import Feature
from blindlink.owner.plan import compile_schema
from blindlink.owner.profiles import PROFILES, new_schema, profile_data

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
        others = composite.fields[1:]
        whole = composite.comparison == {"type": "exact"}
        assert len(composite.fields) >= 2
        # A gram of a name is worth little by itself: what it is joined to must be rare.
        assert sum(bits[n] for n in (composite.fields if whole else others)) >= (
            17 if whole else 14
        )


def test_every_match_key_holds_the_whole_date_of_birth() -> None:
    for profile in ("weak", "names"):
        extension = new_schema(profile, [MOJ, MOJ])[0].extension
        assert extension is not None
        assert extension.match_keys
        for key in extension.match_keys:
            assert {"birth_day", "birth_month", "birth_year"} < set(key)


def test_an_unknown_column_is_ignored_with_a_warning() -> None:
    schema, warnings = new_schema("weak", [[*MOJ, "shoe_size"], OHID])
    assert warnings == ["column shoe_size of source 1 is not a standard name: ignored"]
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
    tuned = new_schema("weak", [MOJ, OHID], tune=table)[0]
    assert tuned.fingerprint() != new_schema("weak", [MOJ, OHID])[0].fingerprint()
    assert tuned.fingerprint() == new_schema("weak", [MOJ, OHID], tune=table)[0].fingerprint()
