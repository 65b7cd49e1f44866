"""The tokens of a table, counted: the most frequent of each kind, and who shares any with whom."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blindlink.arrays import Int64s
from blindlink.owner.risk.snowball import SharedTokens
from blindlink.owner.risk.tokens import Tokens, tokens_of
from blindlink.schema.document import LinkageSchema

FREQUENT = 0.01  # a token held by more rows than this joins everybody: no snowball helps
_PROBES, _FEW = 500, 5


@dataclass(frozen=True)
class Kind:
    """One composite or feature.

    ``most``: rows that hold its most frequent token; ``agree``: other rows that share a token of
    this kind with a row, on average; ``hidden``: a diffusion follows.
    """

    name: str
    most: int
    agree: float
    hidden: bool


class Census:
    """All kinds of tokens, and who shares which.

    ``shared`` is None where a token is so frequent that it joins nearly everybody; ``seen_dense``
    says that such a token is not hidden by a diffusion, ``hidden`` that any token is.
    """

    def __init__(self, table: pa.Table, schema: LinkageSchema) -> None:
        self.rows = len(table)
        self.kinds: list[Kind] = []
        shared: list[tuple[Int64s, Int64s]] = []
        for tokens in tokens_of(table, schema):
            holders = tokens.holders()
            self.kinds.append(_kind(tokens, holders, self.rows))
            shared.append(_shared(tokens, holders))
        dense = [kind for kind in self.kinds if kind.most > max(FREQUENT * self.rows, _FEW)]
        self.seen_dense = any(not kind.hidden for kind in dense)
        self.hidden = any(kind.hidden for kind in self.kinds)
        self.shared = None if dense else SharedTokens(self.rows, shared)

    def neighbours(self, rng: np.random.Generator) -> tuple[float, float] | None:
        """Other rows that share any token with a row, and tokens shared with them: means.

        Over a random sample of rows against all others, so that it is unbiased; None where a token
        is so frequent that everybody is a neighbour.
        """
        if self.shared is None:
            return None
        probes = rng.permutation(self.rows)[:_PROBES]
        people, tokens = 0, 0
        for row in probes:
            common = self.shared.common(np.array([row]))
            common[row] = 0
            people += int(np.count_nonzero(common))
            tokens += int(common.sum())
        return people / len(probes), tokens / len(probes)


def _kind(tokens: Tokens, holders: Int64s, rows: int) -> Kind:
    pairs = int((holders * (holders - 1)).sum())
    most = int(holders.max()) if len(holders) else 0
    return Kind(tokens.name, most, pairs / rows, tokens.hidden)


def _shared(tokens: Tokens, holders: Int64s) -> tuple[Int64s, Int64s]:
    """The entries whose token is held by at least two rows, tokens numbered anew."""
    kept = holders[tokens.codes] > 1
    number = np.cumsum(holders > 1) - 1
    return tokens.rows[kept].astype(np.int32), number[tokens.codes[kept]].astype(np.int32)
