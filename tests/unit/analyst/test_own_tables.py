"""Tables of an analyst's own: what they are, what is withheld of them, and why."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import blindlink as bl
from blindlink.errors import (
    BlindlinkError,
    DisclosureError,
    FormatError,
    InputError,
    OutputError,
    VerificationError,
)

BY_SEX = pd.DataFrame({"sex": ["F", "M", "All"], "people": [40, 60, 100]})
SMALL = pd.DataFrame({"region": ["N", "S", "W", "All"], "people": [3, 57, 40, 100]})
AGES: dict[str, Any] = {"age": {"levels": ["16", "17", "18"], "folds": {"under 18": ["16", "17"]}}}


def cells(found: bl.disclosure.Checked, table: str, column: str = "people") -> list[str]:
    return [str(cell) for cell in found.frame(table)[column]]


def test_a_table_of_large_counts_is_published_as_it_is() -> None:
    found = bl.disclosure.check({"by_sex": BY_SEX})
    assert (found.figures, found.withheld, found.reasons) == (3, 0, ())
    assert cells(found, "by_sex") == ["40", "60", "100"]


def test_a_small_count_takes_another_with_it_and_says_which_and_why() -> None:
    found = bl.disclosure.check({"by_region": SMALL})
    assert cells(found, "by_region") == ["[c]", "57", "[c]", "100"]
    reasons = {each.row: each for each in found.reasons}
    assert reasons[0].reason == "counts 1 to 4"
    assert reasons[2].reason == "would let somebody work out a protected number"
    assert "region in {N}" in reasons[2].protects[0]
    assert "joining N of region" in found.advice[0]
    assert "2 of 4 figures may be published" in found.summary()


def test_two_tables_together_protect_what_one_alone_would_show() -> None:
    """The people of 16 follow from the fold in one table and the level in the other."""
    levels = pd.DataFrame({"age": ["17", "18", "All"], "people": [30, 50, 83]})
    folds = pd.DataFrame({"age": ["under 18", "All"], "people": [33, 83]})
    said = {"dimensions": AGES}
    for table in (levels, folds):
        assert bl.disclosure.check({"t": table[table["age"] != "All"]}, declare=said).withheld == 0
    both = bl.disclosure.check({"a": levels, "b": folds}, declare=said)
    assert both.withheld > 0
    alone = cells(both, "a") + cells(both, "b")
    assert not ({"30", "33"} <= set(alone))


def test_polars_in_polars_out() -> None:
    found = bl.disclosure.check({"t": pl.DataFrame(SMALL.to_dict("list"))})
    assert isinstance(found.frame("t"), pl.DataFrame)
    assert found.frame("t")["people"].to_list() == ["[c]", "57", "[c]", "100"]


def test_files_and_a_declaration_in_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"year": [2020, 2021], "n": [50, 70], "old": [3, 20], "rate": [6.0, 28.6]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.rename(columns={"n": "people"}).to_parquet(tmp_path / "b.parquet")
    (tmp_path / "d.toml").write_text(
        'columns.year = "label"\n'
        'columns.rate = { kind = "share", numerator = "old", denominator = "n", decimals = 1 }\n'
        'tables.b.columns.rate = { kind = "share", numerator = "old", denominator = "people" }\n'
    )
    paths = [tmp_path / "a.csv", tmp_path / "b.parquet"]
    found = bl.disclosure.check(paths, declare=tmp_path / "d.toml", policy={"threshold": 5})
    assert cells(found, "a", "rate") == ["[c]", "28.6"]
    assert cells(found, "b", "old") == ["[c]", "20"]


def test_counts_of_one_unit_are_one_number_whatever_their_columns_are_called() -> None:
    one = pd.DataFrame({"sex": ["F", "M"], "people": [40, 60]})
    other = pd.DataFrame({"sex": ["F", "M", "All"], "n": [40, 60, 103]})
    said = {"columns": {"n": {"kind": "count", "unit": "people"}}}
    assert bl.disclosure.check({"a": one}).withheld == 0
    assert bl.disclosure.check({"a": one, "b": other}, declare=said).withheld > 0


WRONG: list[tuple[dict[str, list[Any]], dict[str, Any], str]] = [
    ({"sex": ["F"], "people": [1.5]}, {}, "neither text nor whole numbers"),
    ({"sex": ["F"], "people": ["<5"]}, {"columns": {"people": "count"}}, "is no count"),
    ({"sex": ["F"], "people": ["[c]"]}, {"columns": {"people": "count"}}, "is no count"),
    ({"sex": ["F"], "people": [-1]}, {"columns": {"people": "count"}}, "is no count"),
    ({"sex": ["F\u202e"], "people": [9]}, {}, "a sign that nobody sees"),
    ({"sex": ["F\x1b[2J"], "people": [9]}, {}, "a sign that nobody sees"),
    ({"sex": ["F", "F"], "people": [9, 8]}, {}, "stand there before"),
    ({"year": [2020, 2021], "people": [9, 8]}, {}, "several rows and no label"),
    ({"age": ["19"], "people": [9]}, {"dimensions": AGES}, "no declared level or fold"),
    (
        {"age": ["16"], "people": [9]},
        {"dimensions": {"age": {"levels": ["16"], "folds": {"x": ["17"]}}}},
        "17 is none of its levels",
    ),
    ({"sex": ["F"], "people": [9]}, {"tables": {"u": {}}}, "none of the tables"),
    (
        {"sex": ["F"], "r": [1.0]},
        {"columns": {"r": {"kind": "share", "numerator": "a", "denominator": "b"}}},
        "there is no column a",
    ),
]


@pytest.mark.parametrize(("columns", "declare", "message"), WRONG)
def test_what_cannot_be_read_for_certain_is_refused(
    columns: dict[str, list[Any]], declare: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        bl.disclosure.check({"t": pd.DataFrame(columns)}, declare=declare)
    assert "[c]" not in caught.value.message
    assert "<5" not in caught.value.message


def test_a_declaration_that_says_something_else() -> None:
    with pytest.raises(FormatError, match=r"columns\.people"):
        bl.disclosure.check({"t": BY_SEX}, declare={"columns": {"people": "sum"}})


def test_tables_that_contradict_each_other_are_refused() -> None:
    other = pd.DataFrame({"sex": ["F", "M"], "people": [41, 60]})
    with pytest.raises(DisclosureError, match="contradict"):
        bl.disclosure.check({"a": BY_SEX, "b": other})


def test_labels_that_are_formulas_are_written_as_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["=1+1", "@x"], "people": [40, 60]})
    out = bl.disclosure.check({"t": frame}).save(tmp_path / "out")
    assert (out / "tables" / "t.csv").read_text() == "name,people\n'=1+1,40\n'@x,60\n"
    audit = json.loads((out / "audit.json").read_text())
    assert audit["exposed"] == 0
    assert "tables/t.csv" in audit["outputs"]


class TestRegister:
    def publish(self, folder: Path, name: str, frame: pd.DataFrame, table: str = "t") -> None:
        out = bl.disclosure.check({table: frame}).save(folder / f"out-{name}")
        bl.disclosure.register(out, folder / "register", name=name)

    def test_one_person_more_is_not_published(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "first", BY_SEX)
        later = pd.DataFrame({"sex": ["F", "M", "All"], "people": [41, 60, 101]})
        found = bl.disclosure.check({"t": later}, register=tmp_path / "register")
        assert cells(found, "t")[0] == "[c]"
        words = {each.reason for each in found.reasons}
        assert "differs from an earlier release by 1 to 4" in words

    def test_under_another_name_and_in_another_table_neither(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "first", BY_SEX)
        later = pd.DataFrame({"sex": ["F", "M"], "year": ["All", "All"], "people": [41, 80]})
        found = bl.disclosure.check({"other": later}, register=tmp_path / "register")
        assert cells(found, "other") == ["[c]", "80"]

    def test_what_was_withheld_stays_withheld(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "first", SMALL)
        later = pd.DataFrame({"region": ["N"], "people": [30]})
        found = bl.disclosure.check({"t": later}, register=tmp_path / "register")
        assert cells(found, "t") == ["[c]"]

    def test_every_release_counts_not_only_the_last(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "first", BY_SEX)
        self.publish(tmp_path, "second", pd.DataFrame({"sex": ["F"], "people": [90]}))
        later = pd.DataFrame({"sex": ["F"], "people": [41]})
        found = bl.disclosure.check({"t": later}, register=tmp_path / "register")
        assert cells(found, "t") == ["[c]"]

    @pytest.mark.parametrize(
        ("old", "new"), [("40", "<45"), ("40", "40.0"), ("40", ""), ("people", "persons")]
    )
    def test_what_cannot_be_parsed_is_not_taken_in(
        self, tmp_path: Path, old: str, new: str
    ) -> None:
        out = bl.disclosure.check({"t": BY_SEX}).save(tmp_path / "out")
        table = out / "tables" / "t.csv"
        table.write_text(table.read_text().replace(old, new, 1))
        with pytest.raises(InputError):
            bl.disclosure.register(out, tmp_path / "register", name="first")
        assert not (tmp_path / "register").exists()

    @pytest.mark.parametrize("what", ["changed", "missing", "index"])
    def test_a_register_that_is_not_as_it_was_is_refused(self, tmp_path: Path, what: str) -> None:
        self.publish(tmp_path, "first", BY_SEX)
        table = tmp_path / "register" / "first" / "tables" / "t.csv"
        if what == "changed":
            table.write_text(table.read_text().replace("40", "90"))
        elif what == "missing":
            table.unlink()
        else:
            (tmp_path / "register" / "register.json").unlink()
        with pytest.raises(BlindlinkError) as caught:
            bl.disclosure.check({"t": BY_SEX}, register=tmp_path / "register")
        assert isinstance(caught.value, VerificationError if what != "index" else InputError)

    def test_a_name_stands_once(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "first", BY_SEX)
        out = tmp_path / "out-first"
        with pytest.raises(OutputError, match="registered already"):
            bl.disclosure.register(out, tmp_path / "register", name="first")
        with pytest.raises(InputError, match="letters"):
            bl.disclosure.register(out, tmp_path / "register", name="../x")
