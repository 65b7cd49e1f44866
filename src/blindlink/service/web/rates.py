"""How many requests a credential may send, in each web process: token buckets in memory."""

import threading
import time
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

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, name: str, tokens: float) -> float:
        """Take tokens; returns the seconds to wait where there are not enough, else 0."""
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
            if bucket.tokens < tokens:
                return (tokens - bucket.tokens) / self._rate
            bucket.tokens -= tokens
            if len(self._buckets) > MOST:
                self._prune()
            return 0.0

    def _prune(self) -> None:
        for name, _ in sorted(self._buckets.items(), key=lambda item: item[1].at)[: MOST // 2]:
            del self._buckets[name]


class Rates:
    """The limits of a web process."""

    def __init__(self, limits: Limits) -> None:
        self._calls = Buckets(limits.rate, limits.burst)
        self._failures = Buckets(limits.failures, 20 * limits.failures)

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
