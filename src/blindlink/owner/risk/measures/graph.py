"""Similarity-graph matching: the attacker has the plain text of the same people and no key.

He compares who is like whom in plain text with who is like whom in the encodings, and finds out who
is who. It is played at the density of the whole file (see ``snowball``), everybody overlapping.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s
from blindlink.owner.risk.case import Case, taken
from blindlink.owner.risk.graph_matching import match
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.similarity import known_graph, seen_graph
from blindlink.owner.risk.snowball import snowball
from blindlink.owner.risk.views import views_of

LIMITS = (0.02, 0.05)
_CUTS = (-np.inf, 3.0, 4.0, 5.0, 6.0)
_LEAST = 30
_SPARSE = 0.8
_LUCKY = 5  # a blind guess finds one on average, and so many or fewer 999 times in 1,000


def graph(case: Case) -> Iterator[Metric]:
    """The share of people found out, by each filter alone and by all with the match keys."""
    if case.schema is None:
        yield Metric("graph matching", "", 0.0, "none", "the schema is not known")
        return
    rows, density, sparse = graph_sample(case)
    if len(rows) < _LEAST:
        yield Metric("graph matching", "", 0.0, "none", "too few people")
        return
    # The attacker's rows stand in another order, so that no order can help him.
    hidden = case.rng("hidden order").permutation(len(rows))
    sample = taken(case.encodings, rows)
    table = case.table.take(rows[hidden])
    views = list(views_of(sample, np.arange(len(rows))))
    for number, view in enumerate(views):
        joint = len(view.filters) > 1 or len(view.keys) > 0
        numbers = list(range(len(view.filters))) if joint else [number]
        known = known_graph(table, case.schema, numbers, joint)
        found, chance = reidentified(known, seen_graph(view, joint), hidden), 1 / len(rows)
        text = f"{found:.2%} of {len(rows):,} people found out (chance: {chance:.2%}); {density}"
        seen = light(found if found * len(rows) > _LUCKY else 0.0, *LIMITS)
        # Too sparse a sample flatters: it cannot come out green.
        seen = "amber" if sparse and seen == "green" else seen
        yield Metric("graph matching", view.name, found, seen, text)


def graph_sample(case: Case) -> tuple[np.ndarray, str, bool]:
    """Rows for the attack, their density in words, and whether they are sparser than the file."""
    size, rng = min(case.graph_rows, len(case.table)), case.rng("snowball")
    census = case.census
    if census is None or census.shared is None:
        rows = np.sort(rng.permutation(len(case.table))[:size])
        return rows, "a random sample: nearly everybody shares a token", False
    found = census.neighbours(case.rng("neighbours"))
    wanted = found[0] * (case.people - 1) / (len(case.table) - 1) if found else 0.0
    ball = snowball(census.shared, size, wanted, rng)
    text = f"{ball.neighbours:.1f} neighbours each in the sample, {wanted:.1f} in the file"
    return ball.rows, text, ball.neighbours < _SPARSE * wanted - 0.1


def reidentified(known: Float32s, seen: Float32s, hidden: np.ndarray) -> float:
    """The share of people matched rightly; row i of ``known`` is row ``hidden[i]`` of ``seen``.

    Weak edges are noise and are cut: where, the attacker finds by trying; here it is the cut at
    which the two graphs agree best.
    """
    true = seen[np.ix_(hidden, hidden)]
    cut = max(_CUTS, key=lambda level: _agreement(_above(known, level), _above(true, level)))
    found = match(_above(known, cut), _above(seen, cut))
    return float((found == hidden).mean())


def _above(graph: Float32s, level: float) -> Float32s:
    return np.where(graph > level, graph, 0).astype(np.float32)


def _agreement(one: Float32s, other: Float32s) -> float:
    if not (one.any() and other.any()):
        return -1.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
