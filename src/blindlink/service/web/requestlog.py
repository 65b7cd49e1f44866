"""The outermost layer: one line of log for each request, and no traceback for anybody."""

import json
import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blindlink.messages.http import PROBLEM_TYPE
from blindlink.service import tracing
from blindlink.service.problems import Problem
from blindlink.service.telemetry.logs import fault, log
from blindlink.service.telemetry.metrics import CUT, count_request

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class RequestLog:
    """Logs method, route, status and time; adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, *, tls: bool = False) -> None:
        """``tls``: whether clients reach the service by https, and shall never do otherwise."""
        self._app = app
        self._headers = (*HEADERS, HSTS) if tls else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, cut = time.perf_counter(), 0, False
        trace = tracing.of(dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1"))
        tracing.TRACE.set(trace)
        identified = (b"x-request-id", trace.encode())

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                added = [pair for pair in self._headers if pair[0] not in present]
                message["headers"] = [*message["headers"], *added, identified]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            fault("request-failed", error)
            cut = bool(status)
            if not status:
                status = 500
                await _fault(send)
            else:
                raise  # so that the connection ends: the client must not take this for the end
        finally:
            _note(scope, CUT if cut else str(status), 1000 * (time.perf_counter() - start))


async def _fault(send: Send) -> None:
    body = json.dumps(Problem(500, "fault").document()).encode()
    headers = [(b"content-type", PROBLEM_TYPE.encode()), *HEADERS]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, status: str, ms: float) -> None:
    route = getattr(scope.get("route"), "path", "?")
    count_request(scope["method"], route, status, ms / 1000)
    state: dict[str, Any] = scope.get("state", {})
    known = {name: state[name] for name in ("caller", "role", "cause") if name in state}
    level = logging.WARNING if status == CUT or int(status) >= 400 else logging.INFO
    log(
        "request",
        level,
        method=scope["method"],
        route=route,
        status=int(status) if status.isdigit() else status,
        ms=round(ms, 1),
        address=(scope.get("client") or ("?",))[0],
        **known,
    )
