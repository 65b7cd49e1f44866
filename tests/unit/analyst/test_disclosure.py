"""The gate: what is withheld, what is published, and why. Small tables worked by hand."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Column, Table
from blindlink.errors import DisclosureError
from blindlink.schema.populations import Dimension, kinds, population
from worlds.sample_tables import (
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


def test_a_total_that_is_less_than_its_parts_must_be_declared():
    columns = {"requirement": label("r"), "persons": count("persons")}
    rows = [("ATR", 3), ("DRR", 40), ("All", 42)]
    with pytest.raises(DisclosureError, match="more than their total"):
        release([table("t", "Persons", columns, rows)], PLAIN)
    said = table("t", "Persons", columns, rows, totals={"requirement": False})
    assert printed([said])["t"]["persons"].tolist() == ["[c]", "40", "42"]


def test_units_that_are_of_both_kinds_are_protected_as_any_cell():
    both = kinds("requirement", ("ATR", "DRR"), overlapping=True)
    columns = {"requirement": label("r"), "persons": count("persons")}
    frame = pd.DataFrame({"requirement": ["ATR", "DRR", "All"], "persons": [38, 316, 353]})
    whole = [population("persons", both.of(k)) for k in ("ATR", "DRR")] + [population("persons")]
    one = Table("t", "T", frame, columns, populations={"persons": whole})
    shown = printed([one])["t"]["persons"].tolist()
    assert shown.count("[c]") >= 1  # 38 + 316 - 353: one person has both
    fine = frame.assign(persons=[38, 316, 340])
    assert printed([Table("t", "T", fine, columns, populations={"persons": whole})])["t"][
        "persons"
    ].tolist() == ["38", "316", "340"]


def test_a_fold_that_is_printed_beside_its_parts_gives_none_of_them_away():
    outcome = Dimension("outcome", ("done", "left", "moved", "unclear"))
    columns = {"outcome": label("o"), "n": count("n")}
    rows = {"done": 60, "left": 37, "moved": 25, "unclear": 2, "left, of two": 64, "all": 124}
    conditions = {name: (outcome.of(name),) for name in outcome.levels}
    conditions |= {"left, of two": (outcome.of("left", "moved", "unclear"),), "all": ()}
    frame = pd.DataFrame({"outcome": list(rows), "n": list(rows.values())})
    declared = [population("journeys", *conditions[name]) for name in rows]
    one = Table("t", "T", frame, columns, populations={"n": declared})
    shown = dict(zip(rows, printed([one])["t"]["n"], strict=True))
    assert shown["unclear"] == "[c]"
    assert "[c]" in (shown["left"], shown["moved"], shown["left, of two"])


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


def test_a_small_count_takes_another_of_its_group_with_it_and_all_that_derives_from_them():
    tables = [engagement(), by_group()]
    found = printed(tables)
    assert found["engagement"]["engaged"].tolist() == ["918", "794", "1712"]
    groups = found["by_group" if "by_group" in found else "engagement_by_group"]
    withheld = groups["engaged"] == "[c]"
    assert withheld.sum() >= 2
    assert (groups.loc[withheld, "share"] == "[c]").all()


def test_one_population_is_one_number_whatever_table_and_column_print_it():
    group = Dimension("group", ("a", "b", "c"))
    one = replace(
        split("one", {"a": 3, "b": 20, "c": 500}),
        populations={"people": [*(population("people", group.of(n)) for n in "abc"),
                                population("people")]},
    )  # fmt: skip
    columns = {"measure": label("m"), "counted": count("counted")}
    other = replace(
        table("other", "O", columns, [("b", 20), ("c", 500)], totals={"measure": False}),
        populations={"counted": [population("people", group.of(n)) for n in "bc"]},
    )
    found = printed([one, other])
    shown = found["one"]["people"].tolist()
    assert shown[0] == "[c]"
    assert shown.count("[c]") == 2
    assert found["other"]["counted"].tolist() == shown[1:3]


def test_two_counts_of_one_population_that_differ_are_refused():
    everybody = {"people": [None, None, population("people")]}
    one = replace(split("one", {"a": 30, "b": 20}), populations=everybody)
    two = replace(split("two", {"a": 30, "b": 21}), populations=everybody)
    with pytest.raises(DisclosureError, match="two counts of one population"):
        release([one, two], PLAIN)


def test_a_complement_in_another_row_is_known_because_it_is_declared():
    inside = Dimension("inside", ("out", "in"))
    columns = {"group": label("g"), "n": count("n")}
    rows = {"everybody": 103, "out": 3, "in": 100}
    conditions = {"everybody": (), "out": (inside.of("out"),), "in": (inside.of("in"),)}
    frame = pd.DataFrame({"group": list(rows), "n": list(rows.values())})
    declared = [population("n", *conditions[name]) for name in rows]
    one = Table("t", "T", frame, columns, totals={"group": False}, populations={"n": declared})
    assert printed([one])["t"]["n"].tolist().count("[c]") == 2


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


def test_few_lost_between_two_stages_withhold_a_stage():
    stage = Dimension("stage", ("received", "valid", "linked"))
    columns = {"stage": label("s"), "people": count("p")}
    rows = {"received": 100, "valid": 98, "linked": 60}
    declared = [population("people", stage.of(*stage.levels[i:])) for i in range(3)]
    frame = pd.DataFrame({"stage": list(rows), "people": list(rows.values())})
    one = Table("flow", "F", frame, columns, populations={"people": declared})
    shown = printed([one])["flow"]["people"].tolist()
    assert shown[2] == "60"
    assert "[c]" in shown[:2]


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
    assert one.withheld == {"protects another figure": 1, "small count": 1}
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


def test_an_estimate_that_rests_on_a_withheld_count_is_withheld():
    group, died = Dimension("group", ("a", "b")), Dimension("died", ("yes", "no"))
    columns = {
        "group": label("g"),
        "people": count("p"),
        "died": count("d"),
        "share": share("s", "died", "people"),
        "step": estimate("points", "people"),
    }
    rows = [("a", 200, 3, 1.5, 1.5), ("b", 400, 60, 15.0, 1.5)]
    whole = [population("people", group.of(n)) for n in "ab"]
    dead = [population("people", group.of(n), died.of("yes")) for n in "ab"]
    one = replace(
        table("t", "T", columns, rows, totals={"group": False}),
        populations={"people": whole, "died": dead},
        rests_on={"step": [(each,) for each in dead]},
    )
    assert printed([one])["t"]["step"].tolist() == ["[c]", "1.5"]


def test_what_is_left_between_two_stages_is_a_count_of_another_table():
    outcome = Dimension("outcome", ("done", "left", "open", "died"))
    sizes = {"done": 164, "left": 180, "open": 141, "died": 4}
    names = {"engaged": (), "done or open": (outcome.of("done", "open"),)}
    names |= {name: (outcome.of(name),) for name in sizes}
    stages = {"engaged": 489, "done or open": 305, "done": 164}

    def of(identifier, rows):
        columns = {"row": label("r"), "n": count("n")}
        frame = pd.DataFrame({"row": list(rows), "n": list(rows.values())})
        declared = {"n": [population("people", *names[row]) for row in rows]}
        return Table(identifier, "T", frame, columns, populations=declared)

    found = printed([of("t", sizes), of("u", stages)])
    counted = dict(zip(sizes, found["t"]["n"], strict=True))
    reached = dict(zip(stages, found["u"]["n"], strict=True))
    assert counted["died"] == "[c]"
    if counted["open"] == "[c]":
        assert "[c]" in (reached["done or open"], reached["done"])
    assert counted["done"] == reached["done"]


def test_an_infinite_estimate_is_no_figure():
    columns = {"group": label("group"), "n": count("n"), "ratio": estimate("odds ratio", "n")}
    frame = printed([table("t", "T", columns, [("a", 40, math.inf), ("b", 60, 1.5)])])["t"]
    assert frame["ratio"].tolist() == ["[x]", "1.5"]
