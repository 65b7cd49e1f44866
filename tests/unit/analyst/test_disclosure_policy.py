"""The policy file: strict reading, the schema that ships, and what counts as weaker."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from blindlink.analyst.disclosure.policy import Policy, load_policy, parse_policy, schema
from blindlink.errors import FormatError, InputError
from blindlink.messages import canonical

SCHEMA = Path(__file__).parents[3] / "schemas" / "disclosure-policy.json"


def test_the_shipped_schema_is_the_models() -> None:
    assert json.loads(SCHEMA.read_text()) == schema()


def test_the_default_policy_satisfies_the_schema_and_can_be_signed() -> None:
    document = Policy().document()
    jsonschema.validate(document, schema())
    assert canonical.loads(canonical.dumps(document)) == document
    assert parse_policy(document) == Policy()


def test_an_empty_document_is_the_default_policy() -> None:
    assert parse_policy({}) == Policy()
    assert Policy().threshold == 5
    assert Policy().width == 5


def test_the_digest_depends_on_every_rule() -> None:
    assert Policy().digest() != Policy(rounding=5).digest()
    assert Policy().digest() == parse_policy(Policy().document()).digest()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": "5"}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"rounding": 1}, "rounding"),
        ({"threshold": 20, "rounding": 5}, "document"),
        ({"secondary": 1}, "secondary"),
        ({"treshold": 5}, "treshold"),
        ({"format": "blindlink-disclosure-policy-2"}, "format"),
        ([], "document"),
    ],
)
def test_a_wrong_policy_names_the_field(document: str, field: str) -> None:
    with pytest.raises(FormatError, match=field):
        parse_policy(document)


def test_policy_files(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"threshold": 10, "controller": "MoJ"}')
    assert load_policy(path).threshold == 10
    path.write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        load_policy(path)
    with pytest.raises(InputError):
        load_policy(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"threshold": 4}, "threshold"),
        ({"secondary": False}, "secondary"),
        ({"protection": 3}, "protection"),
        ({"group_disclosure": False}, "group_disclosure"),
        ({"extremes": True}, "extremes"),
        ({"dominance_percent": None}, "dominance_percent"),
        ({"differencing": False}, "differencing"),
        ({"curve_steps": False}, "curve_steps"),
    ],
)
def test_a_weaker_rule_is_named(change: dict[str, Any], rule: str) -> None:
    assert rule in Policy(**change).weaker_than(Policy())


def test_a_stricter_policy_is_not_weaker() -> None:
    assert Policy(threshold=10, rounding=5).weaker_than(Policy()) == []
    assert Policy().weaker_than(Policy(rounding=5)) == ["rounding"]
