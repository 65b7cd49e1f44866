"""Bad input of the payload tables: counted, named, treated as documented, never dropped unseen."""

import datetime as dt
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from blindlink.analyst.estimate.columns import day_number, days, numbers, texts
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.extracts import (
    Problems,
    read_episodes,
    read_forms,
    read_requirements,
)
from worlds import simulated

RULES = Definitions()
r, e = simulated.requirement, simulated.episode


def found(problems: Problems) -> dict[str, int]:
    frame = problems.frame()
    return dict(frame.loc[frame["rows"] > 0, ["problem", "rows"]].itertuples(index=False))


def read(*rows: dict[str, str]) -> tuple[pd.DataFrame, dict[str, int]]:
    problems = Problems()
    people = pd.Index(["A", "B", "C"])
    return read_requirements(pd.DataFrame(list(rows)), people, RULES, problems), found(problems)


def test_a_good_requirement_is_eligible_and_nothing_is_reported() -> None:
    frame, problems = read(r("A", "2020-01-01"))
    assert frame["stage"].tolist() == [2]
    assert problems == {}


@pytest.mark.parametrize(
    ("changes", "stage", "reason"),
    [
        ({"person": ""}, 0, "no person"),
        ({"person": "Z"}, 0, "no person"),
        ({"requirement": "XYZ"}, 0, "unknown requirement"),
        ({"sentence_date": ""}, 0, "no sentence date"),
        ({"sentence_date": "soon"}, 0, "no sentence date"),
        ({"sentence_date": "2020-02-31"}, 0, "no sentence date"),
        ({"sentence_date": "2018-07-31"}, 1, "sentenced before the observation"),
        ({"sentence_date": "2022-04-01"}, 1, "sentenced after the observation"),
        ({"order_type": "custody"}, 1, "other type of order"),
    ],
)
def test_a_requirement_that_cannot_be_used_says_why(
    changes: dict[str, str], stage: int, reason: str
) -> None:
    frame, problems = read(r("A", "2020-01-01") | changes, r("B", "2020-01-01"))
    assert frame["stage"].tolist() == [stage, 2]
    assert frame["reason"].tolist() == [reason, ""]
    assert problems == {reason: 1}


def test_the_first_and_last_day_of_observation_count() -> None:
    frame, _ = read(r("A", "2018-08-01"), r("B", "2022-03-31"))
    assert frame["stage"].tolist() == [2, 2]


