"""What a stranger's record would count for: the pairs that tell, and how they are made to tell.

A doubtful pair is right with its match probability P. So a count x of it is on average
P T + (1 - P) S, with T for true records and S for strangers', and least squares tell the two apart.
"""

import numpy as np
import pandas as pd

from blindlink.arrays import Floats
from blindlink.studies.probation_treatment.pathways import Pathways

POOL_PAIRS = 200_000
_ENOUGH_RIVALS = 200.0  # expected wrong pairs below which S is taken from the whole pool
_SURE = 0.99  # a pair of more than this match probability tells nothing about strangers
_MOST_RIVALS = 1_000_000
_TELLS = 0.05  # below it all pairs have nearly the same match probability


def rivals(pathways: Pathways, seed: int) -> tuple[pd.DataFrame, str]:
    """Pairs of a case and a treatment record, some of them wrong, and where they come from.

    Columns: case (row of ``pathways.cases``), right, chance (match probability), linked. The
    released candidates, less those that are right for certain, whose true pairs are of another kind
    than doubtful ones, and those whose record belongs to somebody else; where they hold too few
    wrong pairs, pairs drawn at random from all free treatment records, with chance 0.
    """
    cases, candidates = pathways.cases, pathways.candidates
    linked, chance = candidates["linked"], candidates["probability"]
    # Without a model a link may be right or wrong, and what is none counts as wrong.
    told = candidates.assign(chance=chance.fillna(0.0))[
        (linked & chance.le(_SURE)) | (~linked & ~candidates["taken"])
    ]
    rows = pd.DataFrame({"left": cases["person"], "case": np.arange(len(cases))})
    columns = ["left", "right", "chance", "linked"]
    pairs = told[columns].merge(rows, on="left")[["case", *columns[1:]]]
    if (1 - pairs["chance"]).sum() >= _ENOUGH_RIVALS:
        step = -(-len(pairs) // _MOST_RIVALS)
        return pairs.iloc[::step].reset_index(drop=True), "the released candidates"
    return _pool(pathways, seed), "all free treatment records, paired at random"


def _pool(pathways: Pathways, seed: int) -> pd.DataFrame:
    taken = np.zeros(pathways.right_people, dtype=bool)
    taken[pathways.links["right"].to_numpy(dtype=np.int64)] = True
    pool = np.flatnonzero(~taken) if not taken.all() else np.arange(pathways.right_people)
    size = len(pathways.cases)
    if not len(pool) or not size:
        return pd.DataFrame({"case": [], "right": [], "chance": [], "linked": []}).astype(
            {"case": np.int64, "right": np.int64, "chance": np.float64, "linked": bool}
        )
    generator = np.random.Generator(np.random.PCG64(seed))
    case = np.repeat(np.arange(size), max(1, POOL_PAIRS // size))
    right = pool[generator.integers(0, len(pool), len(case))]
    return pd.DataFrame({"case": case, "right": right, "chance": 0.0, "linked": False})


def of_strangers(sums: list[Floats]) -> Floats:
    """What a stranger's record counts for, S, where E x = P T + (1 - P) S with match probability P.

    Least squares over pairs that are right with different probabilities, from the sums of P P,
    P (1 - P), (1 - P) (1 - P), P x and (1 - P) x. NaN where no pair can be wrong.
    """
    right, mixed, wrong, by_right, by_wrong = sums
    both = right * wrong - mixed**2
    with np.errstate(invalid="ignore", divide="ignore"):
        alone = by_wrong / wrong
        together = (right * by_wrong - mixed * by_right) / both
    return np.where(both > _TELLS * right * wrong, together, alone)


def mean_of_halves(values: Floats, weight: Floats) -> Floats:
    """The weighted mean of every two neighbours of the last axis; a NaN has no weight."""
    weight = np.where(np.isnan(values), 0.0, weight).reshape(*values.shape[:-1], -1, 2)
    pairs = np.nan_to_num(values).reshape(weight.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray((weight * pairs).sum(axis=-1) / weight.sum(axis=-1))
