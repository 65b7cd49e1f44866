"""Metrics in the text format of Prometheus: requests of this process, and what the database says.

Counts by endpoint, method and status class, and by state; no label ever names a project, a party
or a person.
"""

import threading
from collections import Counter

from sqlalchemy import func, select

from blindlink.service.context import Service
from blindlink.service.models import Job, Project, Run, Upload

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")


class Counters:
    """What happened in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = method if method in METHODS else "other"
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds[method, route] += seconds  # type: ignore[assignment]

    def lines(self) -> list[str]:
        """The counters as text."""
        with self._lock:
            requests, seconds = dict(self._requests), dict(self._seconds)
        found = ["# TYPE blindlink_requests_total counter"]
        for (method, route, status), number in sorted(requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            found.append(f"blindlink_requests_total{{{labels}}} {number}")
        found.append("# TYPE blindlink_request_seconds_total counter")
        for (method, route), total in sorted(seconds.items()):
            labels = f'method="{method}",route="{route}"'
            found.append(f"blindlink_request_seconds_total{{{labels}}} {total:.6f}")
        return found


COUNTERS = Counters()


def page(service: Service) -> str:
    """Everything that there is to scrape."""
    lines = COUNTERS.lines()
    with service.database.read() as session:
        for name, table in (("jobs", Job), ("uploads", Upload), ("runs", Run)):
            lines.append(f"# TYPE blindlink_{name} gauge")
            counts = session.execute(select(table.state, func.count()).group_by(table.state))
            lines += [f'blindlink_{name}{{state="{state}"}} {count}' for state, count in counts]
        projects = session.scalar(select(func.count()).select_from(Project))
    lines += ["# TYPE blindlink_projects gauge", f"blindlink_projects {projects}"]
    return "\n".join(lines) + "\n"
