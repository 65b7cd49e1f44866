"""How results are laid out: the columns of shares and the rows of totals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import shares
from blindlink.analyst.publish.tables import TOTAL, Column, Table

CLUSTERED = "Intervals of shares are Wilson intervals with people as clusters."


def label(text: str) -> Column:
    """A dimension."""
    return Column("label", text)


def count(text: str) -> Column:
    """A number of units."""
    return Column("count", text)


def text(description: str) -> Column:
    """A comment on the row."""
    return Column("text", description)


def share(name: str, description: str, part: str, whole: str) -> dict[str, Column]:
    """A percentage with its interval: columns ``name``, ``name_low``, ``name_high``."""
    return {
        name: Column("share", description, numerator=part, denominator=whole, decimals=1),
        **bounds(name, 1),
    }


def estimate(name: str, description: str, base: str, decimals: int = 1) -> dict[str, Column]:
    """Any other figure with its interval."""
    figure = Column("estimate", description, base=base, decimals=decimals)
    return {name: figure, **bounds(name, decimals)}


def bounds(of: str, decimals: int) -> dict[str, Column]:
    """The two ends of the interval of a column."""
    return {
        f"{of}_low": Column("low", f"Lower end of the interval of {of}", of=of, decimals=decimals),
        f"{of}_high": Column(
            "high", f"Upper end of the interval of {of}", of=of, decimals=decimals
        ),
    }


def with_all(frame: pd.DataFrame, column: str = "requirement") -> pd.DataFrame:
    """The rows, and all of them once more under the label All."""
    return pd.concat([frame, frame.assign(**{column: TOTAL})], ignore_index=True)


def share_rows(
    frame: pd.DataFrame,
    by: Mapping[str, Sequence[str]],
    flag: str,
    names: tuple[str, str, str],
    confidence: float,
) -> pd.DataFrame:
    """Counts and percentages of a flag for every combination of labels, occurring or not.

    ``names``: the columns for the part, the whole and the share.
    """
    part, whole, name = names
    key = np.zeros(len(frame), dtype=np.int64)
    for column, levels in by.items():
        code = pd.Categorical(frame[column], categories=list(levels)).codes.astype(np.int64)
        key = np.where((key < 0) | (code < 0), -1, key * len(levels) + code)
    grid = pd.MultiIndex.from_product(list(by.values()), names=list(by)).to_frame(index=False)
    found = shares(
        key,
        frame["person"].to_numpy(dtype=np.int64),
        frame[flag].to_numpy(dtype=bool),
        len(grid),
        confidence=confidence,
    )
    return grid.assign(
        **{
            whole: found["whole"].astype(int),
            part: found["part"].astype(int),
            name: 100 * found["share"],
            f"{name}_low": 100 * found["low"],
            f"{name}_high": 100 * found["high"],
        }
    )


def make(
    identifier: str,
    title: str,
    frame: pd.DataFrame,
    columns: Mapping[str, Column],
    notes: Sequence[str] = (),
    totals: Mapping[str, bool] | None = None,
    **declared: Any,
) -> Table:
    """A table whose frame is brought into the order of its columns.

    ``declared``: what ``Table`` is told beside these (populations, relations, rests_on, headline).
    """
    return Table(
        id=identifier,
        title=title,
        frame=frame[list(columns)].reset_index(drop=True),
        columns=columns,
        notes=tuple(notes),
        totals=totals or {},
        **declared,
    )


def impossible(identifier: str, title: str, columns: Mapping[str, Column], why: str) -> Table:
    """A table without rows that says why there are none."""
    frame = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    return Table(id=identifier, title=title, frame=frame, columns=columns, notes=(why,))


def percentages(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame with these fractions as percentages."""
    return frame.assign(**{name: 100 * frame[name].astype(float) for name in names})


def whole_numbers(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame with these columns as integers."""
    return frame.assign(**{name: np.rint(frame[name].astype(float)).astype(int) for name in names})
