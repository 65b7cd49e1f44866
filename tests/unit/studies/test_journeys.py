"""Treatment journeys, in tables that a domain expert can check by hand."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.estimate.columns import day_number
from blindlink.analyst.study.spells import NONE
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.extracts import Problems, read_episodes
from blindlink.studies.probation_treatment.journeys import Journeys
from worlds import simulated

RULES = Definitions()


def journeys(*rows: dict[str, str]) -> pd.DataFrame:
    """The journeys of episodes as a table with dates, persons being A, B, C."""
    episodes = read_episodes(pd.DataFrame(list(rows)), RULES, Problems())
    found = Journeys.merge(
        episodes.assign(person=episodes["person"].map(ord) - ord("A")), RULES.gap_days
    )
    return pd.DataFrame(
        {
            "person": [chr(ord("A") + code) for code in found.person],
            "start": [_date(day) for day in found.start],
            "end": [_date(day) for day in found.end],
            "exit": found.exit,
            "substance": found.substance,
        }
    )


def _date(day: float) -> str:
    return "open" if np.isinf(day) else str(dt.date(1970, 1, 1) + dt.timedelta(int(day)))


e = simulated.episode


@pytest.mark.parametrize(
    ("case", "episodes", "expected"),
    [
        (
            "one episode is one journey",
            [e("A", "2020-01-01", "2020-02-01", "80")],
            [("2020-01-01", "2020-02-01", "completed")],
        ),
        (
            "a gap of 21 days merges; the exit is that of the episode that ends last",
            [e("A", "2020-01-01", "2020-02-01", "85"), e("A", "2020-02-22", "2020-03-01", "81")],
            [("2020-01-01", "2020-03-01", "completed")],
        ),
        (
            "a gap of 22 days starts a new journey",
            [e("A", "2020-01-01", "2020-02-01", "85"), e("A", "2020-02-23", "2020-03-01", "81")],
            [
                ("2020-01-01", "2020-02-01", "dropped out"),
                ("2020-02-23", "2020-03-01", "completed"),
            ],
        ),
        (
            "a long episode bridges a gap between two others",
            [
                e("A", "2020-01-01", "2020-06-01", "83"),
                e("A", "2020-01-10", "2020-01-20", "85"),
                e("A", "2020-06-10", "2020-07-01", "80"),
            ],
            [("2020-01-01", "2020-07-01", "completed")],
        ),
        (
            "an open episode leaves the journey open, whatever ended before",
            [e("A", "2020-01-01", "2020-02-01", "80"), e("A", "2020-01-15")],
            [("2020-01-01", "open", "still in treatment")],
        ),
        (
            "different exits on the last day contradict each other",
            [e("A", "2020-01-01", "2020-02-01", "80"), e("A", "2020-01-15", "2020-02-01", "85")],
            [("2020-01-01", "2020-02-01", "inconsistent")],
        ),
        (
            "80, 81 and 82 do not contradict each other",
            [e("A", "2020-01-01", "2020-02-01", "80"), e("A", "2020-01-15", "2020-02-01", "82")],
            [("2020-01-01", "2020-02-01", "completed")],
        ),
        (
            "a discharge after the end of observation is still open at its end",
            [e("A", "2022-01-01", "2022-04-01", "80")],
            [("2022-01-01", "open", "still in treatment")],
        ),
        (
            "two codes of one group agree; older codes of completion count",
            [e("A", "2020-01-01", "2020-02-01", "92"), e("A", "2020-01-15", "2020-02-01", "81")],
            [("2020-01-01", "2020-02-01", "completed")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_journeys_of_one_person(case: str, episodes: list, expected: list) -> None:
    found = journeys(*episodes)
    assert list(zip(found["start"], found["end"], found["exit"], strict=True)) == expected
    backwards = journeys(*reversed(episodes))
    pd.testing.assert_frame_equal(found, backwards)


def test_persons_are_kept_apart() -> None:
    found = journeys(
        e("B", "2020-01-01", "2020-02-01", "85"),
        e("A", "2020-02-02", "2020-03-01", "80"),
        e("C", "2020-03-02"),
    )
    assert list(found["person"]) == ["A", "B", "C"]
    assert list(found["exit"]) == ["completed", "dropped out", "still in treatment"]


@pytest.mark.parametrize(
    ("drugs", "group"),
    [
        ([("1011", "7000", "")], "opiate"),
        ([("3201", "", "1105")], "opiate"),
        ([("5000", "7000", "")], "non-opiate and alcohol"),
        ([("5000", "", ""), ("7000", "", "")], "non-opiate and alcohol"),
        ([("3200", "", "")], "non-opiate only"),
        ([("7000", "", "")], "alcohol only"),
        ([("", "", "")], "not recorded"),
        ([("9999", "", "")], "not recorded"),
    ],
)
def test_substance_group_is_taken_over_the_whole_journey(drugs: list, group: str) -> None:
    episodes = [
        e("A", f"2020-01-0{day}", "2020-02-01", "80", drug_1=a, drug_2=b, drug_3=c)
        for day, (a, b, c) in enumerate(drugs, start=1)
    ]
    assert list(journeys(*episodes)["substance"]) == [group]


def test_the_next_journey_is_the_open_one_or_the_first_after() -> None:
    table = Journeys(
        person=np.array([0, 0, 2]),
        start=np.array([10.0, 50.0, 5.0]),
        end=np.array([20.0, np.inf, 9.0]),
        exit=np.array(["completed", "still in treatment", "died"], dtype=object),
        substance=np.array(["opiate"] * 3, dtype=object),
    )
    days = np.array([5.0, 10.0, 20.0, 21.0, 9000.0])
    assert table.next(np.zeros(5, dtype=int), days).tolist() == [0, 0, 0, 1, 1]
    assert table.open_on(np.zeros(5, dtype=int), days).tolist() == [False, True, True, False, True]
    assert table.next(np.array([1, 2, 2, 3]), np.array([0.0, 9.0, 10.0, 0.0])).tolist() == [
        NONE,
        2,
        NONE,
        NONE,
    ]


def test_no_episodes_at_all() -> None:
    empty = Journeys.merge(read_episodes(pd.DataFrame({"person": []}), RULES, Problems()), 21)
    assert len(empty) == 0
    assert empty.next(np.array([0, 1]), np.array([0.0, 0.0])).tolist() == [NONE, NONE]
    assert empty.open_on(np.array([0]), np.array([0.0])).tolist() == [False]


def test_dates_before_1970_and_far_away_do_not_mix_persons() -> None:
    found = journeys(
        e("A", "1890-01-01", "1891-01-01", "80"), e("B", "1960-01-01", "1961-01-01", "85")
    )
    assert list(found["person"]) == ["A", "B"]


def test_a_day_number_counts_from_1970() -> None:
    assert day_number(dt.date(1970, 1, 2)) == 1.0
