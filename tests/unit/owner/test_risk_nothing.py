"""Where rows do not differ there is nothing to attack, and the report says so."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from blindlink import frames
from blindlink.keys import LinkageKey
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk.report import RiskReport
from blindlink.owner.risk.run import assess
from blindlink.schema.profiles.making import STANDARD, new_schema

MISSING = Path(__file__).parents[2] / "real_files" / "missing-fields" / "all-dob-missing.csv"
SCHEMA = new_schema("weak", [STANDARD])[0]


def report(table: pa.Table) -> RiskReport:
    encodings = encode(table, SCHEMA, LinkageKey(bytes(range(32))), workers=1)
    return assess(table, encodings, SCHEMA, graph_rows=100)


def people() -> pa.Table:
    table = frames.read_table(MISSING)
    return table.set_column(0, "entity_id", pa.array([str(n) for n in range(len(table))]))


def equal(rows: int) -> pa.Table:
    table = people().take(pa.array([3] * rows, pa.int64()))
    born = table.column_names.index("date_of_birth")
    table = table.set_column(born, "date_of_birth", pa.array(["1980-01-02"] * rows, pa.string()))
    return table.set_column(0, "entity_id", pa.array([str(n) for n in range(rows)], pa.string()))


TABLES = {
    "a field that is empty everywhere": people(),
    "equal rows": equal(40),
    "one row": equal(1),
    "no row": equal(0),
}


@pytest.mark.parametrize("name", TABLES)
def test_there_is_nothing_to_attack(name: str) -> None:
    found = report(TABLES[name])
    said = [metric for metric in found.metrics if metric.family == "attacks"]
    assert said
    assert all("nothing to attack" in metric.text for metric in said)
    assert {metric.light for metric in said} == {"none"}
    assert found.text()


def test_rows_that_differ_are_attacked() -> None:
    table = people()
    born = np.datetime64("1970-05-01") + 37 * np.arange(len(table))
    place = table.column_names.index("date_of_birth")
    found = report(table.set_column(place, "date_of_birth", pa.array(born.astype(str).tolist())))
    assert not [metric for metric in found.metrics if metric.family == "attacks"]
    assert len(found.metrics) > 10
