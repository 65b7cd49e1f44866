"""A draft from column lists: it is an agreement, keeps what statistics need, and no free text."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import InputError, OutputError, SchemaError
from blindlink.messages.agreement.draft import new_agreement
from blindlink.messages.agreement.proposal import (
    About,
    ColumnList,
    propose,
    read_list,
    write_proposal,
)
from worlds.parties import NOW, keys, secret

NAMES = ("entity_id", "forename", "surname", "date_of_birth", "sex", "postcode")
LEFT = ColumnList(
    (*NAMES, "address"),
    {
        "claims": {
            "claim_start": "date",
            "benefit": "label",
            "amount": "number",
            "age": "integer",
            "case_id": "id",
            "remarks": "text",
            "nino": "label",
            "date_of_birth": "date",
        }
    },
)
RIGHT = ColumnList(NAMES, {"admissions": {"ward": "label"}})
ABOUT = About("claims", "What is asked.", "ttp", "lab", 9000, date(2027, 12, 31))


def test_a_proposal_is_an_agreement_of_its_parties(tmp_path: Path) -> None:
    made = propose({"moj": LEFT, "ohid": RIGHT}, ABOUT)
    write_proposal(made, tmp_path)
    for name in ("moj", "ohid", "ttp", "lab"):
        keys(name).public.save(tmp_path / f"{name}.key.public")
    terms = new_agreement(tmp_path / "agreement.toml", now=NOW, key=secret()).agreement
    assert terms.names == ("moj", "ohid", "ttp", "lab")
    assert terms.payload["moj"]["claims"] == {
        "claim_start": "keep",
        "benefit": "keep",
        "amount": "keep",
        "age": "band:5",
        "case_id": "keep",
        "date_of_birth": "year",
    }
    assert terms.limits.released == {"ohid": "0.5"}
    assert (terms.release_policy["moj"], terms.release_policy["ohid"]) == ("all", "candidates")
    assert terms.schema_document == made.schema.document
    with pytest.raises(OutputError, match="exists already"):
        write_proposal(made, tmp_path)


def test_what_is_left_to_decide_is_said() -> None:
    told = "\n".join(propose({"moj": LEFT, "ohid": RIGHT}, ABOUT).decide)
    assert "moj: claims.remarks is free text" in told
    assert "moj: claims.nino names a person: left out" in told
    assert "moj: claims.claim_start: whole dates" in told
    assert "moj alone has address" in told


@pytest.mark.parametrize(
    ("columns", "profile"), [(NAMES, "names"), (("entity_id", "first_initial", *NAMES[3:]), "weak")]
)
def test_names_are_encoded_as_names_where_all_have_them(
    columns: tuple[str, ...], profile: str
) -> None:
    assert propose({"moj": LEFT, "ohid": ColumnList(columns, {})}, ABOUT).profile == profile


def test_columns_that_tell_nobody_apart_are_refused() -> None:
    with pytest.raises(SchemaError, match="too few people apart"):
        propose({"moj": LEFT, "ohid": ColumnList(("sex",), {})}, ABOUT)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"columns": "sex"},
        {"columns": ["sex"], "tables": {"t": {"x": "secret kind"}}},
        {"columns": ["sex"], "tables": {"t": {"Not a name": "label"}}},
        {"columns": ["sex"], "tables": {"t": ["x"]}},
    ],
)
def test_what_is_no_list_is_refused_unseen(document: Any, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="is not a list of columns") as caught:
        read_list(tmp_path / "list.json")
    assert "secret" not in caught.value.message
