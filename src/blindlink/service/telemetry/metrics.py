"""Metrics for Prometheus: what this process did, and what the database says.

Counts by endpoint, method and status, by kind of job and by state; no label ever names a project, a
party or a person. They are served on an address of their own, which the operator keeps private.
"""

import shutil
import time
from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from blindlink.service.context import Service
from blindlink.service.data.models import Job, KeyHolder, Project, Run, Stray, Upload
from blindlink.service.data.states import JobState
from blindlink.version import __version__

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)  # seconds
CUT = "cut"  # the status of an answer that had begun and could not be sent to its end

PROCESS = CollectorRegistry()  # what happened in this process
REQUESTS = Counter(
    "blindlink_requests", "Requests answered", ("method", "route", "status"), registry=PROCESS
)
SECONDS = Histogram(
    "blindlink_request_seconds",
    "Time from a request's head to the end of its answer",
    ("method", "route"),
    buckets=BUCKETS,
    registry=PROCESS,
)
ATTEMPTS = Counter(
    "blindlink_job_attempts", "Attempts at jobs", ("kind", "outcome"), registry=PROCESS
)
REFUSED = Counter(
    "blindlink_connections_refused",
    "Connections that were closed before anything was read, by reason",
    ("reason",),
    registry=PROCESS,
)
ProcessCollector(registry=PROCESS)
PlatformCollector(registry=PROCESS)
GCCollector(registry=PROCESS)


def count_request(method: str, route: str, status: str, seconds: float) -> None:
    """Count a request that was answered."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(known, route, status).inc()
    SECONDS.labels(known, route).observe(seconds)


def registry(service: Service) -> CollectorRegistry:
    """Everything that there is to scrape."""
    found = CollectorRegistry()
    found.register(PROCESS)
    found.register(Stored(service))
    return found


class Stored(Collector):
    """What the database says, asked for at each scrape."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gauges. Raises when the database is away: then the scrape fails, and that is seen."""
        service = self._service
        info = GaugeMetricFamily("blindlink_info", "The version", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info
        with service.database.read() as session:
            for name, table in (("jobs", Job), ("uploads", Upload), ("runs", Run)):
                family = GaugeMetricFamily(
                    f"blindlink_{name}", f"{name} by state", labels=["state"]
                )
                for state, count in session.execute(
                    select(table.state, func.count()).group_by(table.state)
                ):
                    family.add_metric((state,), count)
                yield family
            projects = session.scalar(select(func.count()).select_from(Project))
            due = session.scalar(select(func.min(Job.due)).where(Job.state == JobState.QUEUED))
            ends = session.scalar(
                select(func.count()).select_from(Project).where(Project.due_since.is_not(None))
            )
            held = select(KeyHolder.linker).where(~KeyHolder.attested, ~KeyHolder.copy)
            unheld = session.scalar(
                select(func.count())
                .select_from(Job)
                .where(Job.state == JobState.QUEUED, Job.needs.is_not(None), Job.needs.not_in(held))
            )
            strays = session.scalar(select(func.count()).select_from(Stray))
        for name, text, value in (
            ("projects_due_for_destruction", "Projects whose destroy_by has come", ends),
            ("jobs_that_nobody_can_do", "Jobs that need a key which no worker holds", unheld),
            ("storage_strays", "Objects that no row names, noted or in quarantine", strays),
        ):
            yield GaugeMetricFamily(f"blindlink_{name}", text, value=value or 0)
        waiting = 0.0 if due is None else max(0.0, service.due() - due)
        yield GaugeMetricFamily("blindlink_projects", "Projects ever opened", value=projects or 0)
        yield GaugeMetricFamily(
            "blindlink_job_waiting_seconds", "How long the oldest due job waits", value=waiting
        )
        yield from self._room()

    def _room(self) -> Iterator[GaugeMetricFamily]:
        room = self._service.storage.room()
        if room is not None:
            yield GaugeMetricFamily("blindlink_storage_free_bytes", "Room left", value=room[0])
        usage = shutil.disk_usage(self._service.settings.data)
        yield GaugeMetricFamily("blindlink_data_free_bytes", "Room left for data", value=usage.free)
        newest = max(
            (path.stat().st_mtime for path in self._service.settings.witness_folder.glob("*.head")),
            default=None,
        )
        if newest is not None:
            age = max(0.0, time.time() - newest)
            yield GaugeMetricFamily(
                "blindlink_witness_age_seconds", "Since a head was last kept here", value=age
            )
