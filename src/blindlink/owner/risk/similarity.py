"""The two graphs of the graph attack, in one unit: standard errors of the common bits by chance.

The defender's graph comes from the encodings, the attacker's from the plain text of the same people
and the schema: which tokens they share, and what a filter makes of that. It is what encoding them
under another key would show, without the noise of that key's collisions.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from blindlink.arrays import Float32s
from blindlink.owner.encoding.columns import derive
from blindlink.owner.encoding.plan import FilterPlan, compile_schema
from blindlink.owner.encoding.problems import Problems
from blindlink.owner.risk.tokens import Tokens, combined, tokens_of
from blindlink.owner.risk.views import View, common_bits
from blindlink.schema.document import LinkageSchema

KEY_WEIGHT = 20.0  # an equal match key counts as an excess of so many standard errors


def seen_graph(view: View, keys: bool) -> Float32s:
    """The mean over the filters of the bits in common beyond chance, and the equal match keys."""
    total = np.zeros((len(view), len(view)), np.float32)
    for packed, bits in view.filters:
        weight = np.bitwise_count(packed).sum(axis=1, dtype=np.float32)
        chance = np.outer(weight, weight) / bits
        spread = np.sqrt(chance * (1 - weight / bits)[:, None] * (1 - weight / bits)) + 1e-3
        total += (common_bits(packed, bits) - chance) / spread
    total /= np.sqrt(len(view.filters))
    for key in view.keys if keys else ():
        total += KEY_WEIGHT * ((key[:, None] == key) & (key >= 0))
    np.fill_diagonal(total, 0)
    return total


def known_graph(
    table: pa.Table, schema: LinkageSchema, numbers: Sequence[int], keys: bool
) -> Float32s:
    """What the same people's plain text lets expect, for these filters (counted from 0)."""
    plans = compile_schema(schema)
    grouped = groupby(tokens_of(table, schema), key=lambda tokens: tokens.filter)
    total = np.zeros((len(table), len(table)), np.float32)
    for number, kinds in grouped:
        if number in numbers:
            total += _expected(plans[number], list(kinds), len(table))
    total /= np.sqrt(len(numbers))
    if keys and schema.extension is not None:
        columns = derive(table, schema, Problems())
        for fields in schema.extension.match_keys:
            rows, codes, _ = combined([columns[name] for name in fields])
            total[np.ix_(rows, rows)] += KEY_WEIGHT * (codes[:, None] == codes)
    np.fill_diagonal(total, 0)
    return total


def _expected(plan: FilterPlan, kinds: list[Tokens], rows: int) -> Float32s:
    length = plan.folded
    common: Float32s = np.zeros((rows, rows), np.float32)
    weight: Float32s = np.zeros(rows, np.float32)
    for tokens in kinds:
        shape = (rows, tokens.distinct)
        held = csr_array((np.sqrt(tokens.bits), (tokens.rows, tokens.codes)), shape=shape)
        common += (held @ held.T).toarray()
        weight += np.asarray(np.bincount(tokens.rows, tokens.bits, rows), np.float32)
    # Tokens fall on one another's bits: so many different ones are set.
    common, weight = _set_bits(common, length), _set_bits(weight, length)
    chance = np.outer(weight, weight) / length
    common += (weight[:, None] - common) * (weight - common) / length
    mixed = [each for each in plan.hardening if each.spread > 1]
    if mixed:
        differ = np.clip((weight[:, None] + weight - 2 * common) / length, 0, 0.5)
        like = (1 - 2 * differ) ** mixed[0].spread
        return np.asarray(np.sqrt(mixed[0].output(length)) * like, np.float32)
    spread = np.sqrt(chance * (1 - weight / length)[:, None] * (1 - weight / length)) + 1e-3
    return np.asarray((common - chance) / spread, np.float32)


def _set_bits(drawn: Float32s, length: int) -> Float32s:
    """How many of ``length`` bits are set after so many draws."""
    return np.asarray(-length * np.expm1(drawn * np.log1p(-1 / length)), np.float32)
