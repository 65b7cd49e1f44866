"""No key: do the number of bits set and the match keys that are blank show what a person lacks?

A missing field takes its tokens away, so the weight of a filter falls by a number that is public
arithmetic, and every match key with that field is all zero. What somebody has no record of, such
as an address, may be what others want to know.
"""

import math
from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bools, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.outcome import balanced
from blindlink.owner.risk.report import Metric, light

# Amber as soon as the shape tells more than a guess, never red: the owner cannot mend it in the
# data, and the line says how many people it marks. No share of gaps makes it green again.
LIMITS = (0.02, math.inf)
_FAMILY = "missing fields told by shape"


def missing(case: Case) -> Iterator[Metric]:
    """For each field that some people lack: who they are, by weight and blank match keys."""
    shape = _shape(case)
    told = set()
    for name, lacking in case.missing.items():
        truth = lacking[case.sample]
        if truth.tobytes() in told or not 0 < truth.mean() < 1:
            continue
        told.add(truth.tobytes())
        guessed = _guessed(shape, truth)
        half = slice(1, None, 2)
        outcome = balanced(truth[half].astype(np.int64), guessed[half].astype(np.int64))
        right = int((truth & guessed)[half].sum())
        precision = right / max(int(guessed[half].sum()), 1)
        recall = right / max(int(truth[half].sum()), 1)
        text = (
            f"{lacking.mean():.1%} of people lack it; of those who are marked {precision:.0%} do, "
            f"and {recall:.0%} of them are marked"
        )
        seen = light(outcome.gain, *LIMITS) if outcome.beyond_chance else "green"
        yield Metric(_FAMILY, name, max(outcome.gain, 0.0), seen, text)


def _shape(case: Case) -> Int64s:
    """A number for each sampled row, the same where weights and blank match keys are the same."""
    rows = case.sample
    parts = [np.bitwise_count(each[rows]).sum(axis=1) for each in case.encodings.filters]
    parts += [each[rows].any(axis=1) for each in case.encodings.match_keys]
    columns = np.column_stack([np.asarray(part, np.int64) for part in parts])
    found: Int64s = np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
    return found


def _guessed(shape: Int64s, truth: Bools) -> Bools:
    """Whether a row lacks the field, learned from every second row: where that is likelier among
    rows of this shape than among all.
    """
    taught = slice(0, None, 2)
    size = int(shape.max()) + 1
    lacking = np.bincount(shape[taught], truth[taught], minlength=size)
    everybody = np.bincount(shape[taught], minlength=size)
    likely: Bools = lacking > truth[taught].mean() * np.maximum(everybody, 1)
    return likely[shape]
