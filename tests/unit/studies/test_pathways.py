"""From requirements, links and episodes to pathways: worked examples with dates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.pathways import Pathways, build
from worlds import simulated

r, e = simulated.requirement, simulated.episode


def pathways(requirements: list, episodes: list, links: list, **more: Any) -> Pathways:
    return build(simulated.cohort(requirements, episodes, links, **more), Settings())


def case(pathways: Pathways, number: str) -> pd.Series:
    found = pathways.cases[pathways.cases["requirement_id"] == number]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize(
    ("what", "episodes", "engaged", "entry", "exit_"),
    [
        ("a journey open on the sentence date",
         [e("X", "2020-01-01", "2020-07-01", "80")], True, 0, "completed"),
        ("a journey that ends on the sentence date is open on it",
         [e("X", "2020-01-01", "2020-06-01", "85")], True, 0, "dropped out"),
        ("a journey that ended the day before", [e("X", "2020-01-01", "2020-05-31", "80")],
         False, np.nan, ""),
        ("a journey that starts 30 days after",
         [e("X", "2020-07-01", "2020-09-01", "80")], True, 30, "completed"),
        ("a journey long after, there is no limit at the end of the order",
         [e("X", "2022-03-30")], True, 667, "still in treatment"),
        ("an earlier journey does not count, the first after the sentence does",
         [e("X", "2019-01-01", "2019-03-01", "80"), e("X", "2020-08-01", "2020-09-01", "85"),
          e("X", "2021-01-01", "2021-02-01", "80")], True, 61, "dropped out"),
        ("no episode", [], False, np.nan, ""),
    ],
)  # fmt: skip
def test_engagement_of_one_linked_person(
    what: str, episodes: list, engaged: bool, entry: float, exit_: str
) -> None:
    study = pathways([r("A", "2020-06-01")], episodes, [("A", "X")], people=(["A"], ["X"]))
    row = case(study, "RA2020-06-01ATR")
    assert row["linked"]
    assert row["engaged"] == engaged
    assert row["entry"] == entry or (np.isnan(entry) and np.isnan(row["entry"]))
    assert row["exit"] == exit_


def test_an_unlinked_person_is_not_engaged() -> None:
    study = pathways([r("A", "2020-06-01")], [e("X", "2020-07-01")], [])
    row = case(study, "RA2020-06-01ATR")
    assert not row["linked"]
    assert not row["engaged"]


def test_a_person_who_moved_has_two_treatment_persons_and_one_journey() -> None:
    episodes = [e("X", "2020-06-10", "2020-07-01", "83"), e("Y", "2020-07-10", "2020-09-01", "80")]
    study = pathways([r("A", "2020-06-01")], episodes, [("A", "X"), ("A", "Y")])
    assert len(study.journeys) == 1
    assert case(study, "RA2020-06-01ATR")["exit"] == "completed"
    assert len(study.right_journeys) == 2


def test_two_sentences_of_a_person_each_have_their_own_first_journey() -> None:
    episodes = [e("X", "2019-02-01", "2019-03-01", "85"), e("X", "2020-07-01", "2020-08-01", "80")]
    study = pathways([r("A", "2019-01-01"), r("A", "2020-06-01")], episodes, [("A", "X")])
    assert case(study, "RA2019-01-01ATR")["exit"] == "dropped out"
    assert case(study, "RA2020-06-01ATR")["exit"] == "completed"


def test_links_to_nobody_and_episodes_of_nobody_are_counted() -> None:
    links = pd.DataFrame(
        [("A", "X", 0.9, "clk"), ("A", "Q", 0.9, "clk"), ("A", "X", 0.8, "clk")],
        columns=simulated.PAIRS,
    )
    cohort = simulated.cohort(
        [r("A", "2020-06-01")],
        [e("X", "2020-07-01"), e("Z", "2020-07-01")],
        links,
        people=(["A"], ["X"]),
    )
    problems = build(cohort, Settings()).problems
    counted = problems[problems["rows"] > 0].groupby(["table", "problem"])["rows"].sum()
    assert counted.loc["links"].to_dict() == {
        "person not in the release": 1,
        "pair stands twice": 1,
    }
    assert counted.loc["episodes"].to_dict() == {"person not in the release": 1}


def test_an_empty_cohort_builds() -> None:
    study = pathways([], [], [])
    assert study.left_people == 0
    assert len(study.cases) == 0


def test_other_links_give_other_pathways() -> None:
    study = pathways(
        [r("A", "2020-06-01"), r("B", "2020-06-02")], [e("X", "2020-07-01")], [("A", "X")]
    )
    swapped = study.with_links(study.links.assign(left=1 - study.links["left"]))
    assert sorted(study.cases["engaged"]) == sorted(swapped.cases["engaged"]) == [False, True]
    assert study.cases["engaged"].tolist() != swapped.cases["engaged"].tolist()
