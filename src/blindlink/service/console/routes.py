"""All pages together, and the rule that each names its roles."""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute

from blindlink.service.console import (
    actions,
    audit,
    health,
    progress,
    projects,
    quality,
    signing_in,
    storage,
)
from blindlink.service.console.render import go
from blindlink.service.console.visitors import SignedIn
from blindlink.service.context import Service
from blindlink.service.web.rates import Buckets

MODULES = (signing_in, projects, progress, quality, audit, storage, health, actions)
FREE = 10.0  # codes that one address may try before it has to wait


def add_to(app: FastAPI, service: Service) -> None:
    """Put the pages into the application. Raises RuntimeError for one that names no roles."""
    app.state.tries = Buckets(service.settings.sessions.tries, FREE, service.shares)
    list(rules())
    for module in MODULES:
        app.include_router(module.router)
    if service.settings.console:
        app.add_api_route("/", _front_door, include_in_schema=False)


def _front_door() -> Response:
    """Whoever types the bare address is a person with a browser."""
    return go("")


def rules() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Method, path and roles of every page but the public ones.

    Raises RuntimeError for a page without roles.
    """
    for route in _routes():
        if route.path in signing_in.PUBLIC:
            continue
        gates = [gate.roles for gate in _gates(route.dependant)]
        if not gates:
            raise RuntimeError(f"{route.path}: names no roles")
        for method in sorted(route.methods or ()):
            yield method, route.path, frozenset.intersection(*gates)


def _routes() -> Iterator[APIRoute]:
    for module in MODULES:
        router: APIRouter = module.router
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise RuntimeError(f"{route}: is no page")
            yield route


def _gates(dependant: Dependant) -> Iterator[SignedIn]:
    for each in dependant.dependencies:
        if isinstance(each.call, SignedIn):
            yield each.call
        yield from _gates(each)
