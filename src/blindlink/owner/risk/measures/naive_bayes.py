"""Known pairs, bit by bit: how often is each bit set among the known people with each value?

Naive Bayes with add-one smoothing. XOR defeats it, so the guess rate here proves nothing alone.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.known_pairs import LEAST, classes_of, one_hot, tasks, too_few
from blindlink.owner.risk.outcome import KNOWN, Outcome, balanced, judged
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

_FAMILY = "naive Bayes"


def naive_bayes(case: Case, view: View) -> Iterator[Metric]:
    """Every attribute with 500 and with 4,000 known people."""
    if len(view) < LEAST:
        yield too_few(_FAMILY, view)
    work = [(name, Bayes(codes, known)) for name, codes, known in tasks(case, len(view))]
    for block in view.blocks() if work else ():
        for _, attack in work:
            attack.see(block)
    for name, attack in work:
        part = f"{view.name}, {name}, {attack.known:,} known"
        yield judged(_FAMILY, part, attack.outcome(), KNOWN)


class Bayes:
    """Reads the bits by blocks of columns, so that wide filters need no room."""

    def __init__(self, codes: Int64s, known: int) -> None:
        self.known, self._codes = known, codes
        self._values, classes = classes_of(codes[:known])
        self._member = one_hot(classes, len(self._values))
        self._score = np.zeros((len(codes) - known, len(self._values)), np.float32)

    def see(self, block: Float32s) -> None:
        """Add the evidence of these columns, (rows, columns)."""
        held = self._member.T @ block[: self.known]
        share = (held + 1) / (self._member.sum(axis=0)[:, None] + 2)
        absent = np.log1p(-share)
        self._score += block[self.known :] @ (np.log(share) - absent).T + absent.sum(axis=1)

    def outcome(self) -> Outcome:
        """Of the rows that are not known."""
        test = self._codes[self.known :]
        guessed = self._values[self._score.argmax(axis=1)]
        return balanced(test[test >= 0], guessed[test >= 0])
