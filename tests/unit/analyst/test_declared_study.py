"""A declared study, computed: against counts made by hand, and against the probation study."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.variables import counts_of
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.publish.writing import Run, write_report
from blindlink.analyst.study.composing import compose
from blindlink.analyst.study.fit import check_cohort
from blindlink.analyst.study.report import analyse
from blindlink.errors import DisclosureError, MisfitError
from blindlink.schema.study.declaration import Declaration
from blindlink.schema.study.study_file import load_study, parse_study
from blindlink.studies.probation_treatment.analysis import analyse as probation
from blindlink.studies.probation_treatment.definitions import Settings
from worlds import declared as world
from worlds import simulated

a, j = world.application, world.job

APPLICATIONS = [
    a("p1", "2019-01-10"),
    a("p2", "2019-02-01", medical="yes"),
    a("p3", "2019-03-01", homeless="no", medical="yes", sex="M"),
    a("p4", "2022-11-01", sex="unknown"),
    a("p5", "2019-05-01", closed_on="2019-06-01"),
    a("p1", "2020-01-10"),
    a("p6", "2018-12-31"),
    a("p7", "2023-01-01"),
    a("p8", "2019-06-01", homeless="no"),
    a("p9", ""),
    a("p1", "2020-01-10"),
]
JOBS = [
    j("q1", "2019-01-20"),
    j("q1", "2020-06-01", "47"),
    j("q2", "2019-02-01", "41"),
    j("q3", "2021-01-01", "99"),
    j("q4", "2022-11-20", "62"),
    j("q5", "2019-07-01"),
    j("q9", "2019-07-01"),
    j("q1", "2023-02-01"),
]
LINKS = [(f"p{n}", f"q{n}") for n in (1, 2, 3, 4, 5)]


def tables(study: Declaration, cohort: Cohort) -> dict[str, Table]:
    return {table.id: table for table in analyse(study, cohort)}


@pytest.fixture(scope="module")
def small() -> dict[str, Table]:
    return tables(world.study(), world.cohort(APPLICATIONS, JOBS, LINKS, [("p8", "q9")]))


def cells(table: Table, *labels: str) -> dict[Any, tuple[int, int]]:
    """Whole and part by labels."""
    counts = counts_of(table)
    rows = table.frame.to_dict("records")
    return {
        tuple(row[n] for n in labels): (int(row[counts[0]]), int(row[counts[1]])) for row in rows
    }


def test_windows_count_those_followed_so_long(small: dict[str, Table]) -> None:
    found = cells(small["started"], "kind", "window")
    # Followed for 365 days: p1 twice, p2, p3, p5. p1's first job is on day 10, the second
    # application is followed by a job on day 143; p2's on the day itself; p5's after 61 days; p3's
    # after 672.
    assert found["All", "365 days"] == (5, 4)
    assert found["homeless", "365 days"] == (4, 4)
    assert found["medical", "365 days"] == (2, 1)
    # 84 days: not p1's second application; p4 was followed for 60 days only.
    assert found["All", "84 days"] == (5, 3)
    assert found["All", "to the end of observation"] == (6, 6)


def test_groups_and_what_is_not_recorded(small: dict[str, Table]) -> None:
    found = cells(small["started_by_group"], "characteristic", "group", "kind")
    assert found["Sex", "men", "All"] == (1, 0)
    assert found["Sex", "women", "All"] == (4, 4)
    assert found["Age at the application", "25 to 34", "All"] == (5, 4)
    assert found["Year of the application", "2020", "homeless"] == (1, 1)
    # The one of unknown sex was not followed for so long.
    assert ("Sex", "not recorded", "All") not in found


def test_who_came_how_far_and_why_others_did_not(small: dict[str, Table]) -> None:
    flow = small["flow"].frame.set_index("stage")
    assert flow["applications"].to_dict() == {
        "received": 11, "valid": 8, "eligible": 6, "candidate in employment": 6,
        "linked with employment": 6, "started a job": 6,
    }  # fmt: skip
    assert flow["persons"].tolist() == [9, 7, 5, 5, 5, 5]
    lost = small["flow_losses"].frame.set_index("reason")["applications"].to_dict()
    assert lost == {
        "before the observation (2019-01-01)": 1, "after the observation (2022-12-31)": 1,
        "of no declared kind": 1, "no applied_on": 1, "stands twice by its application_id": 1,
    }  # fmt: skip


def test_the_first_job_and_the_rate(small: dict[str, Table]) -> None:
    sector = cells(small["sector"], "kind", "level")
    # p1: care and shops; p2 building; p3 unknown; p4 another; p5 care.
    assert sector["All", "care and health"] == (6, 2)
    assert sector["All", "shops and transport"] == (6, 1)
    assert sector["All", "another sector"] == (6, 2)
    row = small["rate"].frame.iloc[0]
    years = (10 + 0 + 672 + 19 + 61) / 365.25
    assert (row["persons"], row["with_event"]) == (5, 5)
    assert row["person_years"] == pytest.approx(years)
    assert row["rate"] == pytest.approx(5000 / years)


def big(number: int = 700, seed: int = 3, effect: float = 1.0) -> Cohort:
    """Many applications; jobs at a rate that ``effect`` multiplies for the homeless."""
    rng = np.random.Generator(np.random.PCG64(seed))
    start = np.datetime64("2019-01-01")
    register, office, links = [], [], []
    for n in range(number):
        kinds = rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2])
        day = start + rng.integers(0, 1300)
        closed = str(day + int(rng.exponential(500)) + 1)
        register.append(
            a(
                f"p{n // 2 if n < 60 else n}", str(day), application_id=str(n),
                homeless="no" if kinds == 1 else "yes", medical="yes" if kinds else "no",
                sex=rng.choice(["F", "M"]), age=str(rng.integers(18, 65)),
                district=rng.choice(["North", "East", "South", "West"]), closed_on=closed,
            )
        )  # fmt: skip
        wait = rng.exponential(700 / (effect if kinds != 1 else 1.0))
        office.append(j(f"q{n}", str(day + int(wait)), rng.choice(["86", "47", "41", "62"])))
        if n >= 60 or n % 2 == 0:
            links.append((f"p{n // 2 if n < 60 else n}", f"q{n}"))
    return world.cohort(register, office, links)


@pytest.fixture(scope="module")
def large() -> dict[str, Table]:
    return tables(world.study(('by = ["sex", "age", "district", "year"]', 'by = ["sex"]')), big())


def test_incidence_is_that_of_statsmodels(large: dict[str, Table]) -> None:
    cohort = big()
    register, office = (cohort.tables[key] for key in sorted(cohort.tables, reverse=True))
    linked = cohort.links.merge(office, left_on="right", right_on="person")
    times, events = [], []
    for row in register.to_dict("records"):
        own = linked.loc[linked["left"] == row["person"], "started_on"]
        day = pd.Timestamp(row["applied_on"])
        waits = [(pd.Timestamp(x) - day).days for x in own if pd.Timestamp(x) >= day]
        waits = [w for w in waits if day + pd.Timedelta(days=w) <= pd.Timestamp("2022-12-31")]
        ends = [min(waits, default=np.inf), (pd.Timestamp(row["closed_on"]) - day).days]
        ends.append((pd.Timestamp("2022-12-31") - day).days)
        first = int(np.argmin(ends))
        times.append(ends[first])
        events.append((1, 2, 0)[first])
    # statsmodels wants times above 0.
    theirs = CumIncidenceRight(np.array(times) + 1, np.array(events))
    ours = large["entry"].frame
    ours = ours[ours["kind"] == "All"]
    for number, event in enumerate(("started a job", "application closed first")):
        for row in ours[ours["event"] == event].to_dict("records"):
            known = theirs.times <= row["day"] + 1
            expected = 100 * theirs.cinc[number][known][-1] if known.any() else 0.0
            assert row["incidence"] == pytest.approx(expected)


def test_every_count_has_its_population_and_the_gate_protects_them(
    large: dict[str, Table],
) -> None:
    for table in large.values():
        for name in counts_of(table):
            known = [each is not None for each in table.populations[name]]
            assert all(known) or table.id in ("checks", "links"), (table.id, name)
    safe, audit = release(list(large.values()), Policy(threshold=5))
    assert audit.exposed == 0
    started = next(table for table in safe if table.id == "started")
    assert started.value(started.row(kind="All", window="365 days"), "share") is not None


def test_a_count_that_contradicts_its_population_is_refused(large: dict[str, Table]) -> None:
    wrong = large["started"].frame.copy()
    wrong["started_a_job"] += np.arange(len(wrong)) == 0
    changed = replace(large["started"], frame=wrong)
    with pytest.raises(DisclosureError):
        release([changed, *(t for n, t in large.items() if n != "started")], Policy(threshold=5))


def test_other_pseudonyms_and_another_order_of_rows_change_nothing() -> None:
    first = big(300)
    names = {name: f"x{hash((name, 5)) & 0xFFFFFF:06x}{name}" for name in first.people["person"]}
    shuffled = replace(
        first,
        people=first.people.assign(person=first.people["person"].map(names)).sample(frac=1),
        links=first.links.assign(
            left=first.links["left"].map(names), right=first.links["right"].map(names)
        ),
        candidates=first.candidates.assign(
            left=first.candidates["left"].map(names), right=first.candidates["right"].map(names)
        ),
        tables={
            key: table.assign(person=table["person"].map(names)).sample(
                frac=1, random_state=1, ignore_index=True
            )
            for key, table in first.tables.items()
        },
    )
    for one, other in zip(
        analyse(world.study(), first), analyse(world.study(), shuffled), strict=True
    ):
        pd.testing.assert_frame_equal(one.frame, other.frame)


def test_a_model_finds_an_effect_and_its_direction() -> None:
    rows = tables(world.study(), big(900, effect=4.0))["who"].frame
    kind = rows[(rows["variable"] == "Reason for the application: homeless")]
    odds = kind[kind["level"] == "yes"].iloc[0]
    assert odds["odds_ratio_low"] > 1
    assert set(rows["variable"]) >= {"Per year later", "District", "Sex"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("housing", "applications", None, None), "housing has no table applications"),
        (("employment", "jobs", "sector", None), "employment.jobs has no column sector"),
        (("housing", "applications", "homeless", "perhaps"), "has undeclared labels in 700 rows"),
        (("housing", "applications", "medical", "no"), "no application is of the kind medical"),
        (("housing", "applications", "applied_on", "2019-03"), "holds months or years"),
    ],
)
def test_a_cohort_of_another_study_is_refused_by_name(
    change: tuple[str, str, str | None, str | None], said: str
) -> None:
    cohort = big()
    owner, name, column, value = change
    held = dict(cohort.tables)
    if column is None:
        del held[owner, name]
    elif value is None:
        held[owner, name] = held[owner, name].drop(columns=column)
    else:
        held[owner, name] = held[owner, name].assign(**{column: value})
    with pytest.raises(MisfitError) as caught:
        check_cohort(world.study(), replace(cohort, tables=held))
    assert said in caught.value.message
    assert caught.value.exit_code == 25
    assert "perhaps" not in caught.value.message


def test_numbers_in_bands_are_refused_where_the_study_needs_numbers() -> None:
    needs = world.study((', coarsest = "band:5"', ""))
    with pytest.raises(MisfitError, match=r"applications.age holds bands"):
        check_cohort(needs, world.cohort(APPLICATIONS, JOBS, LINKS))


def test_kinds_that_are_disjoint_may_not_meet() -> None:
    overlap = next(line for line in world.HOUSING.splitlines() if line.startswith("overlap"))
    with pytest.raises(MisfitError, match="1 applications are of several kinds"):
        check_cohort(world.study((overlap, "")), world.cohort(APPLICATIONS, JOBS, LINKS))


def test_an_observation_in_which_nobody_applied_is_told_with_counts() -> None:
    later = world.study(
        ("start = 2019-01-01", "start = 2029-01-01"), ("end = 2022-12-31", "end = 2031-12-31")
    )
    with pytest.raises(MisfitError, match=r"before the observation \(2029-01-01\): 8"):
        analyse(later, world.cohort(APPLICATIONS, JOBS, LINKS))


MEASURED = """
[owners.employment.tables.pay]
row = "payslip"

