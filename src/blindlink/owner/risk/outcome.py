"""How well an attack guessed, beside a blind guess.

Balanced accuracy is the mean over an attribute's values of the share guessed right, so that a
guesser who knows nothing reaches 1 / (number of values), however uneven they are.
"""

import math
from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Int64s
from blindlink.owner.risk.report import Metric, light

KEYLESS, KNOWN = (0.02, 0.05), (0.05, 0.10)
BY_GUESSING = "by guessing"  # how the text of every attack that guesses an attribute ends
_RARE = 10  # values held by fewer test records say nothing
_CHANCE = 3.5  # standard errors; some two hundred attacks are played, and one in 4,000 goes so far


@dataclass(frozen=True)
class Outcome:
    """The accuracy reached, the rate of a blind guess, and the standard error of such a guess."""

    accuracy: float
    guess: float
    error: float = 0.0

    @property
    def gain(self) -> float:
        """What the attack learned."""
        return self.accuracy - self.guess

    @property
    def beyond_chance(self) -> bool:
        """Whether a blind guess over as many records would hardly have done as well."""
        return self.gain > _CHANCE * self.error


def balanced(truth: Int64s, guessed: Int64s) -> Outcome:
    """Balanced accuracy over the values that are frequent enough to judge."""
    values, counts = np.unique(truth, return_counts=True)
    common = values[counts >= _RARE]
    if len(common) < 2:
        return Outcome(0.0, 0.0)
    shares = [float((guessed[truth == value] == value).mean()) for value in common]
    guess = 1 / len(common)
    spread = guess * (1 - guess) * float((1 / counts[counts >= _RARE]).sum())
    return Outcome(float(np.mean(shares)), guess, math.sqrt(spread) / len(common))


def judged(family: str, part: str, outcome: Outcome, limits: tuple[float, float]) -> Metric:
    """The line of the report for an attack. ``limits`` are gains over the guess.

    A gain that chance explains is green: in a small file every attack is now and then lucky.
    """
    text = f"{outcome.accuracy:.3f} against {outcome.guess:.3f} {BY_GUESSING}"
    seen = light(outcome.gain, *limits) if outcome.beyond_chance else "green"
    return Metric(family, part, outcome.gain, seen, text)
