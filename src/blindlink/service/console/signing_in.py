"""Signing in with a code of ``blindlink client sign-in``, and out again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from blindlink.service.console import sessions, visitors
from blindlink.service.console.forms import OpenForm, OwnForm
from blindlink.service.console.render import PREFIX, asset, go, page
from blindlink.service.console.visitors import Here, Reader
from blindlink.service.problems import Problem, not_found
from blindlink.service.web.rates import Buckets

router = APIRouter(prefix=PREFIX, include_in_schema=False)
PUBLIC = frozenset({f"{PREFIX}/", f"{PREFIX}/sign-in", f"{PREFIX}/assets/{{name}}"})
LONGEST = 64  # characters of a code as somebody may type it


def tries(request: Request) -> Buckets:
    """How many codes an address may still try."""
    found: Buckets = request.app.state.tries
    return found


Tries = Annotated[Buckets, Depends(tries)]


@router.get("/")
def leave_out_the_slash(service: Here) -> Response:
    return go("")


@router.get("/sign-in")
def show_sign_in(request: Request, service: Here) -> Response:
    return page(request, "sign_in", error="", minutes=_minutes(service))


@router.post("/sign-in")
def sign_in(request: Request, service: Here, tries: Tries, form: OpenForm) -> Response:
    code, address = form.get("code", ""), request.client.host if request.client else "?"
    wait = tries.take(address, 1.0)
    if wait > 0:  # before the code is looked at: a limit on answers would be none on guesses
        headers = {"Retry-After": str(max(1, round(wait)))}
        raise Problem(429, "too-many-requests", headers=headers)
    found = sessions.redeem(service, code) if 0 < len(code) <= LONGEST else None
    if found is None:
        request.state.cause = "not a sign-in code"
        error = "This code is wrong, was used before, or has expired. Ask for a new one."
        return page(request, "sign_in", 422, error=error, minutes=_minutes(service))
    request.state.caller, token = found
    answer = go("")
    visitors.keep(service, answer, token)
    return answer


@router.post("/sign-out")
def sign_out(service: Here, visitor: Reader, form: OwnForm) -> Response:
    sessions.end(service, visitor.token)
    answer = go("/sign-in")
    visitors.drop(service, answer)
    return answer


@router.get("/assets/{name}")
def show_asset(service: Here, name: str) -> Response:
    found = asset(name)
    if found is None:
        raise not_found("no such file")
    return found


def _minutes(service: Here) -> int:
    return round(service.settings.sessions.code / 60)
