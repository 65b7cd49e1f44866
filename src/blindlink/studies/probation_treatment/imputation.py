"""Multiple imputation of links: many plausible linkages instead of one, pooled by Rubin's rules.

A linkage is drawn from the posterior probabilities of the released candidates under the cardinality
rule (``blindlink.analyst.estimate.matchings``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.matchings import ONE_TO_ONE, Candidates, draw, moved
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.studies.probation_treatment.pathways import Pathways

_ROUNDS = 30


@dataclass(frozen=True)
class Pooled:
    """An estimate pooled over imputations: total variance, the part of it between them, freedom."""

    value: float
    variance: float
    between: float
    freedom: float


def candidates(pathways: Pathways) -> Candidates | None:
    """The released candidates with their probabilities; None when there are none with any.

    A link that is not among the candidates joins them with its probability, or for certain.
    """
    pairs = pathways.candidates[["left", "right", "probability"]].dropna()
    links = pathways.links[["left", "right", "probability"]].fillna({"probability": 1.0})
    both = pd.concat([pairs, links]).drop_duplicates(["left", "right"])
    if not len(pairs) or not len(both):
        return None
    both = both.sort_values(["left", "right"], ignore_index=True)
    report = pathways.info.get("linkage_report") or {}
    left, right = (both[side].to_numpy(dtype=np.int64) for side in ("left", "right"))
    probability = np.clip(both["probability"].to_numpy(), 0.0, 1.0)
    return Candidates(
        left,
        right,
        informed(probability, _counts(pathways, left, right)),
        str(report.get("cardinality", ONE_TO_ONE)),
    )


def informed(probability: Floats, counts: Bools) -> Floats:
    """Match probabilities that also know whether the pair would count as engagement.

    The linker saw no payload. Drawn from its probabilities alone, linkages would pull engagement
    towards that of strangers: an imputation must know what is analysed (Meng 1994). EM over
    p' = p m / (p m + (1 - p) u) with m and u the chances to count of right and of wrong pairs.
    """
    p = probability
    for _ in range(_ROUNDS):
        m, u = (float((weight * counts).sum() / max(weight.sum(), 1e-12)) for weight in (p, 1 - p))
        m, u = (min(max(share, 0.001), 0.999) for share in (m, u))
        right = probability * np.where(counts, m, 1 - m)
        p = right / (right + (1 - probability) * np.where(counts, u, 1 - u))
    return np.asarray(p)


def _counts(pathways: Pathways, left: Int64s, right: Int64s) -> Bools:
    """Whether the right person's treatment is engagement for any sentence of the left person."""
    first = np.full(pathways.left_people, np.inf)
    person = pathways.cases["person"].to_numpy(dtype=np.int64)
    np.minimum.at(first, person, pathways.cases["sentence_date"].to_numpy())
    sentence = np.where(np.isfinite(first[left]), first[left], pathways.end)
    return pathways.right_journeys.next(right, sentence) >= 0


def imputed(
    pathways: Pathways, pairs: Candidates, number: int, seed: int, doubt: Floats | None = None
) -> Iterator[Pathways]:
    """The study under ``number`` drawn linkages.

    ``doubt``: for each linkage a draw of the false-link rate over its estimate, shape (number,).
    The match probabilities are moved so that the expected false links are so many times as many: an
    imputation that took them for known would be too sure (Rubin 1987).
    """
    for place in range(number):
        generator = np.random.Generator(np.random.PCG64([seed, place]))
        drawn = pairs if doubt is None else moved(pairs, float(doubt[place]))
        chosen = draw(drawn, generator)
        yield pathways.with_links(
            pd.DataFrame(
                {
                    "left": pairs.left[chosen],
                    "right": pairs.right[chosen],
                    "probability": pairs.probability[chosen],
                    "method": "imputed",
                }
            )
        )


def pool(values: Floats, variances: Floats) -> Pooled:
    """Rubin's rules (1987): mean, within + (1 + 1/M) between, degrees of freedom."""
    number = len(values)
    within, between = float(np.mean(variances)), float(np.var(values, ddof=1))
    extra = (1 + 1 / number) * between
    total = within + extra
    freedom = (number - 1) * (total / extra) ** 2 if extra > 0 else np.inf
    return Pooled(float(np.mean(values)), total, extra, freedom)
