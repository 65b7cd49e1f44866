"""The gate: what is withheld, what is published, and why. Small tables worked by hand."""

import math

import pandas as pd
import pytest

from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Column, Table
from blindlink.errors import DisclosureError
from sample_tables import (
    bound,
    by_group,
    count,
    engagement,
    estimate,
    label,
    share,
    split,
    table,
)

PLAIN = Policy(group_disclosure=False)


def printed(tables, policy=PLAIN, **more):
    safe, _ = release(tables, policy, **more)
    return {t.id: t.printed() for t in safe}


def people(parts, policy=PLAIN):
    frame = printed([split("t", parts)], policy)["t"]
    return dict(zip(frame["group"], frame["people"], strict=True))


def test_large_counts_are_published_as_they_are():
    assert people({"a": 10, "b": 20}) == {"a": "10", "b": "20", "All": "30"}


def test_a_small_count_takes_another_with_it_because_of_the_total():
    assert people({"a": 3, "b": 20, "c": 500}) == {
        "a": "[c]",
        "b": "[c]",
        "c": "500",
        "All": "523",
    }


def test_without_secondary_suppression_the_total_gives_it_away_and_the_audit_says_so():
    policy = Policy(secondary=False)
    safe, audit = release([split("t", {"a": 3, "b": 20})], policy)
    assert safe[0].printed()["people"].tolist() == ["[c]", "20", "23"]
    assert (audit.protected, audit.exposed, audit.narrowest) == (1, 1, 0)


def test_two_small_counts_that_together_are_too_close_take_a_third():
    found = people({"a": 2, "b": 1, "c": 10, "d": 40})
    assert found == {"a": "[c]", "b": "[c]", "c": "[c]", "d": "40", "All": "53"}


def test_two_small_counts_that_protect_each_other_need_no_third():
    assert people({"a": 4, "b": 4, "c": 40})["c"] == "40"


def test_a_zero_is_published_and_never_used_to_hide_another():
    found = people({"a": 0, "b": 3, "c": 9, "d": 50})
    assert found == {"a": "0", "b": "[c]", "c": "[c]", "d": "50", "All": "62"}


def test_the_threshold_itself_is_published():
    assert people({"a": 5, "b": 50})["a"] == "5"
    assert people({"a": 4, "b": 50})["a"] == "[c]"


def test_a_total_that_does_not_add_up_hides_nothing_more():
    columns = {"requirement": label("r"), "persons": count("persons")}
    one = table("t", "Persons", columns, [("ATR", 3), ("DRR", 40), ("All", 42)])
    assert printed([one])["t"]["persons"].tolist() == ["[c]", "40", "42"]


def test_values_that_are_declared_not_to_add_up_are_not_a_sum():
    columns = {"group": label("g"), "persons": count("persons")}
    one = table("t", "T", columns, [("a", 3), ("b", 40)], totals={"group": False})
    assert printed([one])["t"]["persons"].tolist() == ["[c]", "40"]


def rate(rows, policy=PLAIN):
    columns = {
        "group": label("group"),
        "people": count("people"),
        "died": count("died"),
        "share": share("died, per cent", "died", "people"),
        "low": bound("low", "share"),
        "high": bound("high", "share"),
    }
    full = [
        (g, n, k, 100 * k / n if n else math.nan, 1.0 * bool(n), 2.0 * bool(n)) for g, n, k in rows
    ]
    return printed([table("t", "T", columns, full, totals={"group": False})], policy)["t"]


def test_a_small_numerator_takes_share_and_bounds_with_it():
    frame = rate([("a", 100, 4), ("b", 100, 40)])
    assert frame.iloc[0].tolist() == ["a", "100", "[c]", "[c]", "[c]", "[c]"]
    assert frame.iloc[1].tolist() == ["b", "100", "40", "40.0", "1.0", "2.0"]


def test_a_small_complement_withholds_the_numerator():
    assert rate([("a", 100, 98)]).iloc[0].tolist() == ["a", "100", "[c]", "[c]", "[c]", "[c]"]


