"""Observed, corrected and bounded shares on studies whose truth is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.estimate.columns import Floats
from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction
from blindlink.studies.probation_treatment.definitions import COMPLETED, Prior, Settings
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import build
from worlds import simulated

SURE = {"value": 1.0, "low": 1.0, "high": 1.0}


def correction(cohort: object, settings: Settings) -> Correction:
    pathways = build(cohort, settings)  # type: ignore[arg-type]
    rates = error_rates(pathways.info, settings, 1)
    bootstrap = Bootstrap.draw(pathways.left_people, settings.replicates, 2)
    return Correction(pathways, rates, bootstrap, 3)


def _settings(s: float, **changes: object) -> Settings:
    prior = Prior(name="all", value=s, low=s - 0.02, high=s + 0.02, source="truth")
    return Settings(priors=(prior,), replicates=300, **changes)


def test_no_error_at_all_leaves_the_observed_share() -> None:
    rows = [simulated.requirement(f"P{i:03}", "2020-01-01") for i in range(200)]
    episodes = [simulated.episode(f"T{i:03}", "2020-02-01") for i in range(200)]
    links = [(f"P{i:03}", f"T{i:03}") for i in range(60)]
    settings = Settings(priors=(), replicates=100)
    cohort = simulated.cohort(
        rows, episodes, links, controls=(0, 10**9), linkage=simulated.report(sensitivity=SURE)
    )
    frame = correction(cohort, settings)
    row = frame.shares(frame.count(ENGAGED)).iloc[0]
    assert row["observed"] == 0.3
    assert row["corrected"] == pytest.approx(0.3, abs=1e-6)
    assert row["whole"] == 200
    assert row["part"] == 60
    assert not row["clipped"]


def test_the_corrected_share_by_hand() -> None:
    # 100 people, 40 linked and engaged; f = 0.05, q = 1 (every stranger is in treatment), s = 0.8:
    # false links 0.05 x 0.6 / 0.95, so (0.4 - 0.0315789) / 0.8 = 0.4605263.
    rows = [simulated.requirement(f"P{i:03}", "2020-01-01") for i in range(100)]
    episodes = [simulated.episode(f"T{i:03}", "2019-12-01") for i in range(100)]
    links = [(f"P{i:03}", f"T{i:03}") for i in range(40)]
    sure = simulated.report(sensitivity={"value": 0.8, "low": 0.8, "high": 0.8})
    cohort = simulated.cohort(rows, episodes, links, controls=(5 * 10**7, 10**9), linkage=sure)
    frame = correction(cohort, Settings(priors=(), replicates=100))
    row = frame.shares(frame.count(ENGAGED)).iloc[0]
    assert row["corrected"] == pytest.approx((0.4 - 0.05 * 0.6 / 0.95) / 0.8, abs=1e-6)
    assert row["bound_low"] < row["corrected_low"] < row["corrected"]
    assert row["corrected"] < row["corrected_high"] < row["bound_high"]


def test_all_kinds_together_add_up_the_corrected_numbers(
    study: simulated.Known, frame: Correction
) -> None:
    settings = _settings(study.reach)
    frame = correction(study.cohort, settings)
    rows = frame.shares(frame.count(ENGAGED))
    numbers = rows["corrected"] * rows["whole"]
    assert numbers[2] == pytest.approx(numbers[0] + numbers[1])
    assert rows["part"][2] == rows["part"][0] + rows["part"][1]


def test_the_correction_finds_the_truth_that_the_links_hide(
    study: simulated.Known, frame: Correction
) -> None:
    rows = frame.shares(frame.count(ENGAGED))
    lines: Any = rows.itertuples()
    for row, truth in zip(lines, study.engaged, strict=True):
        assert row.corrected_low < truth < row.corrected_high
        assert row.bound_low < truth < row.bound_high
        assert abs(row.observed - truth) > abs(row.corrected - truth)
    overall = rows.iloc[2]
    assert not overall["observed_low"] < study.engaged[2] < overall["observed_high"]


def test_shares_among_the_engaged_do_not_move_when_missed_links_are_alike(
    study: simulated.Known, frame: Correction
) -> None:
    among = frame.ratio(frame.count(COMPLETED), frame.count(ENGAGED)).iloc[2]
    assert among["corrected_low"] < study.completed < among["corrected_high"]


def test_groups_add_up_to_the_whole(study: simulated.Known, frame: Correction) -> None:
    women = (frame.pathways.cases["sex"] == "F").to_numpy().astype(np.int64)
    by_sex = frame.shares(frame.count(ENGAGED, group=women, groups=2))
    overall = frame.shares(frame.count(ENGAGED))
    assert by_sex.groupby("kind")["part"].sum().tolist() == overall["part"].tolist()


def test_a_group_of_nobody_has_no_share_and_a_group_of_one_has_a_wide_one(
    study: simulated.Known, frame: Correction
) -> None:
    group = np.full(len(frame.person), -1)
    group[0] = 0
    rows = frame.shares(frame.count(ENGAGED, group=group, groups=2))
    one = rows[(rows["group"] == 0) & (rows["whole"] == 1)].iloc[0]
    assert one["observed_high"] - one["observed_low"] > 0.7
    assert one["corrected_high"] - one["corrected_low"] > 0.7
    nobody = rows[rows["group"] == 1]
    assert (nobody["whole"] == 0).all()
    assert nobody[["observed", "corrected", "bound_low"]].isna().all(axis=None)


def test_without_error_rates_only_bounds_stand(study: simulated.Known, frame: Correction) -> None:
    bare = simulated.replace_info(study.cohort, {"linkage_report": {}})
    frame = correction(bare, Settings(replicates=100, false_link_maximum=0.1))
    row = frame.shares(frame.count(ENGAGED)).iloc[2]
    assert np.isnan(row["corrected"])
    assert row["bound_low"] < study.engaged[2] < row["bound_high"]


def test_a_share_below_the_false_links_is_clipped_and_marked() -> None:
    rows = [simulated.requirement(f"P{i:03}", "2020-01-01") for i in range(300)]
    episodes = [simulated.episode(f"T{i:03}", "2019-12-01") for i in range(300)]
    cohort = simulated.cohort(rows, episodes, [("P000", "T000")], controls=(30, 100))
    frame = correction(cohort, Settings(replicates=100))
    row = frame.shares(frame.count(ENGAGED)).iloc[0]
    assert row["corrected"] == 0
    assert row["clipped"]


def test_what_strangers_count_for_comes_from_doubtful_candidates(
    study: simulated.Known, frame: Correction
) -> None:
    q: Floats = frame.counts_as(ENGAGED)[0]
    assert frame.pairs_source == "the released candidates"
    assert frame.pairs["chance"].max() <= 0.99
    others = frame.pairs[~frame.pairs["linked"]]
    assert not np.isin(others["right"], frame.pathways.links["right"]).any()
    assert ((q > 0.2) & (q < 0.9)).all()
    sure = study.cohort.links.assign(probability=1.0)
    other = correction(simulated.replace_candidates(study.cohort, sure), _settings(study.reach))
    assert other.pairs_source == "all free treatment records, paired at random"
    assert other.counts_as(ENGAGED)[0] == pytest.approx(q, abs=0.15)


def test_true_records_among_the_doubtful_do_not_speak_for_strangers() -> None:
    """Records count where they are right, with probability .8 or .3, and never where they are not.

    P T + (1 - P) S is P itself, so T is 1 and S is 0; the mean over wrong pairs by weight is .34.
    """
    rows, episodes, pairs = [], [], []
    for number in range(2000):
        likely, right = number % 2 == 0, number % 10 in (0, 2, 4, 6) or number % 20 in (1, 3, 5)
        rows.append(simulated.requirement(f"P{number:04}", "2020-01-01"))
        start, end = ("2020-01-10", "2020-03-01") if right else ("2018-05-01", "2018-06-01")
        episodes.append(simulated.episode(f"T{number:04}", start, end, "80"))
        pairs.append((f"P{number:04}", f"T{number:04}", 0.8 if likely else 0.3, "clk"))
    candidates = pd.DataFrame(pairs, columns=simulated.PAIRS)
    links = candidates[candidates["probability"] > 0.5].reset_index(drop=True)
    cohort = simulated.cohort(rows, episodes, links, candidates=candidates)
    q = correction(cohort, Settings(replicates=50)).counts_as(ENGAGED)[0]
    assert q[0] == pytest.approx(0, abs=0.02)


@pytest.fixture(scope="module")
def study() -> simulated.Known:
    return simulated.known_study(requirements=3000, seed=11)


@pytest.fixture(scope="module")
def frame(study: simulated.Known) -> Correction:
    return correction(study.cohort, _settings(study.reach))


def test_the_study_is_what_the_tests_take_it_for(study: simulated.Known, frame: Correction) -> None:
    assert isinstance(study.cohort.links, pd.DataFrame)
    assert study.reach == 0.85


def _many(
    rows: list[dict[str, object]],
    episodes: list[dict[str, object]],
    links: list[tuple[str, str]],
    controls: tuple[int, int],
) -> Correction:
    """A study in which somebody may have several links, and every true record is found."""
    report = simulated.report(sensitivity=SURE, cardinality="one-to-many")
    cohort = simulated.cohort(rows, episodes, links, controls=controls, linkage=report)
    return correction(cohort, Settings(priors=(), replicates=60))  # fmt: skip


def test_what_a_further_record_changes_of_the_first_journey() -> None:
    r, e = simulated.requirement, simulated.episode
    found = _many(
        [r("EARLY", "2020-01-01"), r("LATE", "2020-01-01"), r("NONE", "2020-01-01")],
        [
            e("A", "2020-01-05", "2020-01-20", "80"),
            e("B", "2020-06-01", "2020-07-01", "80"),
            e("STRANGER", "2020-03-01", "2020-03-10", "85", drug_1="1011"),
        ],
        [("EARLY", "A"), ("LATE", "B")],
        (5, 100),
    )
    some, changed = found.changes
    case = some["case"].to_numpy()
    assert set(case) == {0, 1, 2}
    day = found.observed[ENGAGED]
    by_case = {name: [set(values[case == c]) for c in range(3)] for name, values in changed.items()}
    early, late, none = (
        next(c for c in range(3) if key(c))
        for key in (
            lambda c: day[c] and found.pathways.cases["entry"][c] == 4,
            lambda c: day[c] and found.pathways.cases["entry"][c] > 100,
            lambda c: not day[c],
        )
    )
    assert by_case["opiate"][early] == by_case[COMPLETED][early] == {0}
    assert by_case["opiate"][late] == by_case["dropped out"][late] == {1}
    assert by_case["alcohol only"][late] == by_case[COMPLETED][late] == {-1}
    assert by_case["opiate"][none] == by_case[ENGAGED][none] == {1}


def test_what_a_doubtful_link_changed_is_found_by_taking_it_away() -> None:
    rows = [simulated.requirement(f"P{i:03}", "2020-01-01") for i in range(600)]
    episodes = [simulated.episode(f"T{i:03}", "2020-01-05", "2020-02-01", "80") for i in range(600)]
    links = pd.DataFrame(
        [(f"P{i:03}", f"T{i:03}", 0.6, "clk") for i in range(600)], columns=simulated.PAIRS
    )
    some, changed = correction(
        simulated.cohort(rows, episodes, links), Settings(replicates=50)
    ).changes
    assert len(some) == 600
    assert set(changed[ENGAGED]) == set(changed[COMPLETED]) == {1}
    assert set(changed["dropped out"]) == {0}


def test_strangers_on_top_of_true_records_are_taken_out_of_shares_of_first_journeys() -> None:
    """Nobody truly has opiates; every stranger has. One in ten is linked to a stranger as well."""
    rng, people = np.random.default_rng(5), 3000
    first = pd.Timestamp("2020-01-01")

    def day(number: int) -> str:
        return f"{first + pd.Timedelta(days=int(number)):%Y-%m-%d}"

    rows = [simulated.requirement(f"P{i}", "2020-01-01") for i in range(people)]
    own = [
        simulated.episode(f"T{i}", day(at), day(at + 60), "80")
        for i, at in enumerate(rng.integers(0, 300, people // 2))
    ]
    others = [
        simulated.episode(f"S{i}", day(at), day(at + 60), "85", drug_1="1011")
        for i, at in enumerate(rng.integers(-300, 300, people))
    ]
    fooled = rng.permutation(people)[: people // 10]
    links = [(f"P{i}", f"T{i}") for i in range(people // 2)]
    links += [(f"P{person}", f"S{i}") for i, person in enumerate(fooled)]
    found = _many(rows, own + others, links, (10**8, 10**9))
    shares = found.ratio(found.count("opiate"), found.count(ENGAGED)).iloc[0]
    assert shares["observed"] > 0.07
    assert shares["corrected"] == pytest.approx(0, abs=0.015)
