"""Who truly engages, when, how long and with what end: solved so that the true shares come out.

Every requirement gets a *possible* journey (entry, duration, end) from fixed random numbers. A
person is engaged by the study's definition exactly when some real journey of that person ends on
or after the sentence date. That makes the expected shares smooth functions of a few parameters per
kind of requirement (intercept, share of early entries, duration, mix of ends), which are adjusted
by proportional steps until the expected true shares are those that ``Parameters`` ask for. Only
then one further random number per requirement says which possible journeys are real.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.synthetic.generator.parameters import OUTCOMES, SUBSTANCES, Parameters

ROUNDS = 30
EARLY_DAYS = 20  # entries on days 1 to 21
LATE_MEAN = 230.0
BEFORE_MEAN = 140.0
# Mean days of a journey that ends this way, before scaling, and the shape of the Gamma.
MEAN_DAYS = np.array([230.0, 140.0, 130.0, 120.0, 40.0, 60.0, 200.0])
SHAPE = 1.4
OPIATE_FACTOR = 1.5
DIED = OUTCOMES.index("died")
DROPPED_OUT = OUTCOMES.index("dropped out")
OPIATE = SUBSTANCES.index("opiate")
SHORTEST = 3


@dataclass(frozen=True)
class Draws:
    """Fixed random numbers, one per requirement."""

    entry: Floats
    early: Floats
    late: Floats
    before: Floats
    outcome: Floats
    duration: Floats


@dataclass(frozen=True)
class Journeys:
    """Possible journeys, one per requirement: days of start and end (which may lie in the future),
    the end's position in OUTCOMES, and whether it starts within the observation.
    """

    start: Int64s
    end: Int64s
    outcome: Int64s
    valid: Bools


@dataclass
class Levers:
    """What is solved for; first axis is the kind of requirement."""

    intercept: Floats
    early: Floats
    scale: Floats
    outcomes: Floats


@dataclass(frozen=True)
class Pairs:
    """Ordered pairs of requirements of one person, each requirement with itself included."""

    of: Int64s
    by: Int64s


def draw_engagement(
    rng: np.random.Generator, frame: pd.DataFrame, log_odds: Floats, parameters: Parameters
) -> pd.DataFrame:
    """The real journeys: requirement (row of ``frame``), person, start, end, outcome, substance.

    ``end`` is a day, past the end of observation where the journey runs on.
    """
    kind = frame["kind"].to_numpy()
    substance = _substances(rng, kind, parameters)
    draws = _draws(rng, len(frame))
    pairs = _pairs(frame["person"].to_numpy())
    levers = _start(parameters)
    for _ in range(ROUNDS):
        journeys = _possible(frame, substance, draws, levers, parameters)
        chance = _expit(levers.intercept[kind] + log_odds)
        _adjust(levers, frame, journeys, chance, pairs, parameters)
    journeys = _possible(frame, substance, draws, levers, parameters)
    chance = _expit(levers.intercept[kind] + log_odds)
    real = np.flatnonzero(journeys.valid & (rng.random(len(frame)) < chance))
    return pd.DataFrame(
        {
            "requirement": real,
            "person": frame["person"].to_numpy()[real],
            "start": journeys.start[real],
            "end": journeys.end[real],
            "outcome": journeys.outcome[real],
            "substance": substance[real],
        }
    )


def _draws(rng: np.random.Generator, n: int) -> Draws:
    return Draws(
        entry=rng.random(n),
        early=rng.beta(1.3, 1.6, n),
        late=rng.exponential(LATE_MEAN, n),
        before=rng.exponential(BEFORE_MEAN, n),
        outcome=rng.random(n),
        duration=rng.gamma(SHAPE, 1 / SHAPE, n),
    )


def _substances(rng: np.random.Generator, kind: Int64s, parameters: Parameters) -> Int64s:
    shares = np.array(parameters.mix.substances)
    cumulative = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)[kind]
    found = (rng.random(len(kind))[:, None] > cumulative).sum(axis=1)
    group: Int64s = np.minimum(found, len(SUBSTANCES) - 1).astype(np.int64)
    return group


def _start(parameters: Parameters) -> Levers:
    shares = np.array(parameters.mix.outcomes)
    return Levers(
        intercept=np.array([0.0, -0.3]),
        early=np.array([0.4, 0.4]),
        scale=np.ones(2),
        outcomes=shares / shares.sum(axis=1, keepdims=True),
    )


def _pairs(person: Int64s) -> Pairs:
    """Requirements are ordered by person, so a person's own are neighbours."""
    n, by, of = len(person), [np.arange(len(person))], [np.arange(len(person))]
    for step in range(1, n):
        same = np.flatnonzero(person[step:] == person[:-step])
        if len(same) == 0:
            break
        of += [same, same + step]
        by += [same + step, same]
    return Pairs(of=np.concatenate(of), by=np.concatenate(by))


