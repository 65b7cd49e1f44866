"""Weights of tokens by evidence: the share of common bits follows the match weight of a pair.

A composite agrees only where all its columns do, so a sum of composites can follow any match weight
that grows with each agreement. Which weights do it best is a least-squares problem that knows only
the entropies and error rates of the profile, no data.
"""

import itertools
import math
from typing import Any

import numpy as np

from blindlink.arrays import Floats, Int64s
from blindlink.schema.profiles.rules import named, token

Document = dict[str, Any]


def evidence(columns: list[Document], rule: Document) -> list[Document]:
    """Composite tokens whose common bits follow the evidence that two records are of one person.

    The evidence of a pattern (at which level each group agrees) is the sum of log2(m / u) (Fellegi
    and Sunter 1969), with m from ``differs`` and u = 2^-bits. The tokens are all choices of one
    column of each group with ``minimum`` to ``maximum`` bits together. Their weights, never below
    zero, are those by which the share of common bits comes nearest to the evidence above zero,
    over the most that there can be: least squares of the errors relative to that share plus
    ``tolerance``, where patterns that speak for strangers count ``strangers`` times as much. A
    record sets ``bits`` bits in all, before rounding; a token that would get less than half a bit
    is left out.
    """
    levels = _levels(named(columns, rule))
    tokens = [
        place
        for place in itertools.product(*(range(len(level) + 1) for level in levels))
        if rule["minimum"] <= _bits(levels, place) <= rule["maximum"]
    ]
    weights = _fitted(levels, np.array(tokens), rule) if tokens else np.zeros(0)
    return [
        token([level[at - 1] for level, at in zip(levels, place, strict=True) if at], round(size))
        for place, size in zip(tokens, weights * rule["bits"], strict=True)
        if round(size) >= 1
    ]


def _levels(columns: list[Document]) -> list[list[Document]]:
    """The columns of each group, the coarsest first: who agrees on a finer one agrees on it too."""
    names = dict.fromkeys(column["group"] for column in columns)
    groups = [[column for column in columns if column["group"] == name] for name in names]
    return [sorted(group, key=lambda column: float(column["bits"])) for group in groups]


def _bits(levels: list[list[Document]], place: tuple[int, ...]) -> float:
    return math.fsum(g[at - 1]["bits"] for g, at in zip(levels, place, strict=True) if at)


def _fitted(levels: list[list[Document]], tokens: Int64s, rule: Document) -> Floats:
    """The weights of the tokens; their sum is 1."""
    from scipy.optimize import nnls

    patterns = np.array(list(itertools.product(*(range(len(level) + 1) for level in levels))))
    parts = [_evidence(level)[patterns[:, i]] for i, level in enumerate(levels)]
    total = np.sum(parts, axis=0)
    agree = (patterns[:, None, :] >= tokens[None, :, :]).all(axis=2).astype(float)
    total, agree = total[agree.any(axis=1)], agree[agree.any(axis=1)]
    wanted = np.maximum(total, 0) / total.max()
    scale = np.where(wanted > 0, 1.0, rule["strangers"]) / (rule["tolerance"] + wanted)
    # A little of ridge makes the solution unique, so the same wherever it is computed.
    ridge = 1e-3 * np.eye(len(tokens))
    matrix = np.concatenate([agree * scale[:, None], ridge])
    found, _ = nnls(matrix, np.concatenate([wanted * scale, np.zeros(len(tokens))]))
    weights: Floats = found / found.sum()
    return weights


def _evidence(level: list[Document]) -> Floats:
    """log2(m / u) where a group agrees at no level, at the coarsest and so on to the finest."""
    same = np.array([1.0, *(1 - column["differs"] for column in level), 0.0])
    stranger = np.array([1.0, *(2.0 ** -column["bits"] for column in level), 0.0])
    m, u = np.maximum(same[:-1] - same[1:], 1e-4), stranger[:-1] - stranger[1:]
    # A level that strangers cannot reach, as in a column of one value, says nothing.
    weight: Floats = np.log2(m / np.where(u > 0, u, m))
    return weight
