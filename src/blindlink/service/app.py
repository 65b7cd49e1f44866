"""The web application: routers, the rule that each has its roles, and one shape of refusal."""

import errno
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from blindlink.errors import BlindlinkError
from blindlink.messages.http import PROBLEM_TYPE
from blindlink.service import describing
from blindlink.service.api import audit, console, ending, health, people, projects, runs, uploads
from blindlink.service.console import refusals, routes
from blindlink.service.context import Service
from blindlink.service.problems import Problem, of_error
from blindlink.service.telemetry.logs import fault
from blindlink.service.web import credentials
from blindlink.service.web.callers import Allowed, AllowedAnywhere, Parties
from blindlink.service.web.forwarded import Forwarded
from blindlink.service.web.nonces import Nonces
from blindlink.service.web.rates import Rates
from blindlink.service.web.requestlog import RequestLog
from blindlink.version import __version__

DESCRIPTION = """The trusted third party's linkage service. Every request is signed (RFC 9421) with
the authentication key of a party of the agreement, or with a local credential of the operator or
auditor. What each endpoint tells whom stands in its description."""
MODULES = (projects, uploads, runs, ending, people, audit, console, health)
STATUS_KINDS = {404: "not-found", 405: "no-such-method"}


def make_app(service: Service) -> FastAPI:
    """The application. Raises RuntimeError for an endpoint that names no roles."""
    app = FastAPI(
        title="blindlink linkage service",
        generate_unique_id_function=lambda route: route.name,
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.rates = Rates(service.settings.limits, service.shares)
    app.state.nonces = Nonces(service.database)
    app.state.ready_at = float("-inf")
    app.state.parties = Parties()
    app.state.people = credentials.People(service.settings.credential_folder, service.database)
    for module in MODULES:
        app.include_router(module.router)
    list(rules())
    routes.add_to(app, service)
    _handlers(app)
    app.add_middleware(RequestLog, tls=service.settings.public_url.startswith("https://"))
    app.add_middleware(Forwarded, proxies=service.settings.proxies)
    return app


def rules() -> Iterator[tuple[str, str, frozenset[str], bool]]:
    """Method, path, roles and whether it is in a project, for every endpoint but the public ones.

    Raises RuntimeError for an endpoint without roles.
    """
    for route in endpoints():
        if route.path in health.PUBLIC:
            continue
        gates = list(_gates(route.dependant))
        if len(gates) != 1:
            raise RuntimeError(f"{route.path}: names no roles, or twice")
        for method in sorted(route.methods or ()):
            yield method, route.path, gates[0].roles, isinstance(gates[0], Allowed)


def endpoints() -> list[APIRoute]:
    """All endpoints. Raises RuntimeError for a route of another kind, which has no roles."""
    found = []
    for module in MODULES:
        for route in module.router.routes:
            if not isinstance(route, APIRoute):
                raise RuntimeError(f"{route}: is no endpoint")
            found.append(route)
    return found


def _gates(dependant: Dependant) -> Iterator[Allowed | AllowedAnywhere]:
    for each in dependant.dependencies:
        if isinstance(each.call, Allowed | AllowedAnywhere):
            yield each.call
        yield from _gates(each)


def _handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    def refused(request: Request, problem: Problem) -> Response:
        return _answer(request, problem)

    @app.exception_handler(BlindlinkError)
    def failed(request: Request, error: BlindlinkError) -> Response:
        return _answer(request, of_error(error))

    @app.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> Response:
        kind = STATUS_KINDS.get(error.status_code, "malformed")
        headers = dict(error.headers or {})
        return _answer(request, Problem(error.status_code, kind, headers=headers))

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        places = [".".join(str(part) for part in each["loc"]) for each in error.errors()]
        return _answer(request, Problem(422, "unprocessable", f"{places[0]}: is not as it must be"))

    @app.exception_handler(IntegrityError)
    def crossed(request: Request, error: IntegrityError) -> Response:
        fault("requests-crossed", error)
        return _answer(request, Problem(409, "conflict", "another request was faster: ask again"))

    @app.exception_handler(DataError)
    def impossible(request: Request, error: DataError) -> Response:
        fault("value-refused", error)
        return _answer(request, Problem(422, "unprocessable", "a value is out of its range"))

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeoutError)
    def away(request: Request, error: Exception) -> Response:
        fault("database-away", error)
        return _answer(request, Problem(503, "unavailable", headers={"Retry-After": "5"}))

    @app.exception_handler(OSError)
    def no_room(request: Request, error: OSError) -> Response:
        fault("storage-failed", error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        problem = Problem(507, "no-room") if full else Problem(503, "unavailable")
        return _answer(request, problem)

    @app.exception_handler(ClientDisconnect)
    def gone(request: Request, _: ClientDisconnect) -> Response:
        return _answer(request, Problem(400, "malformed", cause="cut off"))


def _answer(request: Request, problem: Problem) -> Response:
    request.state.cause = problem.cause
    if refusals.is_page(request):
        return refusals.refusal(request, problem)
    return JSONResponse(
        problem.document(), problem.status, headers=problem.headers, media_type=PROBLEM_TYPE
    )


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the API, as it stands in ``schemas/openapi.json``."""
    return describing.completed(
        app.openapi(), {(m, path): inside for m, path, _, inside in rules()}
    )
