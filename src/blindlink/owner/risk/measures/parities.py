"""XORs of a few output bits: what survives a diffusion that mixes too little.

Each output bit of a diffusion is the XOR of t input bits. Where t is small, or outputs share input
bits, the XOR of two or three outputs is biased: a word of low weight in the code. Only filters of
which a fifth of the bits or more are set are judged: below, the moments of sparse bits are noise,
and no diffusion has taken place.
"""

import math
from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.correlation import HIGHEST, LEVEL
from blindlink.owner.risk.measures.known_pairs import classes_of, tasks
from blindlink.owner.risk.measures.naive_bayes import Bayes
from blindlink.owner.risk.outcome import KNOWN, Outcome, judged
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.views import View

_TRIPLES, _PAIRS, _CHOSEN = 128, 512, 200
_FILL = 0.2


def parities(case: Case, view: View) -> Iterator[Metric]:
    """Bias of XORs of three, then XORs of two with known pairs, for every attribute."""
    bits = view.columns(_PAIRS, case.rng("parities"))
    fill = bits.mean(axis=0)
    bits = bits[:, (fill > _FILL) & (fill < 1 - _FILL)]
    if np.shape(bits)[1] < 16:
        yield Metric("biased XORs", view.name, 0.0, "none", "not judged: the bits are sparse")
        return
    yield _of_three(view, bits[:, :_TRIPLES])
    for name, codes, known in tasks(case, len(view)):
        part = f"{view.name}, {name}, {known:,} known"
        yield judged("XORs of two bits", part, by_pairs(bits, codes, known), KNOWN)


def _of_three(view: View, bits: Float32s) -> Metric:
    biases = np.abs(triples(bits))
    noise = 1 / math.sqrt(len(bits))
    share, highest = float((biases > LEVEL * noise).mean()), float(biases.max())
    text = (
        f"{share:.1%} of XORs of three bits biased beyond {LEVEL * noise:.3f} (chance: 1.0%); "
        f"highest {highest:.2f}, where chance stays below {HIGHEST * noise:.2f}"
    )
    seen = light(share, 0.02, 0.1)
    return Metric("biased XORs", view.name, share, seen, text)


def triples(bits: Float32s) -> Float32s:
    """The standardised third moment of every three columns."""
    scaled = (bits - bits.mean(axis=0)) / bits.std(axis=0)
    found = []
    for i in range(np.shape(bits)[1] - 2):
        rest = scaled[:, i + 1 :]
        moments = (scaled[:, [i]] * rest).T @ rest / len(bits)
        found.append(moments[np.triu_indices(len(moments), 1)])
    return np.concatenate(found)


def by_pairs(bits: Float32s, codes: Int64s, known: int) -> Outcome:
    """Naive Bayes on the XORs of two bits that differ most between the values of known people."""
    signs = 1 - 2 * bits
    values, classes = classes_of(codes[:known])
    there = signs[:known][classes >= 0]
    everyone = there.T @ there / max(len(there), 1)
    apart = np.zeros_like(everyone)
    for value in range(len(values)):
        own = signs[:known][classes == value]
        apart = np.maximum(apart, np.abs(own.T @ own / len(own) - everyone) * math.sqrt(len(own)))
    upper = np.triu_indices(len(apart), 1)
    chosen = np.argsort(-apart[upper])[:_CHOSEN]
    first, second = upper[0][chosen], upper[1][chosen]
    attack = Bayes(codes, known)
    attack.see(np.abs(bits[:, first] - bits[:, second]))
    return attack.outcome()
