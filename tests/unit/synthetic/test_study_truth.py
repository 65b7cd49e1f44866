"""The truth by the study's definitions: worked examples, and agreement with the analyst's code."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.study.spells import NONE
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.extracts import Problems, read_episodes
from blindlink.studies.probation_treatment.journeys import Journeys
from blindlink.synthetic.generator import truth
from blindlink.synthetic.generator.parameters import SUBSTANCES, Parameters
from blindlink.synthetic.generator.treatment import OPEN
from worlds.synthetic import frame, usable_events

ALCOHOL, MIXED, OPIATE, OTHER = range(4)
S = Parameters().first_day + 100  # a sentence date


def journeys(*episodes: tuple[int, int, int, int, int]) -> pd.DataFrame:
    columns = ["person", "start", "end", "code", "substance"]
    return truth.journeys_of(pd.DataFrame(episodes, columns=columns))


def engagement(*episodes: tuple[int, int, int, int, int]) -> dict[Hashable, Any]:
    columns = ["person", "start", "end", "code", "substance"]
    found = truth.engagement(
        pd.DataFrame({"person": [0], "date": [S]}),
        pd.DataFrame(episodes, columns=columns),
    )
    row: dict[Hashable, Any] = found.iloc[0].to_dict()
    return row


def test_a_gap_of_21_days_is_bridged_and_one_of_22_is_not() -> None:
    assert len(journeys((0, S, S + 10, 85, OPIATE), (0, S + 31, S + 50, 80, OPIATE))) == 1
    assert len(journeys((0, S, S + 10, 85, OPIATE), (0, S + 32, S + 50, 80, OPIATE))) == 2


def test_the_last_ending_episode_says_how_a_journey_ended() -> None:
    found = journeys((0, S, S + 90, 80, ALCOHOL), (0, S + 10, S + 40, 85, ALCOHOL))
    assert found["outcome"].tolist() == ["completed"]
    found = journeys((0, S, S + 90, 80, ALCOHOL), (0, S + 10, S + 90, 85, ALCOHOL))
    assert found["outcome"].tolist() == ["inconsistent"]
    found = journeys((0, S, S + 90, 80, ALCOHOL), (0, S + 10, S + 90, 82, ALCOHOL))
    assert found["outcome"].tolist() == ["completed"]


def test_the_substances_of_a_journey_are_those_of_all_its_episodes() -> None:
    def group(*substances: int) -> str:
        rows = [(0, S + i, S + 50, 80, group) for i, group in enumerate(substances)]
        return str(journeys(*rows)["substance"].iloc[0])

    assert group(ALCOHOL) == "alcohol only"
    assert group(ALCOHOL, OTHER) == "non-opiate and alcohol"
    assert group(OTHER) == "non-opiate only"
    assert group(MIXED, OPIATE) == "opiate"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (S - 50, S, (1, 1, 0, 0)),  # open on the sentence date: day 0
        (S - 50, S - 1, (0, 0, 0, None)),  # ended the day before
        (S + 1, S + 21, (1, 0, 1, 1)),
        (S + 22, S + 90, (1, 0, 0, 22)),
        (S - 50, OPEN, (1, 1, 1, 0)),
    ],
)
def test_engaged_status_and_entry(
    start: int, end: int, expected: tuple[int, int, int, int | None]
) -> None:
    found = engagement((0, start, end, 0 if end == OPEN else 80, OPIATE))
    entry = None if pd.isna(found["entry_day"]) else found["entry_day"]
    seen = (found["engaged"], found["in_treatment_0"], found["in_treatment_21"], entry)
    assert seen == expected


def test_the_first_journey_after_sentence_counts() -> None:
    found = engagement(
        (0, S - 90, S - 50, 85, OPIATE),
        (0, S + 10, S + 60, 80, ALCOHOL),
        (0, S + 200, S + 300, 85, OPIATE),
    )
    assert (found["outcome"], found["substance"]) == ("completed", "alcohol only")


def test_the_truth_equals_the_analyst_on_true_links() -> None:
    """Two implementations of the definitions, one by the study and one by the analyst."""
    people, events = frame("truth/people"), frame("ohid/events")
    withheld, requirements = frame("truth/withheld"), usable_events()
    person = people.set_index("ohid_entity_id")["moj_entity_id"]
    episodes = pd.concat([events, withheld], ignore_index=True)
    episodes["person"] = episodes["entity_id"].map(person)
    codes = {name: code for code, name in enumerate(sorted(requirements["entity_id"].unique()))}
    read = read_episodes(episodes.dropna(subset="person"), Definitions(), Problems())
    read["person"] = read["person"].map(codes)
    merged = Journeys.merge(read, Definitions().gap_days)
    who = requirements["entity_id"].map(codes).to_numpy(dtype=np.int64)
    days = pd.to_datetime(requirements["sentence_date"]).to_numpy().astype("datetime64[D]")
    date = days.astype(np.int64).astype(float)
    found = merged.next(who, date)
    expected = (
        frame("truth/engagement").set_index("requirement_id").loc[requirements["requirement_id"]]
    )
    assert (found != NONE).astype(int).tolist() == expected["engaged"].tolist()
    on_21 = merged.open_on(who, date + 21)
    assert on_21.astype(int).tolist() == expected["in_treatment_21"].tolist()
    exits = merged.pick(merged.exit, found, "")
    assert exits.tolist() == expected["outcome"].tolist()
    assert merged.pick(merged.substance, found, "").tolist() == expected["substance"].tolist()
    assert set(expected["substance"]) == {"", *SUBSTANCES}
