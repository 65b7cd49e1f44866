"""The score model: of the candidates with this score, how many are matches? Without any truth.

Two components. Non-matches are measured (non_match_scores.py); matches are what the candidates show
beyond them, in segments of one mix each (segments.py), so no shape is assumed for either: scores of
encodings are lumpy and every profile has other lumps. Each candidate's odds then compete with those
of its rivals (competition.py), and EM makes both ends meet: pairs that lose to a rival are counted
as non-matches, which sharpens their number where matches are thick.

Matches in segments without a clear excess cannot be counted from scores. How many they are gets a
stated prior (exponential, UNSEEN of the matches found), updated by the excess that the scores do
show there, with its error. In segments that can tell a little this gives small probabilities; all
others together go into recall and its interval.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.errors import SeparationError
from blindlink.linker.model import competition
from blindlink.linker.model.non_match_scores import NonMatchScores, measure
from blindlink.linker.model.non_matches import Evidence
from blindlink.linker.model.segments import locate

UNSEEN = 0.03
_CLEAR = 3.0  # standard errors of excess that make a segment, chosen for it, hold matches
_FAINT = 4.0  # the same where matches are few among many non-matches, and a small bias counts
_FAINT_SHARE = 0.3
_TELLING = 3.0  # errors of up to so many times the prior mean still tell something
_TAIL = 0.01  # highest share of the non-matches' scores, for a bound where no match is found
_BOUND = 1.96
_TILTED = 0.1  # relative error of the non-matches there, where the files are unlike
_ROUNDS = 60
_MOST = 0.98  # largest share of a file that counts as matched in the odds
_LEAST = 10.0  # fewest expected matches that a model can be built on


@dataclass(frozen=True)
class ScoreModel:
    """The fitted model.

    ``probability`` and segment of each candidate of the evidence; per segment of ``measured``, the
    expected ``non_matches`` and ``matches`` among the candidates, and ``support``, the effective
    number of pairs behind the non-matches; ``unseen``: (excess, error) where the scores cannot
    tell.
    """

    measured: NonMatchScores
    probability: Floats
    pair_segment: Int64s
    non_matches: Floats
    support: Floats
    matches: Floats
    unseen: tuple[float, float]

    @property
    def matched(self) -> float:
        """Expected matches among the candidates."""
        return float(self.matches.sum())

    @property
    def missed(self) -> float:
        """Expected matches that no clear segment holds: the mean of their posterior."""
        return float(missed_draws(self, 4000, np.random.default_rng(0)).mean())

    @property
    def total(self) -> float:
        """Expected true pairs between comparable entities."""
        return self.matched + self.missed


def fit(evidence: Evidence, cardinality: str) -> ScoreModel:
    """Fit the model. Raises SeparationError when the candidates show no matches."""
    if not evidence.left_entities or not evidence.right_entities:
        raise SeparationError("one of the files holds no record that can be compared")
    measured = measure(evidence, cardinality)
    # First every segment with an excess, however small; then those whose excess stands out once the
    # candidates that lost to a rival have sharpened the number of non-matches.
    nothing = np.zeros(len(measured.seen))
    first = _expectation_maximisation(
        evidence,
        measured,
        cardinality,
        measured.seen - measured.expected > _error(measured.seen, measured),
        nothing,
    )
    clear = _clear(measured, first)
    model = _expectation_maximisation(
        evidence, measured, cardinality, clear, _faint(measured, first, clear)
    )
    if model.matched < _LEAST:
        raise SeparationError(
            "the scores show no matches: pairs between the files score no higher than non-matches "
            f"within each file do; {_bound(evidence)}"
        )
    return model


def _bound(evidence: Evidence) -> str:
    """What can be said all the same: how many matches may stand among the highest scores."""
    within = np.r_[evidence.within_left.score, evidence.within_right.score]
    if not len(within):
        return "within the files no pairs are similar enough to compare with"
    level = np.quantile(within, 1 - _TAIL)
    seen, non_matches = int((evidence.pairs.score > level).sum()), int((within > level).sum())
    expected = non_matches * len(evidence.pairs) / len(within)
    error = np.sqrt(max(seen, 1) + expected**2 / max(non_matches, 1) + (_TILTED * expected) ** 2)
    most = min(max(seen - expected, 0.0) + _BOUND * error, seen)
    return (
        f"of the {seen:,} pairs that score above {1 - _TAIL:.0%} of non-matches, at most "
        f"{np.ceil(most):,.0f} can be matches (97.5 % bound)"
    )


def _clear(measured: NonMatchScores, model: ScoreModel) -> Bools:
    """The segments whose excess stands out; more so where matches are few among non-matches."""
    excess, error = measured.seen - model.non_matches, _error(measured.seen, model)
    faint = model.matches < _FAINT_SHARE * measured.seen
    result: Bools = excess > np.where(faint, _FAINT, _CLEAR) * error
    return result


def _faint(measured: NonMatchScores, model: ScoreModel, clear: Bools) -> Floats:
    """Odds in segments above the lowest clear one that are not clear themselves.

    The excess there, drawn towards the prior for what is unseen. Below the lowest clear segment the
    odds are 0: there the excess is small and non-matches are many.
    """
    scale = max(UNSEEN * model.matched, 1e-6)
    excess, error = measured.seen - model.non_matches, _error(measured.seen, model)
    middle = np.linspace(0.005, 0.995, 100)
    matches = [
        _cut_normal(mean - size**2 / scale, size, middle, scale).mean()
        for mean, size in zip(excess, error, strict=True)
    ]
    above = np.cumsum(clear) > 0
    telling = ~clear & above & (error < _TELLING * scale)
    return np.where(telling, matches / model.non_matches, 0.0)


def _error(seen: Floats, basis: "NonMatchScores | ScoreModel") -> Floats:
    """The standard error of an excess over the non-matches as measured or as modelled."""
    non_matches = basis.expected if isinstance(basis, NonMatchScores) else basis.non_matches
    result: Floats = np.sqrt(np.maximum(seen + non_matches**2 / basis.support, 1.0))
    return result


def _expectation_maximisation(
    evidence: Evidence,
    measured: NonMatchScores,
    cardinality: str,
    active: Bools,
    fixed: Floats,
) -> ScoreModel:
    """Probabilities of pairs and numbers of non-matches that fit each other, in active segments.

    ``fixed``: the odds in the other segments.
    """
    pair_segment = measured.segment[locate(evidence.pairs.score, measured.edges)]
    matches = np.where(active, np.maximum(measured.seen - measured.expected, 0), 0.0)
    non_matches, support = measured.expected, measured.support
    probability, before = np.zeros(len(pair_segment)), -1.0
    for _ in range(_ROUNDS):
        odds = np.where(active, matches / non_matches, fixed)
        free = _free(evidence, measured.tilt, float(matches.sum()), cardinality)
        probability = _probabilities(evidence, (odds / free)[pair_segment], cardinality)
        matches = np.bincount(pair_segment, probability, minlength=len(measured.seen))
        # Both the expectation and those non-matches between the files that lost to a partner speak.
        losers, told = np.maximum(measured.seen - matches, 0), 1 - free
        non_matches = (measured.support + told * losers) / (
            measured.support / measured.expected + told
        )
        support = measured.support + told * losers
        if abs(matches.sum() - before) < 0.01:
            break
        before = float(matches.sum())
    rest = ~active & (fixed == 0)
    error = np.sqrt((_error(measured.seen, measured)[rest] ** 2).sum())
    unseen = float((measured.seen - measured.expected)[rest].sum()), max(float(error), 1.0)
    return ScoreModel(measured, probability, pair_segment, non_matches, support, matches, unseen)


def missed_draws(model: ScoreModel, draws: int, rng: np.random.Generator) -> Floats:
    """Draws of the number of matches where the scores cannot tell. Shape: (draws,).

    Prior exponential with mean UNSEEN x matched, likelihood normal around the excess that was seen
    there; the posterior is a normal cut off at zero, drawn by inversion.
    """
    scale = max(UNSEEN * model.matched, 1e-6)
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
    """The share of non-matches' pairs whose records have no partner elsewhere. Shape: (segments,).

    A matched record is of a person who is in both files and resembles both: it meets non-matches of
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