def test_duplicate_requirements_count_once_whatever_their_order() -> None:
    first, again = r("A", "2020-01-01"), r("A", "2020-01-01") | {"ogrs3_score": "60"}
    one, problems = read(first, again)
    other, _ = read(again, first)
    assert problems == {"duplicate requirement": 1}
    kept = [frame.loc[frame["stage"] == 2, "ogrs3_score"].tolist() for frame in (one, other)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 1


def test_a_requirement_number_of_two_persons_is_reported_and_both_count() -> None:
    frame, problems = read(
        r("A", "2020-01-01"), r("B", "2020-02-01") | {"requirement_id": "RA2020-01-01ATR"}
    )
    assert problems == {"requirement number of two persons": 2}
    assert (frame["stage"] == 2).all()


def test_impossible_values_are_set_to_missing_and_counted() -> None:
    frame, problems = read(
        r("A", "2020-01-01", ogrs3_score="101", age_at_sentence="-3", rsr_score="abc"),
        r("B", "2020-01-01", termination_date="2019-12-31", deceased_date="2019-01-01"),
    )
    assert frame.loc[0, ["ogrs3_score", "age_at_sentence", "rsr_score"]].isna().all()
    assert frame.loc[1, ["termination_date", "deceased_date"]].isna().all()
    assert problems == {
        "ogrs3_score unreadable or out of range": 1,
        "age_at_sentence unreadable or out of range": 1,
        "rsr_score unreadable or out of range": 1,
        "termination_date before the sentence": 1,
        "deceased_date before the sentence": 1,
    }


def test_columns_that_the_agreement_dropped_are_missing_without_an_error() -> None:
    table = pd.DataFrame([{"person": "A", "requirement": "ATR", "sentence_date": "2020-01-01"}])
    problems = Problems()
    frame = read_requirements(table, pd.Index(["A"]), RULES, problems)
    assert frame["stage"].tolist() == [2]
    assert found(problems) == {}


def test_bad_episodes() -> None:
    rows = [
        e("A", "2020-01-01", "2020-02-01", "80"),
        e("A", "", "2020-02-01", "80"),
        e("A", "yesterday"),
        e("A", "2020-03-01", "2020-02-01", "80"),
        e("A", "2022-04-01"),
        e("B", "2020-01-01", "2020-02-01", "77"),
        e("B", "2020-04-01", "2020-05-01", ""),
        e("B", "2020-07-01", "", "80"),
        e("B", "2020-10-01", "later", ""),
        e("C", "2020-01-01", "2020-02-01", "85", drug_1="4321", drug_2="zzz", drug_3="12"),
    ]
    problems = Problems()
    frame = read_episodes(pd.DataFrame([*rows, rows[0]]), RULES, problems)
    assert found(problems) == {
        "no triage date": 1,
        "unreadable triage date": 1,
        "discharged before triage": 1,
        "triage after the observation": 1,
        "unknown discharge reason": 1,
        "discharged without a reason": 1,
        "reason without a discharge in the observation": 1,
        "unreadable discharge date": 1,
        "unknown drug code": 1,
        "duplicate episode": 1,
        "overlaps another episode": 1,
    }
    assert frame["outcome"].tolist() == [
        "completed",
        "inconsistent",
        "inconsistent",
        "still in treatment",
        "still in treatment",
        "dropped out",
    ]


def test_an_episode_number_is_the_agencys_own_so_two_persons_may_share_one() -> None:
    rows = [e("A", "2020-01-01", episode_id="1"), e("B", "2020-01-01", episode_id="1")]
    assert len(read_episodes(pd.DataFrame(rows), RULES, Problems())) == 2


def test_bad_forms() -> None:
    rows = [
        {"person": "A", "top_date": "2020-01-01", "stage": "start", "alcohol_days": "29"},
        {"person": "A", "top_date": "2020-01-01", "stage": "start", "alcohol_days": "28"},
        {"person": "A", "top_date": "", "stage": "start", "alcohol_days": "3"},
        {"person": "A", "top_date": "2020-01-01", "stage": "middle", "alcohol_days": "x"},
    ]
    problems = Problems()
    frame = read_forms(pd.DataFrame(rows), problems)
    assert len(frame) == 2
    assert np.isnan(frame["alcohol"][0])
    assert frame["alcohol"][1] == 28
    assert found(problems) == {
        "alcohol days not within 0 to 28": 2,
        "no or unreadable date": 1,
        "unknown stage": 1,
    }


def test_typed_and_text_columns_read_alike() -> None:
    date, number = [dt.date(2020, 1, 1), None], [5, None]
    table = pa.table({"date": pa.array(date, pa.date32()), "n": pa.array(number, pa.int64())})
    file = io.BytesIO()
    pa.parquet.write_table(table, file)
    typed = pa.parquet.read_table(file).to_pandas(date_as_object=False)
    plain = pd.DataFrame({"date": ["2020-01-01", ""], "n": ["5", ""]})
    for frame in (typed, plain, typed.astype({"date": object})):
        values, bad = days(frame["date"])
        assert values[0] == day_number("2020-01-01")
        assert np.isnan(values[1])
        assert not bad.any()
        assert numbers(frame["n"])[0][0] == 5
        assert texts(frame["n"]).tolist() == ["5", ""]


def test_generalised_values_count_as_the_middle_of_what_they_may_mean() -> None:
    assert days(pd.Series(["2020-03", "2020"]))[0].tolist() == [
        day_number("2020-03-15"),
        day_number("2020-07-01"),
    ]
    assert numbers(pd.Series(["30-34", "7", "7.5"]))[0].tolist() == [32.0, 7.0, 7.5]
    written = ["1,095", ".35", "1.001E+03", "80.0", "NULL", "many"]  # as the owners' reader has it
    values, bad = numbers(pd.Series(written))
    assert values.tolist()[:4] == [1095.0, 0.35, 1001.0, 80.0]
    assert bad.tolist() == [False] * 5 + [True]
