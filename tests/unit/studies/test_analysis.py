"""The whole analysis: every table holds together, on good data, on odd data and on none."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import TOTAL, Table
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from worlds import simulated

IDS = [
    "flow", "flow_losses", "data_quality", "engagement", "engagement_corrected",
    "headlines_corrected", "engagement_by_group", "benchmarks", "status", "entry_curves",
    "substances", "outcomes", "representation", "chain", "deaths", "breach", "top", "access_atr",
    "access_drr", "outcome_model", "linked_unlinked", "linkage_quality",
    "linkage_by_group", "link_counts",
    "decomposition", "dependence", "sensitivity", "linkage_methods", "engagement_imputed",
]  # fmt: skip
SETTINGS = Settings(replicates=60, imputations=2)


@pytest.fixture(scope="module")
def known() -> simulated.Known:
    return simulated.known_study(requirements=1200, seed=5)


@pytest.fixture(scope="module")
def tables(known: simulated.Known) -> dict[str, Table]:
    return {table.id: table for table in analyse(known.cohort, SETTINGS, seed=1)}


def test_every_table_is_there_once_and_in_order(tables: dict[str, Table]) -> None:
    assert list(tables) == IDS


def test_the_columns_that_other_parts_rely_on(tables: dict[str, Table]) -> None:
    assert list(tables["engagement_corrected"].columns) == [
        "requirement", "requirements", "engaged", "observed", "observed_low", "observed_high",
        "corrected", "corrected_low", "corrected_high", "bound_low", "bound_high",
    ]  # fmt: skip
    assert tables["engagement_corrected"].frame["requirement"].tolist() == ["ATR", "DRR", TOTAL]


def test_every_share_is_its_numerator_over_its_denominator(tables: dict[str, Table]) -> None:
    for table in tables.values():
        for name, column in table.columns.items():
            if column.kind == "share":
                part, whole = (
                    table.frame[x].astype(float) for x in (column.numerator, column.denominator)
                )
                expected = (100 * part / whole.where(whole > 0)).to_numpy()
                found = table.frame[name].to_numpy(dtype=float)
                assert found == pytest.approx(expected, nan_ok=True), (table.id, name)


def test_every_interval_holds_its_figure(tables: dict[str, Table]) -> None:
    for table in tables.values():
        for name, column in table.columns.items():
            if column.kind in ("low", "high"):
                figure = table.frame[column.of].astype(float)
                end = table.frame[name].astype(float)
                known = figure.notna() & end.notna()
                gap = (figure - end if column.kind == "low" else end - figure)[known]
                # Percentile bootstraps may just miss a figure at the edge of what is possible.
                assert (gap > -1.5).all(), (table.id, name)
                assert (gap > -1e-9).mean() > 0.97, (table.id, name)


def test_columns_refer_to_columns_and_counts_are_whole_numbers(tables: dict[str, Table]) -> None:
    for table in tables.values():
        for column in table.columns.values():
            for other in (column.numerator, column.denominator, column.of, column.base):
                assert other is None or other in table.columns, table.id
        for name, column in table.columns.items():
            if column.kind == "count" and len(table.frame):
                values = table.frame[name].astype(float)
                assert (values == np.floor(values)).all(), (table.id, name)
                assert (values >= 0).all(), (table.id, name)
        assert not table.frame.duplicated(table.labels()).any(), table.id


def test_totals_add_up_where_the_table_says_so(tables: dict[str, Table]) -> None:
    for table in tables.values():
        labels = table.labels()
        counts = [name for name, c in table.columns.items() if c.kind == "count"]
        if "requirement" not in labels or table.totals.get("requirement") is False:
            continue
        rest = [name for name in labels if name != "requirement"]
        whole = table.frame["requirement"] == TOTAL
        keyed = table.frame.assign(
            key=table.frame[rest].astype(str).agg("|".join, axis=1) if rest else ""
        )
        parts = keyed[~whole].groupby("key")[counts].sum()
        total = keyed[whole].set_index("key")[counts].reindex(parts.index)
        assert np.array_equal(parts.to_numpy(dtype=float), total.to_numpy(dtype=float)), table.id


def test_the_flow_never_grows(tables: dict[str, Table]) -> None:
    frame = tables["flow"].frame
    assert frame["stage"].tolist() == [
        "received",
        "valid",
        "eligible",
        "linkable",
        "linked",
        "engaged",
    ]
    for unit in ("persons", "sentences", "requirements"):
        assert (np.diff(frame[unit]) <= 0).all()


def test_figures_of_different_tables_agree(tables: dict[str, Table]) -> None:
    overall = tables["engagement_corrected"].frame.set_index("requirement").loc[TOTAL]
    flow = tables["flow"].frame.set_index("stage")
    assert overall["requirements"] == flow.loc["eligible", "requirements"]
    assert overall["engaged"] == flow.loc["engaged", "requirements"]
    full = tables["outcomes"].frame
    split = full[(full["split"] == "full") & (full["measured"] == "end of observation")]
    fold = full[full["split"] == "four-way"]
    for part in (split, fold):
        assert part[part["requirement"] == TOTAL]["counted"].sum() == overall["engaged"]
    groups = tables["substances"].frame
    assert groups[groups["requirement"] == TOTAL]["counted"].sum() == overall["engaged"]
    curve = tables["entry_curves"].frame
    last = curve[(curve["curve"] == "to the end of observation") & (curve["requirement"] == TOTAL)
                 & (curve["event"] == "entered treatment")].iloc[-1]  # fmt: skip
    assert last["events"] == overall["engaged"]
    status = tables["status"].frame
    for name in ("in_treatment", "accessed"):
        assert (status[name] <= status["followed"]).all()
    states = status[["in_treatment", "not_yet", "ended", "never"]].sum(axis=1)
    assert (states == status["followed"]).all()


def _renamed(cohort: Cohort, seed: int) -> Cohort:
    """The same cohort under other pseudonyms and in other order of rows."""
    rng = np.random.Generator(np.random.PCG64(seed))
    names = cohort.people["person"].unique()
    fresh = dict(
        zip(names, (f"{i:08x}" for i in rng.permutation(10**6)[: len(names)]), strict=True)
    )

    def moved(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
        frame = frame.assign(**{c: frame[c].map(fresh) for c in columns if c in frame})
        return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)

    return Cohort(
        people=moved(cohort.people, "person"),
        links=moved(cohort.links, "left", "right"),
        candidates=moved(cohort.candidates, "left", "right"),
        candidate_counts=moved(cohort.candidate_counts, "person"),
        tables={key: moved(frame, "person") for key, frame in cohort.tables.items()},
        info=cohort.info,
    )


def test_nothing_depends_on_pseudonyms_or_the_order_of_rows(
    known: simulated.Known, tables: dict[str, Table]
) -> None:
    other = analyse(_renamed(known.cohort, 8), SETTINGS, seed=1)
    for table in other:
        pd.testing.assert_frame_equal(table.frame, tables[table.id].frame, check_exact=True)
        assert table.notes == tables[table.id].notes


def test_another_seed_moves_intervals_and_hardly_anything_else(
    known: simulated.Known, tables: dict[str, Table]
) -> None:
    settings = SETTINGS.model_copy(update={"imputations": 0})
    corrected = {t.id: t for t in analyse(known.cohort, settings, seed=2)}["engagement_corrected"]
    before = tables["engagement_corrected"].frame
    # Few candidates here: strangers are sampled, so the corrected share moves a little too.
    assert corrected.frame["observed"].tolist() == before["observed"].tolist()
    assert corrected.frame["corrected"].tolist() == pytest.approx(
        before["corrected"].tolist(), abs=0.1
    )
    assert corrected.frame["corrected_low"].tolist() != before["corrected_low"].tolist()


r, e = simulated.requirement, simulated.episode


@pytest.mark.parametrize(
    ("what", "cohort"),
    [
        ("nothing", simulated.cohort([])),
        ("no report, no controls", simulated.cohort([], linkage={}, controls=(0, 0))),
        ("no linked rows", simulated.cohort([r("A", "2020-01-01"), r("B", "2020-01-02")],
                                            [e("X", "2020-02-01")])),
        ("nobody in treatment at all", simulated.cohort([r("A", "2020-01-01")])),
        ("one person, linked", simulated.cohort([r("A", "2020-01-01")], [e("X", "2020-02-01")],
                                                [("A", "X")])),
        ("only unusable requirements", simulated.cohort([r("", "2020-01-01"), r("A", "2030-01-01")],
                                                        [e("X", "2020-02-01")], [("A", "X")])),
        ("only unusable episodes", simulated.cohort([r("A", "2020-01-01")], [e("X", "")],
                                                    [("A", "X")])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_odd_cohorts_give_every_table_and_say_what_is_impossible(what: str, cohort: Cohort) -> None:
    tables = analyse(cohort, SETTINGS, seed=1)
    assert [table.id for table in tables] == IDS
    for table in tables:
        assert len(table.frame) or table.notes, table.id
    models = {table.id: table for table in tables}
    assert not len(models["access_atr"].frame)
    assert "needs" in models["access_atr"].notes[0]


def test_a_cohort_without_links_or_requirements_gives_a_report(tmp_path: Path) -> None:
    """The page says what is impossible; nobody engaged says something about everybody."""
    people = [r(f"P{i}", "2020-01-01", requirement=("ATR", "DRR")[i % 2]) for i in range(60)]
    cohorts = {"none": simulated.cohort([]), "alone": simulated.cohort(people)}
    for name, cohort in cohorts.items():
        made = publish(
            analyse(cohort, SETTINGS, seed=1), tmp_path / name, settings=SETTINGS,
            policy=Policy(), seed=1, now=dt.datetime(2023, 3, 30, tzinfo=dt.UTC),
        )  # fmt: skip
        assert made.audit.exposed == 0
        assert "[x]" in made.page.read_text("utf-8")


def test_models_carry_the_drawn_linkages(tables: dict[str, Table]) -> None:
    for name in ("access_atr", "access_drr", "outcome_model"):
        frame = tables[name].frame
        drawn = frame[frame["model"] == "population-averaged, links imputed"]
        assert len(drawn), name
        ratio = drawn["odds_ratio"]
        assert ((drawn["odds_ratio_low"] < ratio) & (ratio < drawn["odds_ratio_high"])).sum() > 10


def test_every_error_rate_says_whether_it_was_measured(tables: dict[str, Table]) -> None:
    frame = tables["linkage_quality"].frame.set_index("measure")
    assert frame["basis"]["false links"] == "measured"
    assert frame["basis"]["true records found (sensitivity)"] == "assumed"
    assert frame["basis"]["consent"] == "assumed"
    assert tables["linkage_quality"].columns["value"].decimals == 1
    assert "consent, assumed" in " ".join(tables["engagement_corrected"].notes)
    assert "do not depend on the outcome" in " ".join(tables["headlines_corrected"].notes)


def test_a_group_is_set_against_all_others(tables: dict[str, Table]) -> None:
    frame = tables["engagement_by_group"].frame
    frame = frame[(frame["dimension"] == "Sex") & (frame["requirement"] == TOTAL)]
    frame = frame.set_index("group")
    frame = frame[frame["requirements"] > 0]
    rest = {
        name: np.average(
            frame["corrected"].drop(name), weights=frame["requirements"].drop(name).astype(float)
        )
        for name in frame.index
    }
    # Clipping to 0 and 1, and rounding, are all that the two can differ by.
    for name, row in frame.iterrows():
        assert row["difference"] == pytest.approx(row["corrected"] - rest[name], abs=0.5)
        clear = row["difference_low"] > 0 or row["difference_high"] < 0
        assert np.isnan(row["tipping"]) or clear or abs(row["tipping"]) < 3


def test_dependence_on_the_outcome_by_hand(tables: dict[str, Table]) -> None:
    frame = tables["dependence"].frame
    assumed = frame[frame["sensitivity"] == "assumed"].set_index("odds")["corrected"]
    quality = tables["linkage_quality"].frame.set_index("measure")["value"]
    s = quality["true records found (sensitivity)"] / 100
    headline = tables["engagement_corrected"].frame.set_index("requirement")["corrected"][TOTAL]
    assert assumed["1"] == pytest.approx(headline, abs=1e-6)
    # Odds of being found times two.
    assert assumed["2"] == pytest.approx(headline * s / (2 * s / (1 - s + 2 * s)), abs=1e-6)
    by_rate = frame[frame["odds"] == "1"].set_index("sensitivity")["corrected"]
    assert by_rate["lower end"] > by_rate["assumed"] > by_rate["upper end"]


def test_corrected_odds_ratios_have_tipping_points(tables: dict[str, Table]) -> None:
    for name in ("access_atr", "access_drr"):
        frame = tables[name].frame
        corrected = frame["model"].str.endswith("corrected for linkage error")
        assert frame.loc[~corrected, "tipping"].isna().all()
        known = frame[corrected & frame["tipping"].notna()]
        up = known["odds_ratio"] > 1
        assert (known.loc[up, "tipping"] > 0).all()
        assert (known.loc[~up, "tipping"] < 0).all()


def test_imputed_and_corrected_shares_rest_on_the_same_sensitivity(
    tables: dict[str, Table],
) -> None:
    """Where candidates show nothing beyond the links, both divide by the same s."""
    imputed = tables["engagement_imputed"].frame.set_index("requirement")
    corrected = tables["engagement_corrected"].frame.set_index("requirement")["corrected"]
    assert (imputed["corrected"] - corrected).abs().max() < 2.5
    s = tables["linkage_quality"].frame.set_index("measure")["value"]
    whole = s["true records found (sensitivity)"] / 100
    assert (imputed["imputed"] / imputed["corrected"] >= whole - 1e-9).all()
