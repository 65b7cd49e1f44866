"""Choosing the threshold without truth, from the match probabilities of the assigned pairs."""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.errors import SeparationError
from blindlink.messages.plan import Plan

# Below this the links would be more often wrong than right, or more than half would be missed:
# no threshold can then be defended as having found the matches.
LEAST_PRECISION = 0.5
LEAST_F1 = 0.5
_HALF = 0.5  # a right link: less is no reason to accept more wrong ones


@dataclass(frozen=True)
class Curve:
    """Expected quality for every threshold that changes the links, highest first.

    ``position`` is the number of links at each threshold: the assigned pairs are sorted by score.
    ``correct`` and ``total`` are expected numbers of right links and of true pairs.
    """

    threshold: Floats
    position: Int64s
    correct: Floats
    total: float
    false_link_rate: Floats

    @property
    def precision(self) -> Floats:
        """Expected share of the links that are right."""
        return self.correct / self.position

    @property
    def recall(self) -> Floats:
        """Expected share of the true pairs that are linked."""
        return self.correct / max(self.total, 1e-9)

    @property
    def f1(self) -> Floats:
        """Expected F1, as the ratio of expectations."""
        return 2 * self.correct / (self.position + self.total)


def curve(
    score: Floats, probability: Floats, partnerless: Floats, total: float, free: float
) -> Curve:
    """The curve over assigned pairs in falling order of score.

    ``partnerless``: probability that the left entity of each pair has no true partner; ``free``:
    how many left entities of the whole file are expected to have none.
    """
    last = np.flatnonzero(np.r_[score[1:] < score[:-1], True])
    return Curve(
        threshold=score[last],
        position=last + 1,
        correct=np.cumsum(probability)[last],
        total=total,
        false_link_rate=np.minimum(np.cumsum(partnerless)[last] / max(free, 1.0), 1.0),
    )


def _undominated(points: Curve, good: Bools) -> int:
    """Of the thresholds that meet the target, the one that finds most.

    Lower ones that find less than half a right link more are beaten: they only add wrong links.
    """
    most = points.correct[good].max()
    enough = np.flatnonzero(good & (points.correct >= most - _HALF))
    return int(enough[points.precision[enough].argmax()])


def choose(points: Curve, plan: Plan) -> int:
    """The position on the curve that serves the plan's target best: no other threshold is expected
    to give as many right links with a better precision.

    Raises SeparationError when no threshold meets the target, or the best one is indefensible.
    """
    name, value = plan.aim
    if name == "f1":
        best = int(points.f1.argmax())
    else:
        good = points.precision >= value
        if name == "false_link_rate":
            good = points.false_link_rate <= value
        if not good.any():
            raise SeparationError(
                f"no threshold is expected to meet the target {plan.target}",
                hint="relax the target of the plan, or give a fallback threshold",
            )
        best = _undominated(points, good)
    precision, f1 = points.precision[best], points.f1[best]
    if precision < LEAST_PRECISION or f1 < LEAST_F1:
        raise SeparationError(
            "the scores do not separate matches from non-matches: the best threshold gives an "
            f"expected precision of {precision:.2f} and F1 of {f1:.2f}, with {points.total:.0f} "
            "true pairs"
        )
    return best