def _possible(
    frame: pd.DataFrame, substance: Int64s, draws: Draws, levers: Levers, parameters: Parameters
) -> Journeys:
    kind, date = frame["kind"].to_numpy(), frame["date"].to_numpy()
    already = np.array(parameters.open_at_sentence)[kind]
    early = already + levers.early[kind]
    is_open, is_early = draws.entry < already, draws.entry < early
    delay = np.where(is_early, 1 + EARLY_DAYS * draws.early, EARLY_DAYS + 2 + draws.late)
    entry = date + np.where(is_open, 0, np.floor(delay).astype(np.int64))
    outcome = (draws.outcome[:, None] > np.cumsum(levers.outcomes, axis=1)[kind]).sum(axis=1)
    outcome = np.minimum(outcome, len(OUTCOMES) - 1)
    last = np.append(frame["person"].to_numpy()[1:] != frame["person"].to_numpy()[:-1], True)
    # Nobody is sentenced after having died in treatment.
    outcome = np.where((outcome == DIED) & ~last, DROPPED_OUT, outcome)
    factor = np.where(substance == OPIATE, OPIATE_FACTOR, 1.0)
    length = draws.duration * MEAN_DAYS[outcome] * levers.scale[kind] * factor
    end = entry + SHORTEST + np.floor(length).astype(np.int64)
    start = np.where(is_open, date - 1 - np.floor(draws.before).astype(np.int64), entry)
    return Journeys(start, end, outcome, entry <= parameters.last_day)


def _adjust(
    levers: Levers,
    frame: pd.DataFrame,
    journeys: Journeys,
    chance: Floats,
    pairs: Pairs,
    parameters: Parameters,
) -> None:
    """One proportional step of every lever towards the true shares."""
    kind, date = frame["kind"].to_numpy(), frame["date"].to_numpy()
    counts = journeys.valid[pairs.by] & (journeys.end[pairs.by] >= date[pairs.of])
    engaged = _any(chance, pairs, counts)
    day21 = date[pairs.of] + 21
    present = counts & (journeys.start[pairs.by] <= day21) & (journeys.end[pairs.by] >= day21)
    in_treatment = _any(chance, pairs, present)
    published, linkage = parameters.published, parameters.linkage
    for k in (0, 1):
        mine = kind == k
        if not mine.any():
            continue
        goal = parameters.true_share(k, published.engaged[k], linkage.counts)
        levers.intercept[k] += _logit(goal) - _logit(float(engaged[mine].mean()))
        goal = parameters.true_share(k, published.in_treatment_21[k], linkage.counts_21)
        gap = (goal - float(in_treatment[mine].mean())) / float(chance[mine].mean())
        most = 1 - parameters.open_at_sentence[k]
        levers.early[k] = np.clip(levers.early[k] + gap, 0.01, most)
        _adjust_outcomes(levers, k, journeys, np.where(mine, chance, 0.0), parameters)


def _adjust_outcomes(
    levers: Levers, k: int, journeys: Journeys, weight: Floats, parameters: Parameters
) -> None:
    goal = np.array(parameters.mix.outcomes[k])
    weight = weight * journeys.valid
    closed = journeys.end <= parameters.last_day
    total = max(float(weight.sum()), 1e-9)
    found = np.bincount(journeys.outcome[closed], weight[closed], minlength=len(OUTCOMES)) / total
    mix = levers.outcomes[k] * np.clip(goal / np.maximum(found, 1e-6), 0.7, 1.4)
    levers.outcomes[k] = mix / mix.sum()
    still = min(max(1 - float(found.sum()), 0.01), 0.99)
    levers.scale[k] *= np.exp(0.7 * (_logit(1 - float(goal.sum())) - _logit(still)))


def _any(chance: Floats, pairs: Pairs, holds: Bools) -> Floats:
    """Probability that at least one real journey of the person holds, per requirement."""
    missed = np.log1p(-np.where(holds, chance[pairs.by], 0.0))
    result: Floats = -np.expm1(np.bincount(pairs.of, missed, minlength=len(chance)))
    return result


def _logit(share: float) -> float:
    share = min(max(share, 1e-4), 1 - 1e-4)
    return float(np.log(share / (1 - share)))


def _expit(log_odds: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-log_odds))
    return result
