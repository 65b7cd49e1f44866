"""Patterns of bits aligned with the values of an attribute by frequency alone.

The attacker has no key and knows nobody, only how frequent the values are. Source of the idea:
Christen, Vidanage, Ranbaduge and Schnell, Pattern-mining based cryptanalysis of Bloom filters for
privacy-preserving record linkage (2018).
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.outcome import KEYLESS, Outcome, balanced, judged
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

_NEAR = 3.0  # standard errors between the frequencies of a pattern and of a value
_ABSENT, _PRESENT = -6.0, 3.0


def aligned(
    family: str, case: Case, view: View, patterns: Bools, background: float
) -> Iterator[Metric]:
    """Guess every attribute from ``patterns`` (rows, patterns). ``background``: the share of rows
    without the value that show its pattern all the same.
    """
    for name, truth in case.truth.items():
        codes = truth[case.sample]
        there = codes >= 0
        if len(np.unique(codes[there])) < 2:
            continue
        outcome = align(patterns[there], codes[there], background)
        yield judged(family, f"{view.name}, {name}", outcome, KEYLESS)


def align(patterns: Bools, truth: Int64s, background: float) -> Outcome:
    """Each pattern votes for the value whose frequency is nearest to its own, be it that nobody
    else shows the pattern or that ``background`` does.
    """
    values, counts = np.unique(truth, return_counts=True)
    alone = counts / len(truth)
    apart = np.minimum(_apart(patterns, alone), _apart(patterns, alone + (1 - alone) * background))
    nearest, close = apart.argmin(axis=1), apart.min(axis=1) < _NEAR
    score = np.zeros((len(truth), len(values)))
    for value in range(len(values)):
        voters = patterns[:, close & (nearest == value)]
        if np.shape(voters)[1]:
            score[:, value] = np.where(voters, _PRESENT, _ABSENT).mean(axis=1)
    # Nothing seen: guess blindly, not always the first value.
    score += 1e-6 * np.random.default_rng(0).random(np.shape(score))
    return balanced(truth, values[score.argmax(axis=1)])


def _apart(patterns: Bools, expected: Floats) -> Floats:
    """Standard errors between the frequency of each pattern and what each value lets expect."""
    noise = np.sqrt(expected * (1 - expected) / len(patterns)) + 1e-12
    found: Floats = np.abs(patterns.mean(axis=0)[:, None] - expected) / noise
    return found
