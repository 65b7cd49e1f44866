"""schemas/linkage-schema.json is that of the models, and shipped profiles fit it."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from blindlink.schema.json_schema import json_schema
from blindlink.schema.profiles.making import PROFILES, STANDARD, new_schema

FILE = Path(__file__).parents[3] / "schemas" / "linkage-schema.json"


def test_the_file_is_the_models() -> None:
    """Regenerate with: python -m blindlink.schema.json_schema > schemas/linkage-schema.json"""
    assert json.loads(FILE.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_fits(profile: str) -> None:
    validator = Draft202012Validator(json_schema())
    document = new_schema(profile, [STANDARD])[0].document
    assert validator.is_valid(document)
    assert not validator.is_valid(document | {"version": 4})
