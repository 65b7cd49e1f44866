"""A sign-in code for the console: what the local credentials sign for, in place of a password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from blindlink.service.api.shapes import SessionsView, SessionView, SignInView, moment
from blindlink.service.console import sessions
from blindlink.service.problems import not_found
from blindlink.service.web.callers import AllowedAnywhere, Caller, ServiceHere

router = APIRouter(prefix="/v1/console", tags=["console"])
Local = Annotated[Caller, Depends(AllowedAnywhere("operator", "auditor"))]


@router.get("/sessions")
def list_sessions(caller: Local, service: ServiceHere) -> SessionsView:
    """The browsers in which the caller is signed in."""
    return SessionsView(
        items=[
            SessionView(
                since=moment(each.since), seen=moment(each.seen), expires=moment(each.expires)
            )
            for each in sessions.listed(service, caller.keyid)
        ]
    )


@router.delete("/sessions", status_code=204, response_class=Response)
def end_sessions(caller: Local, service: ServiceHere) -> Response:
    """Sign the caller out in every browser, and make its sign-in codes useless."""
    sessions.end_all(service, caller.keyid)
    return Response(status_code=204)


@router.post("/sign-in", status_code=201)
def make_code(
    caller: Local,
    service: ServiceHere,
) -> SignInView:
    """A code that signs one browser in to the console, once and within minutes.

    It makes earlier codes of the same credential useless. Tells the caller where to give it in.
    """
    if not service.settings.console:
        raise not_found("no console here")
    code, expires = sessions.issue(service, caller.keyid)
    address = f"{service.settings.public_url}/console/sign-in"
    return SignInView(code=code, address=address, expires=moment(expires))
