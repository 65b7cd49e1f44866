"""The JSON Schemas of the extracts: the synthetic study keeps them, a faulty row does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from blindlink.synthetic.generator.generate import generate
from blindlink.synthetic.generator.parameters import scaled

SCHEMAS = Path(__file__).parents[3] / "schemas"
TABLES = [
    ("moj", "probation", "identities"),
    ("moj", "probation", "events"),
    ("ohid", "treatment", "identities"),
    ("ohid", "treatment", "events"),
    ("ohid", "treatment", "details"),
]
FAULTS = [
    ("identities", "date_of_birth", "1980-13-01"),
    ("identities", "sex", "x"),
    ("identities", "entity_id", ""),
    ("events", "discharge_reason", "42"),
    ("events", "drug_1", "12"),
    ("details", "stage", "later"),
    ("details", "alcohol_days", "some"),
    ("details", "alcohol_days", "29"),
]


def validator(system: str, table: str) -> Draft202012Validator:
    document = json.loads((SCHEMAS / f"extract-{system}.json").read_text())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document["$defs"][table])


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    study = generate(scaled(1500), seed=5)
    return {name: table.slice(0, 400).to_pylist() for name, table in study.tables.items()}


@pytest.mark.parametrize(("owner", "system", "table"), TABLES)
def test_the_study_keeps_its_contract(
    rows: dict[str, list[dict[str, Any]]], owner: str, system: str, table: str
) -> None:
    check = validator(system, table)
    for row in rows[f"{owner}/{table}"]:
        cells = {name: "" if value is None else str(value) for name, value in row.items()}
        assert [error.message for error in check.iter_errors(cells)] == []


@pytest.mark.parametrize(("table", "column", "cell"), FAULTS)
def test_a_faulty_cell_is_found(
    rows: dict[str, list[dict[str, Any]]], table: str, column: str, cell: str
) -> None:
    check = validator("treatment", table)
    row = {
        name: "" if value is None else str(value)
        for name, value in rows[f"ohid/{table}"][0].items()
    }
    assert [list(error.path) for error in check.iter_errors(row | {column: cell})] == [[column]]
    assert not check.is_valid(row | {"unknown_column": ""})
