"""The most frequent token's share of rows, counted on what the tokens are made of.

A token that many people hold has bits as frequent as itself, whatever the key: by frequency alone
they are the value. Under a diffusion no bit is of one token; then parities and rank judge.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.census import Kind
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.views import numbered_rows

LIMITS = (0.001, 0.01)
_FEW = 5  # holders: in a small file fewer are no frequency


def frequent_token(case: Case) -> Iterator[Metric]:
    """The worst composite or feature by its most frequent token; then every match key."""
    if case.census is None:
        yield Metric("most frequent token", "", 0.0, "none", "the schema is not known")
    else:
        for hidden in (False, True):
            kinds = [kind for kind in case.census.kinds if kind.hidden == hidden]
            if kinds:
                yield _worst(kinds, len(case.table), hidden)
    for number, key in enumerate(case.encodings.match_keys, start=1):
        codes = numbered_rows([key])
        most = int(np.bincount(codes[codes >= 0]).max()) if (codes >= 0).any() else 0
        share = most / len(key)
        text = f"the most frequent value is held by {share:.3%} of people"
        seen = light(share if most >= _FEW else 0.0, *LIMITS)
        yield Metric("most frequent match key", f"match key {number}", share, seen, text)


def _worst(kinds: list[Kind], rows: int, hidden: bool) -> Metric:
    worst = max(kinds, key=lambda kind: kind.most)
    share = worst.most / rows
    text = f"{share:.3%} of people hold the most frequent one ({worst.name})"
    if hidden:
        text += "; diffusion spreads it over all bits"
        return Metric("most frequent token", "under diffusion", share, "none", text)
    seen = light(share if worst.most >= _FEW else 0.0, *LIMITS)
    return Metric("most frequent token", "", share, seen, text)