[owners.employment.tables.pay.columns]
paid_on = { type = "date" }
hours = { type = "number", unit = "hours" }

[forms.pay]
owner = "employment"
table = "pay"
name = "payslip"
date = "paid_on"
values = { hours = "hours a week" }

[measures.hours]
type = "change"
title = "Change of hours"
forms = "pay"
days = 365

[report]"""


def test_the_change_between_two_measurements_is_of_those_who_have_both() -> None:
    cohort = world.cohort(APPLICATIONS, JOBS, LINKS)
    pay = pd.DataFrame(
        [
            ("q1", "2019-02-01", "10"), ("q1", "2019-03-01", "30"), ("q1", "2019-04-01", "16"),
            ("q2", "2019-02-10", "20"), ("q2", "2019-12-10", "22"),
            ("q5", "2019-06-10", "9"), ("q9", "2019-07-10", "5"),
        ],
        columns=["person", "paid_on", "hours"],
    )  # fmt: skip
    held = {**cohort.tables, ("employment", "pay"): pay}
    made = tables(world.study(("[report]", MEASURED)), replace(cohort, tables=held))
    row = made["hours"].frame.set_index("kind").loc["All"]
    # p1's first application: 10 to 16; p2: 20 to 22; p5 once.
    assert (row["with_one"], row["with_two"]) == (3, 2)
    assert (row["first"], row["change"]) == (15, 4)


def test_the_page_is_made_of_declared_words(large: dict[str, Table], tmp_path: Path) -> None:
    study = world.study(("version = 1", "version = 7"))
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    run = Run(study, Policy(), 1, now, info={"study": {"name": study.name}})
    made = write_report(
        list(large.values()), tmp_path / "out",
        lambda safe, audit: compose(study, safe, audit, run), run,
    )  # fmt: skip
    page = made.page.read_text(encoding="utf-8")
    for words in ("From the housing register to work", "started a job", "version 7", "homeless"):
        assert words in page
    for words in ("ATR", "probation", "NDTMS", "treatment"):
        assert words not in page
    assert json.loads((tmp_path / "out" / "run.json").read_text())["cohort"]["study"]


@pytest.fixture(scope="module")
def known() -> Cohort:
    made = simulated.known_study(requirements=900, seed=8).cohort
    info = {**made.info, "owners": ["moj", "ohid"], "linkage_reports": []}
    return replace(made, info=info)


def test_the_probation_study_as_declared_counts_what_its_own_program_counts(
    known: Cohort,
) -> None:
    study = load_study(world.STUDIES / "probation_treatment")
    ours = tables(study, known)
    theirs = {t.id: t for t in probation(known, Settings(replicates=50), seed=1)}
    engaged = cells(ours["engaged"], "kind", "window")
    corrected = theirs["engagement_corrected"].frame.set_index("requirement")
    for kind in ("ATR", "DRR", "All"):
        both = tuple(corrected.loc[kind, ["requirements", "engaged"]])
        assert engaged[kind, "to the end of observation"] == both
    outcome = cells(ours["outcome"], "kind", "split", "level")
    full = theirs["outcomes"].frame
    full = full[full["measured"] == "end of observation"]
    names = {"full": "in full", "four-way": "folded"}
    counted = counts_of(theirs["outcomes"])[1]
    for kind, split, name, number in full[["requirement", "split", "outcome", counted]].to_numpy():
        assert outcome[kind, names[split], name][1] == number
    status = cells(ours["status"], "kind", "day", "state")
    by_day = theirs["status"].frame[["requirement", "day", "followed", "in_treatment"]]
    for kind, day, followed, now in by_day.to_numpy():
        if day in (0, 21, 84, 365):
            assert status[kind, day, "open"] == (followed, now)
    curves = theirs["entry_curves"].frame
    curves = curves[curves["curve"] == "within the order"]
    mine = ours["entry"].frame.set_index(["kind", "event", "day"])["incidence"]
    shared = 0
    entered = curves[curves["event"] == "entered treatment"]
    for kind, day, value in entered[["requirement", "day", "incidence"]].to_numpy():
        key = (kind, "engaged with treatment", day)
        if key in mine.index:
            shared += 1
            assert mine[key] == pytest.approx(value)
    assert shared > 10


def test_a_study_without_kinds_or_groups_is_one() -> None:
    text = world.HOUSING
    cut = text[text.index("[kinds]") : text.index("# What may happen")]
    model = text[text.index("[[models]]") : text.index("[report]")]
    plain = text.replace(cut, "").replace(model, "").replace(', "who"]', "]")
    plain = plain.replace('by = ["sex", "age", "district", "year"]', "by = []")
    made = tables(parse_study(plain.encode()), world.cohort(APPLICATIONS, JOBS, LINKS))
    assert "kind" not in made["started"].columns
    assert int(made["started"].frame.iloc[0]["applications"]) == 6


def test_shares_are_corrected_for_links_that_were_missed() -> None:
    """Of the true links a fifth is lost; the linker says that it finds four in five."""
    whole = big(1500, seed=6)
    found = {"value": 0.8, "low": 0.78, "high": 0.82}
    told = whole.info["linkage_reports"][0]
    report = {**told, "report": {**told["report"], "sensitivity": found}}
    info = {**whole.info, "controls": {"housing": {"number": 2000, "linked": 0}}}
    kept = np.random.Generator(np.random.PCG64(1)).random(len(whole.links)) < 0.8
    missed = replace(
        whole, links=whole.links[kept], candidates=whole.candidates[kept],
        info={**info, "linkage_reports": [report]},
    )  # fmt: skip
    full = tables(world.study(), whole)["started"]
    names = ["share", "corrected", "corrected_low", "corrected_high", "bound_low", "bound_high"]
    true = full.frame["share"].to_numpy()
    seen = tables(world.study(), missed)["started"].frame[names].to_numpy(dtype=float)
    share, middle, low, high, least, most = seen.T
    assert (share < 0.9 * true).all()
    assert ((low < true) & (true < high)).all()
    assert ((least <= middle) & (middle <= most)).all()
    # Nobody said anything of missed links: no corrected figure, and a note says so.
    assert full.frame["corrected"].isna().all()
    assert any("unknown" in note for note in full.notes)
