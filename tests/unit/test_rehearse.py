"""The trial of an extract: strangers who are twins cannot be told apart, few rows are withheld."""

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from blindlink.api.rehearse import rehearse
from blindlink.schema.profiles.making import new_schema

COLUMNS = ("entity_id", "forename", "surname", "date_of_birth", "sex", "postcode")
SCHEMA = new_schema("names", [COLUMNS, COLUMNS], people=5000)[0]
LABELS = ["north"] * 30 + ["south"] * 9 + ["west"] * 11


def people(twins: bool) -> pa.Table:
    """Fifty people; with ``twins`` each of 25 identities belongs to two of them."""
    rows = [number // 2 if twins else number for number in range(50)]
    return pa.table(
        {
            "entity_id": [f"e{number}" for number in range(50)],
            "forename": [f"Fore{chr(97 + row % 26)}{chr(97 + row // 26)}" for row in rows],
            "surname": [f"Sur{chr(122 - row % 26)}{chr(97 + row // 26)}x" for row in rows],
            "date_of_birth": [f"{1950 + row}-{1 + row % 12:02}-{1 + row % 28:02}" for row in rows],
            "sex": ["MF"[row % 2] for row in rows],
            "postcode": [f"LS{1 + row % 28} {1 + row % 9}AB" for row in rows],
        }
    )


def terms(**limits: Any) -> Any:
    return SimpleNamespace(
        schema_document=SCHEMA.document,
        disclosure_policy={"threshold": 5},
        limits=SimpleNamespace(released=limits),
        payload={"moj": {"events": {"area": "keep", "event_id": "keep"}}},
    )


def events() -> pa.Table:
    ids = [str(number) for number in range(50)]
    return pa.table({"entity_id": [f"e{n}" for n in ids], "area": LABELS, "event_id": ids})


@pytest.mark.parametrize(("twins", "share"), [(True, 1.0), (False, 0.0)])
def test_who_cannot_be_told_from_a_stranger(twins: bool, share: float) -> None:
    found = rehearse(people(twins), {"events": events()}, terms(), "moj").nearness
    assert found.probes == 50
    assert found.beaten["sex"] == share
    assert (found.high == 1.0) is twins


def test_labels_with_too_few_linked_rows_are_counted() -> None:
    found = rehearse(people(False), {"events": events()}, terms(), "moj")
    (area,) = found.cells
    assert (area.column, area.labels, area.below, area.smallest) == ("events.area", 3, 1, 4)
    assert "if 50 % were linked (assumed)" in found.text()
    assert "1 would be withheld" in found.text()
    (area,) = rehearse(people(False), {"events": events()}, terms(moj="1"), "moj").cells
    assert (area.below, area.smallest) == (0, 9)
