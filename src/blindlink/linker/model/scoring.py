"""The score model: of the candidates with this score, how many are matches? Without any truth.

Two components. Non-matches are measured (non_match_scores.py); matches are what the candidates show
beyond them, in segments of one mix each (segments.py), so no shape is assumed for either: scores of
encodings are lumpy and every profile has other lumps. Each candidate's odds then compete with those
of its rivals (competition.py), and EM makes both ends meet: pairs that lose to a rival are counted
as strangers, which sharpens the null where matches are thick.

Matches in segments without a clear excess cannot be counted from scores. How many they are gets a
stated prior (exponential, UNSEEN of the matches found), updated by the excess that the scores do
show there, with its error. In segments that can tell a little this gives small probabilities; all
others together go into recall and its interval.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from blindlink.errors import SeparationError
from blindlink.linker.model import competition
from blindlink.linker.model.non_match_scores import Null, measure
from blindlink.linker.model.non_matches import Evidence
from blindlink.linker.model.segments import locate

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

UNSEEN = 0.03
_CLEAR = 3.0  # standard errors of excess that make a segment, chosen for it, hold matches
_FAINT = 4.0  # the same where matches are few among many strangers, and a small bias counts
_FAINT_SHARE = 0.3
_TELLING = 3.0  # errors of up to so many times the prior mean still tell something
_TAIL = 0.01  # highest share of the strangers' scores, for a bound where no match is found
_BOUND = 1.96
_TILTED = 0.1  # relative error of the strangers there, where the files are unlike
_ROUNDS = 60
_MOST = 0.98  # largest share of a file that counts as matched in the odds
_LEAST = 10.0  # fewest expected matches that a model can be built on


@dataclass(frozen=True)
class ScoreModel:
    """The fitted model.

    ``probability`` and segment of each candidate of the evidence; per segment of ``null``, the
    expected ``strangers`` and ``matches`` among the candidates, and ``support``, the effective
    number of pairs behind the strangers; ``unseen``: (excess, error) where the scores cannot
    tell.
    """

    null: Null
    probability: Floats
    pair_segment: Index
    strangers: Floats
    support: Floats
    matches: Floats
    unseen: tuple[float, float]

    @property
    def found(self) -> float:
        """Expected matches among the candidates."""
        return float(self.matches.sum())

    @property
    def missed(self) -> float:
        """Expected matches that no clear segment holds: the mean of their posterior."""
        return float(missed_draws(self, 4000, np.random.default_rng(0)).mean())

    @property
    def total(self) -> float:
        """Expected true pairs between comparable entities."""
        return self.found + self.missed


def fit(evidence: Evidence, cardinality: str) -> ScoreModel:
    """Fit the model. Raises SeparationError when the candidates show no matches among strangers."""
    if not evidence.left_entities or not evidence.right_entities:
        raise SeparationError("one of the files holds no record that can be compared")
    null = measure(evidence, cardinality)
    # First every segment with an excess, however small; then those whose excess stands out once the
    # candidates that lost to a rival have sharpened the number of strangers.
    nothing = np.zeros(len(null.seen))
    first = _expectation_maximisation(
        evidence, null, cardinality, null.seen - null.expected > _error(null.seen, null), nothing
    )
    clear = _clear(null, first)
    model = _expectation_maximisation(
        evidence, null, cardinality, clear, _faint(null, first, clear)
    )
    if model.found < _LEAST:
        raise SeparationError(
            "the scores show no matches: pairs between the files score no higher than strangers "
            f"within each file do; {_bound(evidence)}"
        )
    return model


def _bound(evidence: Evidence) -> str:
    """What can be said all the same: how many matches may stand among the highest scores."""
    within = np.r_[evidence.within_left.score, evidence.within_right.score]
    if not len(within):
        return "within the files no pairs are similar enough to compare with"
    level = np.quantile(within, 1 - _TAIL)
    seen, strangers = int((evidence.pairs.score > level).sum()), int((within > level).sum())
    expected = strangers * len(evidence.pairs) / len(within)
    error = np.sqrt(max(seen, 1) + expected**2 / max(strangers, 1) + (_TILTED * expected) ** 2)
    most = min(max(seen - expected, 0.0) + _BOUND * error, seen)
    return (
        f"of the {seen:,} pairs that score above {1 - _TAIL:.0%} of strangers, at most "
        f"{np.ceil(most):,.0f} can be matches (97.5 % bound)"
    )


def _clear(null: Null, model: ScoreModel) -> npt.NDArray[np.bool_]:
    """The segments whose excess stands out; more so where matches are few among strangers."""
    excess, error = null.seen - model.strangers, _error(null.seen, model)
    faint = model.matches < _FAINT_SHARE * null.seen
    result: npt.NDArray[np.bool_] = excess > np.where(faint, _FAINT, _CLEAR) * error
    return result


def _faint(null: Null, model: ScoreModel, clear: npt.NDArray[np.bool_]) -> Floats:
    """Odds in segments above the lowest clear one that are not clear themselves.

    The excess there, drawn towards the prior for what is unseen. Below the lowest clear segment the
    odds are 0: there the excess is small and strangers are many.
    """
    scale = max(UNSEEN * model.found, 1e-6)
    excess, error = null.seen - model.strangers, _error(null.seen, model)
    middle = np.linspace(0.005, 0.995, 100)
    matches = [
        _cut_normal(mean - size**2 / scale, size, middle, scale).mean()
        for mean, size in zip(excess, error, strict=True)
    ]
    above = np.cumsum(clear) > 0
    telling = ~clear & above & (error < _TELLING * scale)
    return np.where(telling, matches / model.strangers, 0.0)


def _error(seen: Floats, basis: "Null | ScoreModel") -> Floats:
    """The standard error of an excess over the strangers of a null or of a model."""
    strangers = basis.expected if isinstance(basis, Null) else basis.strangers
    result: Floats = np.sqrt(np.maximum(seen + strangers**2 / basis.support, 1.0))
    return result


def _expectation_maximisation(
    evidence: Evidence,
    null: Null,
    cardinality: str,
    active: npt.NDArray[np.bool_],
    fixed: Floats,
) -> ScoreModel:
    """Probabilities of pairs and numbers of strangers that fit each other, in active segments.

    ``fixed``: the odds in the other segments.
    """
    pair_segment = null.segment[locate(evidence.pairs.score, null.edges)]
    matches = np.where(active, np.maximum(null.seen - null.expected, 0), 0.0)
    strangers, support = null.expected, null.support
    probability, found = np.zeros(len(pair_segment)), -1.0
    for _ in range(_ROUNDS):
        odds = np.where(active, matches / strangers, fixed)
        free = _free(evidence, null.tilt, float(matches.sum()), cardinality)
        probability = _probabilities(evidence, (odds / free)[pair_segment], cardinality)
        matches = np.bincount(pair_segment, probability, minlength=len(null.seen))
        # Both the expectation and those strangers between the files that lost to a partner speak.
        losers, told = np.maximum(null.seen - matches, 0), 1 - free
        strangers = (null.support + told * losers) / (null.support / null.expected + told)
        support = null.support + told * losers
        if abs(matches.sum() - found) < 0.01:
            break
        found = float(matches.sum())
    rest = ~active & (fixed == 0)
    error = np.sqrt((_error(null.seen, null)[rest] ** 2).sum())
    unseen = float((null.seen - null.expected)[rest].sum()), max(float(error), 1.0)
    return ScoreModel(null, probability, pair_segment, strangers, support, matches, unseen)


def missed_draws(model: ScoreModel, draws: int, rng: np.random.Generator) -> Floats:
    """Draws of the number of matches where the scores cannot tell. Shape: (draws,).

    Prior exponential with mean UNSEEN x found, likelihood normal around the excess that was seen
    there; the posterior is a normal cut off at zero, drawn by inversion.
    """
    scale = max(UNSEEN * model.found, 1e-6)
    excess, error = model.unseen
    return _cut_normal(excess - error**2 / scale, error, rng.random(draws), scale)


def _cut_normal(mean: float, error: float, chance: Floats, scale: float) -> Floats:
    """Quantiles of the normal distribution cut off at zero; exponential far in its tail."""
    below = ndtr(-mean / error)
    if below > 1 - 1e-9:
        return -scale * np.log1p(-chance)
    result: Floats = mean + error * ndtri(below + chance * (1 - below))
    return np.maximum(result, 0)


def _free(evidence: Evidence, tilt: Floats, matched: float, cardinality: str) -> Floats:
    """The share of strangers' pairs whose records have no partner elsewhere. Shape: (segments,).

    A matched record is of a person who is in both files and resembles both: it meets strangers of
    the left file at a rate halfway, on the log scale, from that between the files to that within
    the left file, and likewise on the right. The rate between is halfway from one file to the
    other, so the tilt enters by a quarter.
    """
    left = matched / max(evidence.left_entities, 1) * np.exp(-tilt / 4)
    right = matched / max(evidence.right_entities, 1) * np.exp(tilt / 4)
    free_left = 1.0 if cardinality != "one-to-one" else 1 - np.minimum(left, _MOST)
    free_right = 1.0 if cardinality == "many-to-many" else 1 - np.minimum(right, _MOST)
    return np.ones(len(tilt)) * free_left * free_right


def _probabilities(evidence: Evidence, odds: Floats, cardinality: str) -> Floats:
    """Probability per candidate; only those with any odds enter the competition."""
    active = odds > 1e-9
    result = np.zeros(len(odds))
    pairs = evidence.pairs
    result[active] = competition.probabilities(
        pairs.left[active], pairs.right[active], odds[active], cardinality
    )
    return result
