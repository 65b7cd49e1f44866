"""Each statistic on a study small enough to count by hand."""

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.publish.tables import Table
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.pathways import Pathways, build
from blindlink.studies.probation_treatment.statistics.breach import breach
from blindlink.studies.probation_treatment.statistics.deaths import deaths
from blindlink.studies.probation_treatment.statistics.engagement import engagement
from blindlink.studies.probation_treatment.statistics.flow import flow, losses
from blindlink.studies.probation_treatment.statistics.linkage import accept, methods, sensitivity
from blindlink.studies.probation_treatment.statistics.outcomes import (
    chain,
    outcomes,
    representation,
)
from blindlink.studies.probation_treatment.statistics.status import status
from blindlink.studies.probation_treatment.statistics.substances import substances
from blindlink.studies.probation_treatment.statistics.top import top
from blindlink.studies.probation_treatment.statistics.unlinked import linked_unlinked
from worlds import simulated

r, e = simulated.requirement, simulated.episode


def study(requirements: list, episodes: list, links: object, **more: object) -> Pathways:
    return build(simulated.cohort(requirements, episodes, links, **more), Settings())  # type: ignore[arg-type]


def rows(table: Table, **labels: object) -> pd.DataFrame:
    frame = table.frame
    for name, value in labels.items():
        frame = frame[frame[name] == value]
    return frame


def row(table: Table, **labels: object) -> pd.Series:
    found = rows(table, **labels)
    assert len(found) == 1
    return found.iloc[0]


#            sentence     what happens                                      person  treatment
# RA  ATR    2020-01-01   in treatment on the day, completed 2020-02-10     A       a
# RA2 DRR    the same sentence as RA                                        A       a
# RB  DRR    2020-01-01   enters on day 15, drops out on day 40, returns    B       b
# RC  DRR    2020-01-01   enters on day 100, still in treatment             C       c
# RD  ATR    2020-01-01   not linked, dies on day 200                       D
# RE  ATR    2022-03-20   linked, treatment ended in 2019                   E       f
@pytest.fixture(scope="module")
def small() -> Pathways:
    requirements = [
        r("A", "2020-01-01", sentence_id="1", termination_date="2020-03-01", in_breach="1"),
        r("A", "2020-01-01", sentence_id="1", requirement="DRR", termination_date="2020-03-01"),
        r("B", "2020-01-01", requirement="DRR", termination_date="2020-01-31", in_breach="1"),
        r("C", "2020-01-01", requirement="DRR", sex="F"),
        r("D", "2020-01-01", deceased_date="2020-07-19"),
        r("E", "2022-03-20"),
        r("", "2020-01-01"),
    ]
    episodes = [
        e("a", "2019-12-01", "2020-02-10", "80"),
        e("b", "2020-01-16", "2020-02-10", "85", drug_1="1011"),
        e("b", "2020-06-01", "2020-07-01", "80"),
        e("c", "2020-04-10", drug_1="5000", drug_2="7000"),
        e("f", "2019-01-01", "2019-02-01", "80"),
    ]
    links = pd.DataFrame(
        [("A", "a", 0.99, "deterministic+clk"), ("B", "b", 0.9, "clk"), ("C", "c", 0.8, "clk"),
         ("E", "f", 0.6, "clk")], columns=simulated.PAIRS,
    )  # fmt: skip
    return study(requirements, episodes, links)


def test_flow(small: Pathways) -> None:
    frame = flow(small).frame.set_index("stage")[["persons", "sentences", "requirements"]]
    assert frame.loc["received"].tolist() == [5, 6, 7]
    assert frame.loc["valid"].tolist() == [5, 5, 6]
    assert frame.loc["linked"].tolist() == [4, 4, 5]
    assert frame.loc["engaged"].tolist() == [3, 3, 4]
    assert losses(small).frame.to_numpy().tolist() == [["no person", 1]]


