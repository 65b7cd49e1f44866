"""Whether this process lives and is ready: public, and silent about everything else."""

from fastapi import APIRouter, Response

from blindlink.service.callers import ServiceHere
from blindlink.service.logs import fault

router = APIRouter(tags=["health"])
PUBLIC = frozenset({"/health", "/ready"})


@router.get("/health", status_code=204, response_class=Response)
def health() -> Response:
    """The process answers. Tells anybody only that."""
    return Response(status_code=204)


@router.get("/ready", status_code=204, response_class=Response)
def ready(service: ServiceHere) -> Response:
    """The database has this version's schema and the storage takes objects; else 503."""
    from blindlink.service.app import ready as check

    try:
        check(service)
    except Exception as error:
        fault("not-ready", error)
        return Response(status_code=503)
    return Response(status_code=204)
