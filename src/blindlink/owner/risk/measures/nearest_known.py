"""Known pairs by similarity: each record gets the attribute of the most similar known record.

Every encoding that can be linked gives something here once many people are known, since people who
are alike have like encodings. It sees what XOR hides from counts of bits.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.known_pairs import LEAST, tasks, too_few
from blindlink.owner.risk.outcome import KNOWN, Outcome, balanced, judged
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View


def nearest_known(case: Case, view: View) -> Iterator[Metric]:
    """Every attribute with 500 and with 4,000 known people."""
    if len(view) < LEAST:
        yield too_few("nearest known record", view)
    for name, codes, known in tasks(case, len(view)):
        outcome = nearest(view.common, view.weight, codes, known)
        part = f"{view.name}, {name}, {known:,} known"
        yield judged("nearest known record", part, outcome, KNOWN)


def nearest(common: Float32s, weight: Float32s, codes: Int64s, known: int) -> Outcome:
    """By Dice similarity to the first ``known`` rows that have the attribute."""
    seen = np.flatnonzero(codes[:known] >= 0)
    rest = np.flatnonzero(codes[known:] >= 0) + known
    guessed = []
    for start in range(0, len(rest), 1000):
        part = rest[start : start + 1000]
        dice = common[np.ix_(part, seen)] / np.maximum(weight[part][:, None] + weight[seen], 1)
        guessed.append(codes[seen[dice.argmax(axis=1)]])
    return balanced(codes[rest], np.concatenate(guessed))