def test_engagement_counts_a_double_sentence_once_under_each_and_once_overall(
    small: Pathways,
) -> None:
    table = engagement(small)
    sentences = rows(table, basis="sentences").set_index("requirement")
    assert sentences["units"].to_dict() == {"ATR": 3, "DRR": 3, "All": 5}
    assert sentences["engaged"].to_dict() == {"ATR": 1, "DRR": 3, "All": 3}
    assert row(table, basis="requirements", requirement="All")["units"] == 6
    assert row(table, basis="persons", requirement="All")["units"] == 5
    assert table.totals["requirement"] is False


def test_status(small: Pathways) -> None:
    table = status(small)
    everybody = rows(table, requirement="All").set_index("day")
    names = ["followed", "in_treatment", "accessed", "not_yet", "ended", "never"]
    assert everybody.loc[0, names].tolist() == [6, 2, 2, 2, 0, 2]
    assert everybody.loc[21, names].tolist() == [5, 3, 3, 1, 0, 1]
    assert everybody.loc[42, names].tolist() == [5, 0, 3, 1, 3, 1]
    assert everybody.loc[182, names].tolist() == [5, 2, 4, 0, 2, 1]
    assert everybody.loc[21, "in_treatment_share"] == 60


def test_outcomes_at_both_dates(small: Pathways) -> None:
    table = outcomes(small)
    full = rows(table, measured="end of observation", split="full", requirement="All")
    found = full.set_index("outcome")["counted"]
    assert found[found > 0].to_dict() == {"completed": 2, "dropped out": 1, "still in treatment": 1}
    at_end = rows(table, measured="end of the order", requirement="All").set_index("outcome")
    # RA and RA2 had completed by the end of their order; RB's order ended while in treatment.
    assert at_end.loc["completed", "counted"] == 2
    assert at_end.loc["still in treatment", "counted"] == 1
    assert at_end.loc["completed", "engaged"] == 3


def test_return_after_completion(small: Pathways) -> None:
    assert row(representation(small), requirement="All")[["completed", "returned"]].tolist() == [
        2,
        0,
    ]
    back = study(
        [r("A", "2020-01-01"), r("B", "2021-12-01")],
        [e("a", "2020-01-01", "2020-02-01", "80"), e("a", "2020-08-01"),
         e("b", "2021-12-02", "2022-01-01", "80")],
        [("A", "a"), ("B", "b")],
    )  # fmt: skip
    # B is not observed for 182 days after; A comes back on day 182.
    assert row(representation(back), requirement="All")[["completed", "returned"]].tolist() == [
        1,
        1,
    ]


def test_chain(small: Pathways) -> None:
    everybody = rows(chain(small), requirement="All").set_index("stage")
    assert everybody["counted"].tolist() == [6, 4, 3, 2]
    assert everybody.loc["completed", "one_in"] == pytest.approx(3)


def test_substances(small: Pathways) -> None:
    everybody = rows(substances(small), requirement="All").set_index("substance")["counted"]
    assert everybody.to_dict() == {
        "opiate": 1,
        "non-opiate and alcohol": 1,
        "non-opiate only": 0,
        "alcohol only": 2,
        "not recorded": 0,
    }


def test_deaths_count_time_before_entry_as_not_in_treatment(small: Pathways) -> None:
    table = deaths(small)
    days = {"A": 820, "B": 820, "C": 820, "D": 200, "E": 11}
    everybody = row(table, requirement="All", group="everybody, from the first sentence")
    assert everybody["person_years"] == pytest.approx(sum(days.values()) / 365.25)
    assert everybody[["persons", "deaths"]].tolist() == [5, 1]
    assert everybody["rate"] == pytest.approx(1000 / (sum(days.values()) / 365.25))
    before = row(table, requirement="All", group="not (yet) in treatment, from the first sentence")
    assert before["person_years"] == pytest.approx((0 + 15 + 100 + 200 + 11) / 365.25)
    assert before["deaths"] == 1
    after = row(table, requirement="All", group="engaged, from entry into treatment")
    assert after["person_years"] == pytest.approx((820 + 805 + 720) / 365.25)
    during = row(table, requirement="All", group="first treatment journey, while it lasts")
    assert during["person_years"] == pytest.approx((40 + 25 + 720) / 365.25)


