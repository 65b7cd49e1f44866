"""The JSON Schemas are those of the models, and real files fit them."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from blindlink.messages.acting import Acting
from blindlink.messages.agreement.secret import seal_secret
from blindlink.messages.json_schemas import documents as trust_formats
from blindlink.messages.json_schemas import write
from blindlink.studies.probation_treatment.contract import extract_schemas
from worlds.parties import NOW, keys, secret, signed


def documents() -> dict[str, dict[str, Any]]:
    """Of every trust format and every extract of a study."""
    return {**trust_formats(), **extract_schemas()}


SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_file_is_the_models(name: str) -> None:
    """Made anew by: blindlink.messages.json_schemas.write(Path("schemas"), documents())."""
    assert json.loads((SCHEMAS / name).read_text()) == documents()[name]
    Draft202012Validator.check_schema(documents()[name])


def test_they_are_written_as_files(tmp_path: Path) -> None:
    write(tmp_path, documents())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(documents())


def test_real_files_fit() -> None:
    envelope = seal_secret(secret(), Acting(signed(), keys("moj"), NOW), to=keys("ohid").public)
    for name, data in (
        ("party.json", keys("moj").public.to_bytes()),
        ("agreement.json", signed().to_bytes()),
        ("secret.json", envelope.to_bytes()),
    ):
        Draft202012Validator(documents()[name]).validate(json.loads(data))


def test_others_do_not() -> None:
    party = keys("moj").public.model_dump()
    validator = Draft202012Validator(documents()["party.json"])
    for change in ({"role": "umpire"}, {"extra": 1}, {"auth_ed25519": "AA=="}, {"name": "Moj"}):
        assert not validator.is_valid(party | change)
    del party["organisation"]
    assert not validator.is_valid(party)
