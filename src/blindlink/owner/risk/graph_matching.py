"""Find who is who from two similarity graphs of the same people, without a key or a known person.

Spectral start: GRAMPA (Fan, Mao, Wu and Xu, Spectral graph matching and regularized quadratic
relaxations, 2019), which compares all pairs of eigenvectors of the two graphs with Cauchy weights
of the eigenvalues' distance. To it is added how alike two people's own neighbourhoods look (the
node features of Vidanage, Christen, Ranbaduge and Schnell, A graph matching attack on
privacy-preserving record linkage, 2020). Then refinement: who has most matched neighbours in
common, until it stands.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from blindlink.arrays import Float32s, Int64s

ETA = 0.2  # width of the Cauchy kernel; the authors' default
ROUNDS = 10
_STRONGEST = 30


def match(first: Float32s, second: Float32s) -> Int64s:
    """For each person of ``first`` the person of ``second``: symmetric weights, zero diagonals."""
    one, other = _normal(first), _normal(second)
    start = _standard(_spectral(one, other)) + _standard(_alike(first, second))
    found = _assigned(start)
    for _ in range(ROUNDS):
        better = _assigned(one @ other[found])
        if (better == found).mean() > 0.99:
            return better
        found = better
    return found


def _spectral(one: Float32s, other: Float32s) -> Float32s:
    values, vectors = np.linalg.eigh(one)
    others, bases = np.linalg.eigh(other)
    weights = 1 / ((values[:, None] - others) ** 2 + ETA**2)
    scores: Float32s = vectors @ (weights * np.outer(vectors.sum(0), bases.sum(0))) @ bases.T
    return scores


def _alike(first: Float32s, second: Float32s) -> Float32s:
    """Minus the squared distance of what two people's neighbourhoods look like."""
    one, other = _features(first), _features(second)
    mean, spread = one.mean(axis=0), one.std(axis=0) + 1e-6
    one, other = (one - mean) / spread, (other - mean) / spread
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    distance: Float32s = 2 * one @ other.T - squares
    return distance


def _features(graph: Float32s) -> Float32s:
    """The strongest edges of each person, their number, and the same of the neighbours."""
    most = min(_STRONGEST, len(graph))
    strongest = -np.sort(np.partition(-graph, most - 1, axis=1)[:, :most], axis=1)
    degree = (graph > 0).sum(axis=1, keepdims=True)
    own = np.log1p(np.maximum(np.concatenate([strongest, degree], axis=1), 0))
    total = np.abs(graph).sum(axis=1, keepdims=True) + 1
    return np.concatenate([own, (graph @ own) / total], axis=1).astype(np.float32)


def _normal(graph: Float32s) -> Float32s:
    """Mean zero, and a spectrum of order one whatever the number of people."""
    size = len(graph)
    centred = graph - graph.sum() / (size * (size - 1))
    np.fill_diagonal(centred, 0)
    scaled: Float32s = (centred / max(float(centred.std()) * np.sqrt(size), 1e-9)).astype(
        np.float32
    )
    return scaled


def _standard(scores: Float32s) -> Float32s:
    """Each row with mean zero and standard deviation one."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread: Float32s = centred / (centred.std(axis=1, keepdims=True) + 1e-9)
    return spread


def _assigned(scores: Float32s) -> Int64s:
    """The one-to-one assignment with the highest total score."""
    return np.asarray(linear_sum_assignment(scores, maximize=True)[1], np.int64)