def test_a_small_denominator_withholds_the_share():
    assert rate([("a", 4, 0)]).iloc[0].tolist() == ["a", *["[c]"] * 5]


@pytest.mark.parametrize("died", [0, 100])
def test_nobody_and_everybody_tell_about_each_member_of_the_group(died):
    assert rate([("a", 100, died)], Policy()).iloc[0].tolist()[1:4] == ["100", "[c]", "[c]"]
    assert rate([("a", 100, died)], PLAIN).iloc[0].tolist()[1:3] == ["100", str(died)]


def test_a_share_that_is_another_quotient_is_refused():
    columns = {"people": count("p"), "died": count("d"), "share": share("s", "died", "people")}
    wrong = table("t", "T", columns, [(100, 40, 0.4)])
    with pytest.raises(DisclosureError, match="table t, column share"):
        release([wrong], PLAIN)


def test_an_estimate_goes_with_its_base_and_so_do_its_bounds():
    columns = {
        "group": label("g"),
        "people": count("p"),
        "mean": estimate("mean", "people"),
        "mean_low": bound("low", "mean"),
    }
    rows = [("a", 3, 7.25, 6.0), ("b", 30, 8.04, 7.0)]
    frame = printed([table("t", "T", columns, rows, totals={"group": False})])["t"]
    assert frame.iloc[0].tolist() == ["a", "[c]", "[c]", "[c]"]
    assert frame.iloc[1].tolist() == ["b", "30", "8.0", "7.0"]


def test_an_estimate_without_a_base_cannot_be_checked_and_is_withheld():
    columns = {"people": count("p"), "mean": Column("estimate", "mean")}
    safe, audit = release([table("t", "T", columns, [(50, 7.0)])], PLAIN)
    assert safe[0].printed()["mean"].tolist() == ["[c]"]
    assert audit.tables[0].withheld == {"no base count": 1}


def test_minima_and_maxima_belong_to_single_people():
    columns = {"people": count("p"), "age_max": estimate("oldest", "people", 0)}
    one = table("t", "T", columns, [(50, 97.0)])
    assert printed([one])["t"]["age_max"].tolist() == ["[c]"]
    allowed = Policy(extremes=True, group_disclosure=False)
    assert printed([one], allowed)["t"]["age_max"].tolist() == ["97"]


def test_a_missing_figure_is_x_and_the_bound_of_a_reference_is_z():
    columns = {
        "level": label("l"),
        "people": count("p"),
        "ratio": estimate("odds ratio", "people", 2),
        "ratio_low": bound("low", "ratio", 2),
    }
    rows = [("ref", 50, 1.0, math.nan), ("other", 50, math.nan, math.nan)]
    frame = printed([table("t", "T", columns, rows, totals={"level": False})])["t"]
    assert frame["ratio"].tolist() == ["1.00", "[x]"]
    assert frame["ratio_low"].tolist() == ["[z]", "[x]"]


def test_a_figure_that_rounds_to_zero_is_low():
    assert rate([("a", 100_000, 30)])["share"].tolist() == ["[low]"]


def test_the_same_count_in_two_tables_is_withheld_in_both():
    tables = [engagement(), by_group()]
    found = printed(tables)
    assert found["engagement"]["engaged"].tolist() == ["918", "794", "1712"]
    groups = found["engagement_by_group"]
    assert groups["engaged"].tolist() == ["[c]", "[c]", "200", "594", "[c]", "[c]"]
    assert groups["share"].tolist()[:2] == ["[c]"] * 2


def test_the_same_count_under_another_name_is_withheld_too():
    one = split("one", {"a": 3, "b": 20, "c": 500})
    columns = {"measure": label("m"), "counted": count("counted")}
    other = table("other", "O", columns, [("b", 20), ("c", 500)], totals={"measure": False})
    assert printed([one, other])["other"]["counted"].tolist() == ["[c]", "500"]