def test_breach(small: Pathways) -> None:
    table = breach(small)
    assert row(table, requirement="All", group="everybody")["breached"] == 2
    engaged = row(table, requirement="DRR", group="engaged")
    assert engaged[["breached", "requirements"]].tolist() == [1, 3]
    then = row(table, requirement="All", group="in treatment at three weeks")
    assert then[["breached", "requirements"]].tolist() == [2, 3]


def test_breach_that_was_not_released() -> None:
    table = breach(study([r("A", "2020-01-01") | {"in_breach": ""}], [], []))
    assert len(table.frame) == 0
    assert table.notes


def test_methods_overlap(small: Pathways) -> None:
    everybody = rows(methods(small), requirement="All").set_index("method")
    assert everybody["engaged"].to_dict() == {"clk": 4, "deterministic": 2, "All": 4}
    assert everybody.loc["All", "record"] == 5


def test_thresholds(small: Pathways) -> None:
    everybody = rows(sensitivity(small), requirement="All").set_index("threshold")["engaged"]
    assert everybody.loc[["0.5", "0.8", "0.9", "0.95", "0.99"]].tolist() == [4, 4, 3, 2, 2]


def _form(person: str, date: str, stage: str, **days: str) -> dict[str, str]:
    return {"person": person, "top_date": date, "stage": stage} | days


def test_change_in_use_pairs_the_first_start_form_with_the_last_later_form() -> None:
    forms = [
        _form("a", "2020-01-05", "start", alcohol_days="20", opiate_days="0"),
        _form("a", "2020-02-05", "review", alcohol_days="10"),
        _form("a", "2020-03-05", "exit", alcohol_days="0"),
        _form("b", "2020-01-05", "start", alcohol_days="10"),
        _form("b", "2020-02-20", "review", alcohol_days="8"),
        _form("c", "2020-01-05", "start", alcohol_days="6"),
        _form("d", "2019-06-01", "start", alcohol_days="28"),
        _form("d", "2019-07-01", "exit", alcohol_days="0"),
    ]
    episodes = [e(name, "2020-01-02", "2020-03-01", "80") for name in "abc"]
    episodes += [e("d", "2019-06-01", "2019-07-01", "80"), e("d", "2020-01-02")]
    requirements = [r(name.upper(), "2020-01-01") for name in "abcd"]
    links = [(name.upper(), name) for name in "abcd"]
    table = top(study(requirements, episodes, links, forms=forms))
    alcohol = row(table, requirement="ATR", measure="alcohol")
    # d's forms belong to an earlier journey, c has no later form.
    assert alcohol[["eligible", "paired", "abstinent"]].tolist() == [3, 2, 1]
    assert alcohol[["start_days", "later_days", "change"]].tolist() == [15.0, 4.0, -11.0]
    assert row(table, requirement="ATR", measure="opiate")["eligible"] == 0
    assert np.isnan(row(table, requirement="ATR", measure="opiate")["change"])


def test_linked_and_unlinked(small: Pathways) -> None:
    table = linked_unlinked(small)
    women = row(table, dimension="Sex", group="F")
    assert women[["persons", "linked", "unlinked"]].tolist() == [1, 1, 0]
    assert women["linked_part"] == 25
    nobody = linked_unlinked(study([r("A", "2020-01-01")], [e("a", "2020-01-01")], []))
    assert len(nobody.frame) == 0
    assert nobody.notes == ("Nobody is linked.",)


@pytest.mark.parametrize(
    ("cardinality", "expected"),
    [
        ("one-to-one", [(0, 0), (1, 1)]),
        ("one-to-many", [(0, 0), (0, 1), (0, 2)]),
        ("many-to-many", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]),
    ],
)
def test_links_are_accepted_best_first(cardinality: str, expected: list) -> None:
    left, right = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1])
    probability = np.array([0.9, 0.7, 0.6, 0.8, 0.5])
    chosen = accept(left, right, probability, cardinality)
    assert list(zip(left[chosen], right[chosen], strict=True)) == expected
