"""What an attacker who holds the encodings would try, played against one's own file.

Every attack guesses an attribute of the records (sex, an initial, a part of the date of birth) and
returns its balanced accuracy: the mean over the attribute's values of the share guessed right, so
that a guesser who knows nothing reaches 1 / (number of values), however uneven they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
FEW, MANY = 500, 4000
_RARE = 10  # values held by fewer test records say nothing


@dataclass(frozen=True)
class Outcome:
    """The accuracy reached and the rate of a blind guess."""

    accuracy: float
    guess: float

    @property
    def gain(self) -> float:
        """What the attack learned."""
        return self.accuracy - self.guess


def balanced(truth: Codes, guessed: Codes) -> Outcome:
    """Balanced accuracy over the values that are frequent enough to judge."""
    values, counts = np.unique(truth, return_counts=True)
    common = values[counts >= _RARE]
    if len(common) < 2:
        return Outcome(0.0, 0.0)
    shares = [float((guessed[truth == value] == value).mean()) for value in common]
    return Outcome(float(np.mean(shares)), 1 / len(common))


def principal_components(bits: Floats, truth: Codes, *, components: int = 10) -> Outcome:
    """No key and no known pair: does one of the main axes of the encodings split an attribute?

    Only for attributes of two values. The axes come from a randomised singular value decomposition
    (Halko, Martinsson and Tropp 2011). The best axis counts, and the better of the two ways to name
    its sides: an attacker with an idea of the frequencies would find it.
    """
    centred = bits - bits.mean(axis=0)
    start = np.random.default_rng(0).standard_normal((np.shape(bits)[1], components + 10))
    basis = np.linalg.qr(centred @ start.astype(np.float32))[0]
    for _ in range(2):
        basis = np.linalg.qr(centred @ (centred.T @ basis))[0]
    axes = np.linalg.svd(basis.T @ centred, full_matrices=False)[2][:components]
    scores = centred @ axes.T
    found = [
        balanced(truth, side) for i in range(components) for side in _sides(scores[:, i], truth)
    ]
    return max(found, key=lambda outcome: outcome.accuracy)


def naive_bayes(bits: Floats, truth: Codes, known: int) -> Outcome:
    """Bits counted over ``known`` records whose people the attacker knows; the rest is guessed."""
    classes, train = _classes(truth[:known])
    held = np.array([bits[:known][train == i].sum(axis=0) for i in range(len(classes))])
    sizes = np.bincount(train, minlength=len(classes))[:, None]
    share = ((held + 1) / (sizes + 2)).astype(np.float32)
    rest = bits[known:]
    score = rest @ (np.log(share) - np.log1p(-share)).T + np.log1p(-share).sum(axis=1)
    return balanced(truth[known:], classes[score.argmax(axis=1)])


def nearest_known(bits: Floats, truth: Codes, known: int) -> Outcome:
    """Each record gets the attribute of the known record with the highest Dice similarity."""
    weight = bits.sum(axis=1)
    guessed = []
    for start in range(known, len(bits), 2000):
        rest = bits[start : start + 2000]
        common = rest @ bits[:known].T
        dice = 2 * common / np.maximum(rest.sum(axis=1)[:, None] + weight[:known], 1)
        guessed.append(truth[dice.argmax(axis=1)])
    return balanced(truth[known:], np.concatenate(guessed))


def learned(bits: Floats, truth: Codes, known: int) -> Outcome:
    """Ridge regression on the bits of the known records, one against the rest, classes balanced."""
    classes, train = _classes(truth[:known])
    mean = bits[:known].mean(axis=0)
    centred = bits[:known] - mean
    kernel = (centred @ centred.T).astype(np.float64)
    weight = 1 / np.sqrt(np.bincount(train))[train]
    target = np.where(train[:, None] == np.arange(len(classes)), 1.0, 0.0)
    target = (target - target.mean(axis=0)) / np.maximum(target.std(axis=0), 1e-9)
    ridge = float(np.trace(kernel)) / known
    scaled = kernel * weight[:, None] * weight
    solved = np.linalg.solve(
        scaled + ridge * np.eye(known) * weight.mean() ** 2, weight[:, None] * target
    )
    score = ((bits[known:] - mean) @ centred.T) @ (weight[:, None] * solved).astype(np.float32)
    return balanced(truth[known:], classes[score.argmax(axis=1)])


Attack = Callable[[Floats, Codes, int], Outcome]
KNOWN_PAIRS: dict[str, tuple[Attack, int]] = {
    "naive Bayes": (naive_bayes, FEW),
    "nearest known record": (nearest_known, FEW),
    "nearest known record of many": (nearest_known, MANY),
    "learned": (learned, FEW),
}


def _classes(truth: Codes) -> tuple[Codes, Codes]:
    classes, train = np.unique(truth, return_inverse=True)
    return classes, train


def _sides(scores: Floats, truth: Codes) -> Iterator[Codes]:
    """Split an axis into sides as large as the two values, which frequencies tell, either way."""
    (low, high), counts = np.unique(truth, return_counts=True)
    for first, second, count in ((low, high, counts[0]), (high, low, counts[1])):
        cut = np.quantile(scores, count / counts.sum())
        yield np.where(scores <= cut, first, second)