def test_sums_that_nobody_declared_are_found():
    columns = {"group": label("g"), "requirement": label("r"), "n": count("n")}
    rows = [
        (g, r, n)
        for r, sizes in (("ATR", (103, 3, 100)), ("DRR", (220, 20, 200)), ("X", (90, 40, 50)))
        for g, n in zip(("everybody", "out", "in"), sizes, strict=True)
    ]
    one = table("t", "T", columns, rows, totals={"group": False, "requirement": False})
    frame = printed([one])["t"]
    hidden = frame[(frame["requirement"] == "ATR") & (frame["n"] == "[c]")]
    assert len(hidden) == 2


def test_a_split_without_a_total_row_is_held_together_by_its_denominator():
    columns = {
        "outcome": label("o"),
        "engaged": count("e"),
        "counted": count("c"),
        "share": share("s", "counted", "engaged"),
    }
    rows = [(o, 100, n, float(n)) for o, n in (("done", 60), ("left", 37), ("died", 3))]
    frame = printed([table("t", "T", columns, rows)])["t"]
    assert frame["counted"].tolist() == ["60", "[c]", "[c]"]
    assert frame["engaged"].tolist() == ["100", "100", "100"]


def test_few_lost_between_two_stages_withhold_the_stage_between():
    columns = {"stage": label("s"), "people": count("p")}
    rows = [("received", 100), ("valid", 98), ("linked", 60)]
    frame = printed([table("flow", "F", columns, rows, totals={"stage": False})])["flow"]
    assert frame["people"].tolist() == ["100", "[c]", "60"]


def test_rounding_rounds_counts_and_makes_shares_of_rounded_counts():
    policy = Policy(rounding=5, group_disclosure=False)
    frame = rate([("a", 203, 41)], policy)
    assert frame["people"].tolist() == ["205"]
    assert frame["died"].tolist() == ["40"]
    assert float(frame["share"].iloc[0]) == pytest.approx(100 * 40 / 205, abs=0.6)


def test_small_numbers_in_words_are_replaced():
    columns = {"people": count("p"), "why": Column("text", "reason")}
    one = Table(
        "t",
        "Title",
        pd.DataFrame({"people": [50], "why": ["3 people had no date"]}),
        columns,
        ("2 sentences and 1,203 requirements were left out.", "Code 3 means 3 of 28 days."),
    )
    safe, _ = release([one], PLAIN)
    assert safe[0].printed()["why"].tolist() == ["fewer than 5 people had no date"]
    assert safe[0].notes == (
        "fewer than 5 sentences and 1,203 requirements were left out.",
        "Code 3 means 3 of 28 days.",
    )


def test_a_count_that_moved_by_one_since_the_last_release_is_withheld():
    earlier = Earlier({"t": [{"group": "a", "people": "40"}, {"group": "b", "people": "60"}]})
    frame = printed([split("t", {"a": 41, "b": 60})], earlier=[earlier])["t"]
    assert frame["people"].tolist()[0] == "[c]"


def test_a_count_that_was_withheld_before_stays_withheld():
    earlier = Earlier({"t": [{"group": "a", "people": "[c]"}]})
    frame = printed([split("t", {"a": 41, "b": 60, "c": 70})], earlier=[earlier])["t"]
    assert frame["people"].tolist()[0] == "[c]"


def test_the_same_count_as_before_may_be_published_again():
    earlier = Earlier({"t": [{"group": "a", "people": "41"}]})
    frame = printed([split("t", {"a": 41, "b": 60})], earlier=[earlier])["t"]
    assert frame["people"].tolist() == ["41", "60", "101"]


def test_an_empty_table_comes_out_empty_with_its_note():
    columns = {"group": label("g"), "people": count("p")}
    empty = Table("t", "T", pd.DataFrame(columns=list(columns)), columns, ("Nobody is linked.",))
    safe, audit = release([empty], Policy())
    assert safe[0].empty
    assert safe[0].notes == ("Nobody is linked.",)
    assert audit.tables[0].cells == 0


