"""Error rates of the linkage by group, relative to those of everybody.

Control records and priors speak of everybody; what differs between groups is seen in the match
probabilities of the released candidates. With R the expected right links of a group, A its expected
true pairs among the candidates, W its expected wrong links and n its cases,

    sensitivity among comparable pairs = R / A,    false links = W / (n - R).

Each is divided by the same figure of everybody and multiplies the overall rate, so that a group's
interval holds the doubt about controls and priors as well as its own sampling. Small groups are
drawn towards everybody by a few cases' worth. It rests on match probabilities that are calibrated
in every group.
"""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Floats
from blindlink.studies.probation_treatment.pathways import Pathways

TRUE_PAIRS, CASES = 20.0, 100.0  # what everybody weighs in each group: a prior, not a tuned figure


@dataclass(frozen=True)
class Relative:
    """Factors of each group: point figures (groups, 1), draws (replicates, groups, 1)."""

    false_link: Floats
    sensitivity: Floats
    false_link_draws: Floats
    sensitivity_draws: Floats


def pair_sums(pathways: Pathways) -> tuple[Floats, Floats, Floats] | None:
    """R, A and W of each left person, shape (people,); None without match probabilities."""
    pairs = pathways.candidates
    pairs = pairs[pairs["probability"].notna()]
    if not len(pairs) or not pairs["linked"].any():
        return None
    left = pairs["left"].to_numpy(dtype=np.int64)
    chance, linked = pairs["probability"].to_numpy(), pairs["linked"].to_numpy(dtype=float)
    people = pathways.left_people
    right, every, wrong = (
        np.bincount(left, weights=each, minlength=people).astype(np.float64)
        for each in (chance * linked, chance, (1 - chance) * linked)
    )
    return right, every, wrong


def relative(sums: list[Floats], draws: list[Floats]) -> Relative:
    """The factors from n, R, A and W by group (groups, 1) and their draws (replicates, groups, 1).

    A figure that is 0 for everybody has the factor 1 in every group.
    """
    return Relative(*_factors(sums, 0), *_factors(draws, 1))


def _factors(parts: list[Floats], axis: int) -> tuple[Floats, Floats]:
    cases, right, every, wrong = parts
    free = np.maximum(cases - right, 0)
    return _ratio(wrong, free, CASES, axis), _ratio(right, every, TRUE_PAIRS, axis)


def _ratio(part: Floats, whole: Floats, prior: float, axis: int) -> Floats:
    """part / whole of each group over that of everybody, drawn towards 1."""
    all_part, all_whole = (each.sum(axis=axis, keepdims=True) for each in (part, whole))
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = all_part / all_whole
        found = (part + prior * overall) / (whole + prior) / overall
    return np.where(overall > 0, found, 1.0)
