"""Metrics in the text format of Prometheus: what this process did, and what the database says.

Counts by endpoint, method and status, by kind of job and by state; no label ever names a project, a
party or a person. They are served on an address of their own, which the operator keeps private.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import func, select

from blindlink import __version__
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.models import Job, Project, Run, Upload

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)  # seconds
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counters:
    """What happened in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._times: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}
        self._jobs: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        place = (method if method in METHODS else "other", route)
        with self._lock:
            self._requests[(*place, status)] += 1
            times = self._times.setdefault(place, [0] * (len(BUCKETS) + 1))
            times[bisect_left(BUCKETS, seconds)] += 1
            self._seconds[place] = self._seconds.get(place, 0.0) + seconds

    def count_job(self, kind: str, outcome: str) -> None:
        """Count an attempt at a job: done, failed or lost."""
        with self._lock:
            self._jobs[kind, outcome] += 1

    def lines(self) -> list[str]:
        """The counters as text."""
        with self._lock:
            return [*self._request_lines(), *self._time_lines(), *self._job_lines()]

    def _request_lines(self) -> Iterator[str]:
        yield "# TYPE blindlink_requests_total counter"
        for (method, route, status), number in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"blindlink_requests_total{{{labels}}} {number}"

    def _time_lines(self) -> Iterator[str]:
        name = "blindlink_request_seconds"
        yield f"# TYPE {name} histogram"
        for (method, route), times in sorted(self._times.items()):
            labels, total = f'method="{method}",route="{route}"', 0
            for bound, number in zip((*BUCKETS, "+Inf"), times, strict=True):
                total += number
                yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
            yield f"{name}_sum{{{labels}}} {self._seconds[method, route]:.6f}"
            yield f"{name}_count{{{labels}}} {total}"

    def _job_lines(self) -> Iterator[str]:
        yield "# TYPE blindlink_job_attempts_total counter"
        for (kind, outcome), number in sorted(self._jobs.items()):
            labels = f'kind="{kind}",outcome="{outcome}"'
            yield f"blindlink_job_attempts_total{{{labels}}} {number}"


COUNTERS = Counters()


def page(service: Service) -> str:
    """Everything that there is to scrape."""
    lines = COUNTERS.lines()
    lines += ["# TYPE blindlink_info gauge", f'blindlink_info{{version="{__version__}"}} 1']
    with service.database.read() as session:
        for name, table in (("jobs", Job), ("uploads", Upload), ("runs", Run)):
            lines.append(f"# TYPE blindlink_{name} gauge")
            counts = session.execute(select(table.state, func.count()).group_by(table.state))
            lines += [f'blindlink_{name}{{state="{state}"}} {count}' for state, count in counts]
        projects = session.scalar(select(func.count()).select_from(Project))
        due = session.scalar(select(func.min(Job.due)).where(Job.state == queue.QUEUED))
    waiting = 0.0 if due is None else max(0.0, service.due() - due)
    lines += ["# TYPE blindlink_projects gauge", f"blindlink_projects {projects}"]
    lines += ["# TYPE blindlink_job_waiting_seconds gauge"]
    lines += [f"blindlink_job_waiting_seconds {waiting:.3f}"]
    return "\n".join(lines) + "\n"
