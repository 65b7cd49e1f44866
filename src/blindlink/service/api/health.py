"""Whether this process lives and is ready: public, and silent about everything else."""

import time

from fastapi import APIRouter, Request, Response

from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.domain import clock
from blindlink.service.telemetry.logs import fault
from blindlink.service.web.callers import ServiceHere

router = APIRouter(tags=["health"])
PUBLIC = frozenset({"/health", "/ready"})
KEPT = 1.0  # seconds: nobody makes the storage work by asking more often


@router.get("/health", status_code=204, response_class=Response)
def health() -> Response:
    """The process answers. Tells anybody only that."""
    return Response(status_code=204)


@router.get("/ready", status_code=204, response_class=Response)
def ready(service: ServiceHere, request: Request) -> Response:
    """The database has this version's schema, the storage is this service's and takes objects, the
    clocks agree, and workers of this process get on; else 503."""
    state = request.app.state
    if time.monotonic() - state.ready_at > KEPT:
        try:
            check(service)
        except Exception as error:
            fault("not-ready", error)
            return Response(status_code=503)
        state.ready_at = time.monotonic()
    return Response(status_code=204)


def check(service: Service) -> None:
    """Raises unless database, storage and clock are as they must be, and workers in here get on."""
    schema.check(service.database)
    service.storage.check_owner(service.identity())
    service.storage.check()
    with service.database.read() as session:
        clock.check(service, session)
    for each in service.checks:
        each()
