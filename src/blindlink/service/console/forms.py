"""What a form sent: a few short fields, strictly read. No file ever comes through a page."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from blindlink.service.console.visitors import Reader, check_form, check_origin
from blindlink.service.context import Service
from blindlink.service.problems import Problem
from blindlink.service.web import bodies
from blindlink.service.web.callers import ServiceHere

TYPE = "application/x-www-form-urlencoded"
MOST = 64 * 1024  # bytes: a signed head that was pasted has 5 KiB
FIELDS = 8
TOKEN = "form_token"  # noqa: S105 - the name of the field

Form = dict[str, str]


async def open_form(request: Request, service: ServiceHere) -> Form:
    """The fields of a form that needs no session. Raises Problem."""
    check_origin(request, service)
    return await _fields(request, service)


async def own_form(request: Request, service: ServiceHere, visitor: Reader) -> Form:
    """The fields of a form of this visitor's session. Raises Problem."""
    fields = await open_form(request, service)
    check_form(visitor, fields.pop(TOKEN, ""))
    return fields


async def _fields(request: Request, service: Service) -> Form:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != TYPE:
        raise Problem(415, "unsupported-media-type", cause="not a form")
    limits = service.settings.limits
    length = bodies.declared_length(request, MOST)
    data = b"".join([piece async for piece in bodies.pieces(request, length, limits)])
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(data),
            errors="strict",
            max_num_fields=FIELDS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise Problem(400, "malformed", cause="not a form") from None
    if len(dict(pairs)) != len(pairs):
        raise Problem(400, "malformed", cause="a field came twice")
    return dict(pairs)


OpenForm = Annotated[Form, Depends(open_form)]
OwnForm = Annotated[Form, Depends(own_form)]
