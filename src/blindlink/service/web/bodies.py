"""Reading bodies: as long as was said, at the pace of a working line, with the signed digest."""

import asyncio
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from blindlink.keys.strict import problem
from blindlink.service.problems import Problem
from blindlink.service.settings import Limits
from blindlink.service.web.callers import Authenticated, ServiceHere
from blindlink.service.web.signatures import content_digest


def declared_length(request: Request, most: int) -> int:
    """The Content-Length. Raises Problem (411, 413, 415)."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "unsupported-media-type", "bodies are taken as they are, not compressed")
    text = request.headers.get("content-length")
    if text is None:
        raise Problem(411, "length-required")
    length = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else most + 1
    if length > most:
        raise Problem(413, "too-large", f"at most {most} bytes")
    return length


async def pieces(request: Request, length: int, limits: Limits) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Problem when it stalls, ClientDisconnect when it is cut off."""
    start, seen = time.monotonic(), 0
    stream = request.stream().__aiter__()
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), limits.body_pause)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _too_slow() from None
        seen += len(piece)
        if seen > length:
            raise Problem(413, "too-large", "more bytes than declared")
        if time.monotonic() - start > limits.body_pause + seen / limits.body_rate:
            raise _too_slow()
        if piece:
            yield piece


def check_digest(request: Request, found: bytes) -> None:
    """Raises Problem unless the body has the digest that the signature covers."""
    if content_digest(request.headers) != found:
        raise Problem(400, "malformed", "Content-Digest: is missing, or not that of the body")


async def small_body(request: Request, service: ServiceHere, _: Authenticated) -> bytes:
    """The whole body of a request that has no file in it."""
    limits = service.settings.limits
    length = declared_length(request, limits.small_body)
    data = b"".join([piece async for piece in pieces(request, length, limits)])
    check_digest(request, sha256(data).digest())
    return data


async def json_body(request: Request, service: ServiceHere, caller: Authenticated) -> bytes:
    """The same for JSON. Raises Problem (415) for anything that says it is something else."""
    if request.headers.get("content-type") != JSON_TYPE:
        raise Problem(415, "unsupported-media-type", f"wants {JSON_TYPE}")
    return await small_body(request, service, caller)


JsonBody = Annotated[bytes, Depends(json_body)]
JSON_TYPE = "application/json"
Model = TypeVar("Model", bound=BaseModel)
SmallBody = Annotated[bytes, Depends(small_body)]


def parse(data: bytes, model: type[Model]) -> Model:
    """A JSON body. Raises Problem, which names the field and never the value."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise Problem(422, "unprocessable", problem(error)) from None


def _too_slow() -> Problem:
    return Problem(408, "too-slow", headers={"Connection": "close"})
