"""Links of other programs are read as they are; what names no row is refused, without a value."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import recordlinkage

import blindlink as bl
from blindlink.errors import InputError

LEFT = pd.DataFrame({"unique_id": ["a1", "a2", "a3", "a4"], "sex": list("FMFM")})
RIGHT = pd.DataFrame({"unique_id": ["b1", "b2", "b3"], "seen": [True, False, True]})
SPLINK = pd.DataFrame(
    {
        "match_weight": [9.0, 3.0, -1.0],
        "match_probability": [0.99, 0.9, 0.3],
        "source_dataset_l": "left",
        "source_dataset_r": "right",
        "unique_id_l": ["a1", "a3", "a4"],
        "unique_id_r": ["b2", "b1", "b3"],
    }
)
ROWS = [(0, 1), (2, 0)]


def pairs(linked: bl.LinkedData) -> list[tuple[int, int]]:
    found = linked._linked.links
    return sorted(zip(found.left.tolist(), found.right.tolist(), strict=True))


@pytest.mark.parametrize(
    "kind", [lambda x: x, pl.from_pandas, lambda x: pa.Table.from_pandas(x, preserve_index=False)]
)
def test_predictions_of_splink_as_they_are(kind: Any) -> None:
    linked = bl.LinkedData(kind(LEFT), kind(RIGHT), kind(SPLINK))
    assert pairs(linked) == ROWS
    assert len(linked._linked.candidates) == 3
    assert "2 links (one-to-one) of 4 left and 3 right rows, 3 candidates" in repr(linked)
    assert len(bl.LinkedData(LEFT, RIGHT, SPLINK, threshold=0.2)) == 3


def test_splink_may_have_the_sides_the_other_way_round() -> None:
    swapped = SPLINK.rename(columns={"unique_id_l": "unique_id_r", "unique_id_r": "unique_id_l"})
    assert pairs(bl.LinkedData(LEFT, RIGHT, swapped)) == ROWS


def test_the_object_of_splink_is_asked_for_its_frame() -> None:
    class Predictions:
        def as_pandas_dataframe(self) -> pd.DataFrame:
            return SPLINK

    assert pairs(bl.LinkedData(LEFT, RIGHT, Predictions())) == ROWS


def test_pairs_of_recordlinkage_name_labels_of_the_frames() -> None:
    left, right = LEFT.set_index("unique_id"), RIGHT.set_index("unique_id")
    left["key"], right["key"] = [1, 2, 3, 4], [3, 1, 9]
    index = recordlinkage.index.Block("key").index(left, right)
    assert pairs(bl.LinkedData(left, right, index)) == ROWS
    chance = pd.Series([0.9, 0.4], index=index)
    assert len(bl.LinkedData(left, right, chance)) == 1
    frame = pd.DataFrame({"key": [1, 1]}, index=index)
    assert pairs(bl.LinkedData(left, right, frame)) == ROWS


def test_rows_and_ids_of_files(tmp_path: Path) -> None:
    for name, table in (("left", LEFT), ("right", RIGHT)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    a, b = (tmp_path / f"{name}.csv" for name in ("left", "right"))
    rows = pd.DataFrame(ROWS, columns=["left", "right"])
    rows.to_parquet(tmp_path / "rows.parquet")
    assert pairs(bl.LinkedData(a, b, tmp_path / "rows.parquet")) == ROWS
    named = pd.DataFrame({"left": ["a1", "a3"], "right": ["b2", "b1"]})
    named.to_csv(tmp_path / "ids.csv", index=False)
    assert pairs(bl.LinkedData(a, b, tmp_path / "ids.csv", ids="unique_id")) == ROWS
    linked = bl.LinkedData(a, b, tmp_path / "rows.parquet")
    assert bl.share(linked, "seen").to_pandas()["counted"].tolist() == [1]


def test_a_row_with_several_links_keeps_its_best() -> None:
    links = pd.DataFrame({"left": [0, 0, 1], "right": [0, 1, 1], "probability": [0.6, 0.9, 0.8]})
    linked = bl.LinkedData(LEFT, RIGHT, links)._linked
    assert not linked.exclusive
    assert linked.best.left.tolist() == [0]
    assert linked.best.right.tolist() == [1]


def test_numbers_that_other_libraries_made_floats_are_still_ids() -> None:
    left, right = LEFT.assign(unique_id=range(4)), RIGHT.assign(unique_id=range(3))
    links = pd.DataFrame({"left": [0.0, 2.0], "right": [1.0, 0.0]})
    assert pairs(bl.LinkedData(left, right, links, ids="unique_id")) == ROWS


def test_files_keep_dates_and_text_becomes_numbers_only_where_all_of_it_is(tmp_path: Path) -> None:
    days = pd.to_datetime(["2020-01-02"] * 4)
    LEFT.assign(day=days, code=["1", "2", "", "3"], mixed=["1", "x", "", "3"]).to_parquet(
        tmp_path / "left.parquet"
    )
    rows = pd.DataFrame(ROWS, columns=["left", "right"])
    read = bl.LinkedData(tmp_path / "left.parquet", RIGHT, rows)._linked.left
    assert str(read["day"].dtype).startswith("datetime")
    assert read["code"].sum() == 6
    assert read["code"].isna().sum() == read["mixed"].isna().sum() == 1
    assert read["mixed"][0] == "1"


CANARY = "Zaphodine"


@pytest.mark.parametrize(
    ("links", "options", "says"),
    [
        (pd.DataFrame({"x": [1]}), {}, "links have the columns x"),
        (pd.DataFrame({"left": [9], "right": [0]}), {}, "link 1 names no row of a table of 4"),
        (pd.DataFrame({"left": [CANARY], "right": [0]}), {}, "link 1 names no row"),
        (pd.DataFrame({"left": [0.5], "right": [0]}), {}, "link 1 names no row"),
        (pd.DataFrame({"left": [CANARY], "right": ["b1"]}), {"ids": "unique_id"}, "1 of 1 links"),
        (pd.DataFrame({"left": [0, 0], "right": [1, 1]}), {}, "link 2 stands twice"),
        (pd.DataFrame({"left": ["F"], "right": ["b1"]}), {"ids": ("sex", "unique_id")}, "row 3"),
        (pd.DataFrame({"left": [0], "right": [0]}), {"ids": "nowhere"}, "no column nowhere"),
        (pd.DataFrame({"left": [0], "right": [0]}), {"cluster": "nowhere"}, "no column nowhere"),
        (SPLINK.assign(match_probability=7), {}, "what is no probability"),
        ({CANARY: 1}, {}, "links is a dict"),
    ],
)
def test_links_that_name_nothing_are_refused(links: Any, options: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        bl.LinkedData(LEFT, RIGHT, links, **options)
    assert says in caught.value.message
    assert CANARY not in caught.value.message + caught.value.hint


def test_an_outcome_must_be_yes_or_no() -> None:
    right = RIGHT.assign(seen=["yes", CANARY, ""])
    linked = bl.LinkedData(LEFT, right, pd.DataFrame(ROWS, columns=["left", "right"]))
    with pytest.raises(InputError, match="row 2: column seen is no yes or no") as caught:
        bl.share(linked, "seen")
    assert CANARY not in caught.value.message
    with pytest.raises(InputError, match="right has no column gone"):
        bl.share(linked, "gone")
    with pytest.raises(InputError, match="left has no column gone"):
        bl.share(linked, by="gone")
    with pytest.raises(InputError, match="not linked data"):
        bl.share(np.zeros(3))  # type: ignore[arg-type]
