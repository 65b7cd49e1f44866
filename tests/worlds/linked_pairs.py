"""Two tables and links with known errors: who is linked wrongly or missed, and the truth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Made:
    """Tables, links (left, right, rows), and what is true: a share, or coefficients."""

    left: pd.DataFrame
    right: pd.DataFrame
    links: pd.DataFrame
    truth: np.ndarray


def presence(
    seed: int, *, rows: int = 1500, found: tuple[float, float] = (0.85, 0.85), false: float = 0.06
) -> Made:
    """Left rows of which some have a counting record. ``found``: sensitivity of sex F and M.

    The truth is log odds: intercept (F), sex M, age.
    """
    generator = np.random.default_rng(seed)
    male, age = generator.random(rows) < 0.6, generator.normal(size=rows)
    truth = np.array([-0.6, 0.4, 0.5])
    yes = generator.random(rows) < _logistic(truth[0] + truth[1] * male + truth[2] * age)
    record = yes | (generator.random(rows) < 0.15)
    hit = record & (generator.random(rows) < np.where(male, found[1], found[0]))
    wrong = ~hit & (generator.random(rows) < false)
    own, pool = np.flatnonzero(record), rows
    place = np.full(rows, -1)
    place[own] = np.arange(len(own))
    strangers = len(own) + generator.permutation(pool)[: wrong.sum()]
    a = np.concatenate([np.flatnonzero(hit), np.flatnonzero(wrong)])
    b = np.concatenate([place[hit], strangers])
    engaged = np.concatenate([yes[own], generator.random(pool) < 0.4])
    return Made(
        pd.DataFrame({"sex": np.where(male, "M", "F"), "age": age}),
        pd.DataFrame({"engaged": engaged}),
        pd.DataFrame({"left": a, "right": b}),
        truth,
    )


def shuffled(
    seed: int,
    family: str,
    *,
    blocks: tuple[tuple[int, float], ...] = ((600, 0.8),),
    selective: float = 0.0,
) -> Made:
    """Left terms and right outcomes, one-to-one; within each block (rows, lambda) some permuted.

    ``selective``: how much more the rows with a high x are linked wrongly, which breaks
    exchangeability. The truth: intercept and slope of x, the log hazard ratio for ``cox``.
    """
    generator = np.random.default_rng(seed)
    size = sum(rows for rows, _ in blocks)
    x, draw = generator.normal(size=size), generator.random(size)
    partner, first = np.arange(size), 0
    for rows, right in blocks:
        inside = np.arange(first, first + rows)
        chance = (1 - right) * (1 + selective * np.sign(x[inside]))
        moved = inside[draw[inside] < chance]
        partner[moved] = generator.permutation(moved)
        first += rows
    truth = np.array([0.5, 0.8])
    eta = truth[0] + truth[1] * x
    if family == "cox":
        right_table = _lives(generator, eta - 0.5)
    elif family == "gaussian":
        right_table = {"y": eta + generator.normal(size=size)}
    elif family == "binomial":
        right_table = {"y": (generator.random(size) < _logistic(eta)).astype(int)}
    else:
        right_table = {"y": generator.poisson(np.exp(eta - 0.5))}
    truth = {"poisson": truth - [0.5, 0], "cox": truth[1:]}.get(family, truth)
    block = np.repeat([f"b{n}" for n in range(len(blocks))], [rows for rows, _ in blocks])
    return Made(
        pd.DataFrame({"x": x, "block": block}),
        pd.DataFrame(right_table),
        pd.DataFrame({"left": np.arange(size), "right": partner}),
        truth,
    )


def doubtful(seed: int, family: str, *, rows: int = 600) -> tuple[Made, pd.DataFrame]:
    """The same with match probabilities that are right, and all candidates.

    Half of the links are right with .97, half with .63. Each right row has a second candidate, with
    the rest of the probability: its true left row where the link is wrong, else anybody.
    """
    generator = np.random.default_rng([seed, 7])
    made = shuffled(seed, family, blocks=((rows, 1.0),))
    chance = np.where(generator.random(rows) < 0.5, 0.97, 0.63)
    wrong = np.flatnonzero(generator.random(rows) > chance)
    partner = np.arange(rows)
    partner[wrong] = np.roll(wrong, 1)
    links = made.links.assign(right=partner, probability=chance)
    other = np.where(partner == np.arange(rows), generator.permutation(rows), partner)
    second = pd.DataFrame({"left": other, "right": partner, "probability": 1 - chance})
    every = pd.concat([links, second]).drop_duplicates(["left", "right"])
    return Made(made.left, made.right, links, made.truth), every


def _lives(generator: np.random.Generator, risk: np.ndarray) -> dict[str, np.ndarray]:
    death, end = generator.exponential(np.exp(-risk)), generator.exponential(2, len(risk))
    return {"days": np.minimum(death, end), "died": (death <= end).astype(int)}


def _logistic(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))
