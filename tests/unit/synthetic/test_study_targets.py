"""The publication's figures: what is found of them in tables, and their true values."""

import pandas as pd
import pytest

from blindlink.synthetic.demo.targets import TARGETS, any_record, true_figures
from blindlink.synthetic.generator.parameters import Parameters


def test_shares_of_a_published_whole_add_up() -> None:
    values = {target.id: target.value for target in TARGETS}
    for parts in (("T22", "T23", "T24", "T25"), ("T26", "T27", "T28", "T29")):
        assert sum(values[name] for name in parts) == pytest.approx(100, abs=0.5)


def test_true_figures_of_a_table_by_hand() -> None:
    engagement = pd.DataFrame(
        [
            ("R1", "A", "ATR", 1, 1, "completed", "alcohol only"),
            ("R2", "B", "ATR", 1, 0, "custody", "opiate"),
            ("R3", "C", "DRR", 0, 0, "", ""),
            ("R4", "C", "DRR", 0, 1, "", ""),
        ],
        columns=["requirement_id", "entity_id", "requirement", "engaged", "in_treatment_21",
                 "outcome", "substance"],
    )  # fmt: skip
    # The last sentence was not followed for three weeks.
    dates = ["2020-01-01", "2020-01-01", "2020-01-01", "2022-03-20"]
    events = pd.DataFrame({"requirement_id": engagement["requirement_id"], "sentence_date": dates})
    again = pd.concat([events, events.head(1).assign(sentence_date="2018-01-01")])
    found = true_figures(engagement, again, Parameters())
    assert found["engaged, All"] == 50
    assert found["engaged, DRR"] == 0
    assert found["in treatment at three weeks, All"] == pytest.approx(100 / 3)
    assert found["in treatment at three weeks, DRR"] == 0
    assert found["completed, All"] == found["dropped out, All"] == 50
    assert found["alcohol only, ATR"] == 50


def test_any_record_counts_requirements_of_people_with_one() -> None:
    engagement = pd.DataFrame({"entity_id": ["A", "A", "B", "C"]})
    people = pd.DataFrame({"moj_entity_id": ["A"], "ohid_entity_id": ["X"], "in_extract": [0]})
    assert any_record(people, engagement) == 50
