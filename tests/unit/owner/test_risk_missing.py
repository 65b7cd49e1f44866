"""Gaps that the shape of an encoding shows: the light is no greener where more is missing."""

import numpy as np
import pyarrow as pa
import pytest

from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk.case import Case, case_of
from blindlink.owner.risk.measures.missing import missing
from blindlink.owner.risk.measures.whole_file import completeness
from blindlink.schema.profiles.making import new_schema
from worlds.risk_people import KEY, people

ROWS = 3000


def case_with_gaps(share: float, column: str, profile: str = "weak") -> Case:
    table = people(ROWS)
    gone = np.random.default_rng(3).permutation(ROWS) < share * ROWS
    cells = table.column(column).to_pylist()
    at = table.column_names.index(column)
    blank = pa.array(["" if lost else cell for lost, cell in zip(gone, cells, strict=True)])
    table = table.set_column(at, column, blank)
    schema, _ = new_schema(profile, [table.column_names])
    encodings = encode(table, schema, KEY, workers=1)
    return case_of(table, encodings, schema, graph_rows=60, most=ROWS, people=None, seed=1)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("column", ["sex", "date_of_birth"])
def test_any_share_of_gaps_that_shows_is_amber(share: float, column: str) -> None:
    metrics = list(missing(case_with_gaps(share, column)))
    assert {metric.light for metric in metrics} == {"amber"}
    assert all(metric.value > 0.4 for metric in metrics)  # half the way from a guess to certainty


def test_whoever_lacks_nothing_is_not_marked() -> None:
    assert list(missing(case_with_gaps(0, "sex"))) == []


def test_a_field_that_is_not_encoded_cannot_be_told() -> None:
    """Negative control: gaps drawn at random in a column that no token holds."""
    case = case_with_gaps(0, "sex")
    drawn = np.random.default_rng(5).random(ROWS) < 0.1
    case.missing["nothing"] = drawn
    assert [metric.light for metric in missing(case)] == ["green"]


@pytest.mark.parametrize("column", ["sex", "date_of_birth"])
def test_the_field_most_often_missing_is_named_whichever_it_is(column: str) -> None:
    line = next(iter(completeness(case_with_gaps(0.2, column))))
    assert line.value == pytest.approx(0.2)
    assert line.text.startswith("20.0% of ")