def test_two_tables_with_one_id_are_refused():
    with pytest.raises(DisclosureError, match="comes twice"):
        release([engagement(), engagement()], Policy())


def test_the_input_is_not_changed():
    one = by_group()
    before = one.frame.copy()
    release([one], Policy(rounding=5))
    pd.testing.assert_frame_equal(one.frame, before)


def test_the_audit_counts_cells_and_reasons_and_holds_no_count():
    _, audit = release([split("t", {"a": 3, "b": 20, "c": 500})], PLAIN)
    one = audit.tables[0]
    assert (one.rows, one.cells, one.published) == (4, 4, 2)
    assert one.withheld == {"secondary": 1, "small count": 1}
    assert audit.protected == 1
    assert audit.narrowest >= 5


def test_a_sum_that_one_unit_dominates_is_withheld_and_the_largest_never_published():
    columns = {
        "group": label("g"),
        "people": count("p"),
        "years": estimate("person-years", "people", 0),
        "largest": Column("largest", "of one person", of="years"),
    }
    rows = [("a", 20, 100.0, 60.0), ("b", 20, 100.0, 8.0)]
    one = table("t", "T", columns, rows, totals={"group": False})
    frame = printed([one])["t"]
    assert list(frame.columns) == ["group", "people", "years"]
    assert frame["years"].tolist() == ["[c]", "100"]
    free = printed([one], Policy(dominance_percent=None))["t"]
    assert free["years"].tolist() == ["100", "100"]


def test_an_estimate_that_is_a_withheld_share_is_withheld():
    columns = {
        "group": label("g"),
        "people": count("p"),
        "died": count("d"),
        "share": share("s", "died", "people"),
        "step": estimate("points", "people"),
    }
    rows = [("a", 200, 3, 1.5, 1.5), ("b", 400, 60, 15.0, 1.5)]
    frame = printed([table("t", "T", columns, rows, totals={"group": False})])["t"]
    assert frame["step"].tolist() == ["[c]", "1.5"]


def test_the_same_count_of_another_whole_is_the_same_count():
    parts = {
        "outcome": label("o"),
        "engaged": count("e"),
        "counted": count("c"),
        "share": share("s", "counted", "engaged"),
    }
    rows = [(o, 100, n, float(n)) for o, n in (("done", 37), ("left", 60), ("died", 3))]
    chain = {
        "stage": label("s"),
        "sentenced": count("s"),
        "counted": count("c"),
        "share": share("s", "counted", "sentenced"),
    }
    stages = [("engaged", 400, 100, 25.0), ("done", 400, 37, 9.25)]
    found = printed(
        [table("t", "T", parts, rows), table("u", "U", chain, stages, totals={"stage": False})]
    )
    hidden = found["t"]["counted"].tolist()
    assert hidden[2] == "[c]"
    assert (hidden[0] == "[c]") == (found["u"]["counted"].tolist()[1] == "[c]")


def test_what_is_left_between_two_stages_is_a_count_of_another_table():
    parts = {
        "requirement": label("r"),
        "outcome": label("o"),
        "engaged": count("e"),
        "counted": count("c"),
        "share": share("s", "counted", "engaged"),
    }
    sizes = {"done": 164, "left": 180, "open": 141, "died": 4}
    rows = [("All", o, 489, n, 100 * n / 489) for o, n in sizes.items()]
    chain = {"requirement": label("r"), "stage": label("s"), "reached": count("c")}
    stages = [("All", "engaged", 489), ("All", "done or open", 305), ("All", "done", 164)]
    found = printed(
        [table("t", "T", parts, rows), table("u", "U", chain, stages, totals={"stage": False})]
    )
    counted = dict(zip(sizes, found["t"]["counted"], strict=True))
    reached = found["u"]["reached"].tolist()
    assert counted["died"] == "[c]"
    if counted["open"] == "[c]":
        assert "[c]" in reached
