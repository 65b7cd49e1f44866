"""A table of one column of the left by one of the right, corrected for wrong links.

With exchangeable errors a share 1 - lambda of the linked pairs has the right cell of anybody, so
that expected shares are lambda pi + (1 - lambda) (row share) (column share). The margins stay, and

    pi = (observed - (1 - lambda) row column) / lambda

(Chipperfield and Chambers 2015; Slawski and others 2025 use the same mixture). Intervals are of a
bootstrap over people, in which lambda is drawn anew.
"""

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.arrays import Floats, Int64s


def behind(shares: Floats, right: Floats | float) -> Floats:
    """Cell shares behind observed ones, shape (..., rows, columns); may lie outside 0 to 1."""
    product = shares.sum(axis=-1, keepdims=True) * shares.sum(axis=-2, keepdims=True)
    return np.asarray((shares - (1 - right) * product) / right)


def crosstab(
    row: pd.Series,
    column: pd.Series,
    person: Int64s,
    right: tuple[float, Floats],
    *,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """One row per cell: links, its share among them observed and corrected, odds ratio if 2 by 2.

    ``row``, ``column``: values of each link; those with a missing one are left out. ``right``:
    lambda and a draw of it for each replicate.
    """
    known = (row.notna() & column.notna()).to_numpy()
    a, rows = pd.factorize(row[known].astype(str), sort=True)
    b, columns = pd.factorize(column[known].astype(str), sort=True)
    shape, cells = (len(rows), len(columns)), len(rows) * len(columns)
    key = (a * shape[1] + b).astype(np.int64)
    code = np.unique(person[known], return_inverse=True)[1].astype(np.int64)
    links = np.bincount(key, minlength=cells).astype(float)
    bootstrap = Bootstrap.draw(int(code.max(initial=-1)) + 1, len(right[1]), seed)
    drawn = bootstrap.totals(code, key, np.ones(len(key)), cells)
    observed = (links / links.sum()).reshape(shape)
    shares = (drawn / drawn.sum(axis=1, keepdims=True)).reshape(-1, *shape)
    tail = [(1 - confidence) / 2, (1 + confidence) / 2]
    made = behind(shares, right[1][:, None, None])
    seen, ends = np.quantile(shares, tail, axis=0), np.quantile(made, tail, axis=0)
    corrected = behind(observed, right[0])
    return pd.DataFrame(
        {
            "row": np.repeat(rows, shape[1]),
            "column": np.tile(columns, shape[0]),
            "links": links.astype(np.int64),
            "observed": observed.ravel(),
            "observed_low": seen[0].ravel(),
            "observed_high": seen[1].ravel(),
            "corrected": np.clip(corrected, 0, 1).ravel(),
            "corrected_low": np.clip(ends[0], 0, 1).ravel(),
            "corrected_high": np.clip(ends[1], 0, 1).ravel(),
            "clipped": ((corrected < 0) | (corrected > 1)).ravel(),
        }
    )


def odds_ratios(table: Floats) -> Floats:
    """The odds ratio of each 2 by 2 table, shape (..., 2, 2); NaN where a cell is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = table[..., 0, 0] * table[..., 1, 1] / (table[..., 0, 1] * table[..., 1, 0])
    return np.where((table > 0).all(axis=(-1, -2)), ratio, np.nan)
