"""How many requests a credential may send: token buckets in memory.

Each web process has its share of a limit: the whole, by the number of processes that live. So the
limit holds over all of them, without a write for each request.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from blindlink.service.problems import Problem
from blindlink.service.settings import Limits

MOST = 10_000  # buckets; beyond, those that were not used for longest are forgotten


@dataclass
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """One bucket for each name: ``rate`` tokens a second, at most ``burst``."""

    def __init__(self, rate: float, burst: float, shares: Sequence[int] = (1,)) -> None:
        """``shares``: its first item says among how many processes the rate is divided."""
        self._whole, self._all, self._shares = rate, burst, shares
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, name: str, tokens: float) -> float:
        """Take tokens; returns the seconds to wait where there are not enough, else 0."""
        now, share = time.monotonic(), self._shares[0]
        rate, burst = self._whole / share, max(tokens, self._all / share)
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket(burst, now))
            bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * rate)
            bucket.at = now
            if bucket.tokens < tokens:
                return (tokens - bucket.tokens) / rate
            bucket.tokens -= tokens
            if len(self._buckets) > MOST:
                self._prune()
            return 0.0

    def _prune(self) -> None:
        for name, _ in sorted(self._buckets.items(), key=lambda item: item[1].at)[: MOST // 2]:
            del self._buckets[name]


class Rates:
    """The limits of a web process."""

    def __init__(self, limits: Limits, shares: Sequence[int] = (1,)) -> None:
        self._calls = Buckets(limits.rate, limits.burst, shares)
        self._failures = Buckets(limits.failures, 20 * limits.failures, shares)

    def check(self, keyid: str) -> None:
        """Count a request of a credential. Raises Problem (429)."""
        _refuse(self._calls.take(keyid, 1.0))

    def count_failure(self, address: str) -> None:
        """Count a refused signature. Raises Problem (429) beyond the limit.

        Requests that are signed well pass whatever others at the same address do.
        """
        _refuse(self._failures.take(address, 1.0))


def _refuse(wait: float) -> None:
    if wait > 0:
        headers = {"Retry-After": str(max(1, round(wait)))}
        raise Problem(429, "too-many-requests", headers=headers)
