"""What tells the demo's keys from real ones: they are drawn from a number that everybody knows."""

import hashlib
from functools import cache
from itertools import product

import numpy as np

from blindlink.keys import Entropy, LinkageKey
from blindlink.keys.party import NONCE, SALT, SEED_BYTES

DEMO_MARK = "[demo]"  # behind the organisation of every party of the demo
FIRST = ("moj", "housing")  # the owners that make the linkage secret of a demo
PASSPHRASE_BYTES = 16


def replay(seed: int, purpose: str) -> Entropy:
    """Bytes that only look random, the same for the same seed and purpose.

    For synthetic studies alone, so that a run can be repeated to the byte: whoever knows the seed
    knows every key. No product command can reach it.
    """
    digest = hashlib.sha256(f"blindlink study {seed} {purpose}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big"))).bytes


@cache
def demo_checks(seeds: int = 10) -> frozenset[str]:
    """The check values of the demo's linkage secrets, for the first seeds: nobody's secrets."""
    found = set()
    for seed, first in product(range(seeds), FIRST):
        entropy = replay(seed, first)
        for size in (SEED_BYTES, PASSPHRASE_BYTES, SALT, NONCE):  # what ``make_party`` draws before
            entropy(size)
        found.add(LinkageKey.generate(entropy).check_value())
    return frozenset(found)
