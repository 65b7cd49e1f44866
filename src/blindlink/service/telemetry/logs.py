"""Structured logs: one JSON object a line, on stderr.

Only the fields listed here are written, and values are ids, counts, names of states and classes:
no body, header, key, encoding or message of an unexpected error ever comes near a log.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from blindlink.service.tracing import TRACE

KNOWN = frozenset(
    {
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "ASGI callable returned without starting response.",
        "ASGI callable returned without completing response.",
        "Exception in ASGI application\n",
        "Cancel %s running task(s), timeout graceful shutdown exceeded",
    }
)
LOGGER = logging.getLogger("blindlink.service")
FIELDS = (
    "method",
    "route",
    "status",
    "ms",
    "bytes",
    "caller",
    "role",
    "cause",
    "project",
    "job",
    "kind",
    "subject",
    "attempt",
    "error",
    "where",
    "worker",
    "count",
    "address",
)


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line."""
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise ValueError(f"not a field of the log: {min(unknown)}")
    trace = TRACE.get()
    LOGGER.log(level, event, extra={"blindlink": fields | ({"trace": trace} if trace else {})})


def fault(event: str, error: BaseException, **fields: Any) -> None:
    """An unexpected error by its class and place; its text could hold anything."""
    log(event, logging.ERROR, error=type(error).__name__, where=place(error), **fields)


def place(error: BaseException) -> str:
    """The innermost line of blindlink in a traceback."""
    found, trace = "?", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "?"))
        if module.startswith("blindlink"):
            found = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


class Lines(logging.Formatter):
    """Log records as JSON lines; of records that are not ours logger and level."""

    def format(self, record: logging.LogRecord) -> str:
        own = getattr(record, "blindlink", None)
        event = record.getMessage() if own is not None else record.name
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        # Of another's messages only those that are known to hold nothing of a request.
        told = own if own is not None else {"text": record.msg} if record.msg in KNOWN else {}
        return json.dumps({"time": time, "level": record.levelname.lower(), "event": event, **told})


def to_stderr(level: int = logging.INFO) -> None:
    """Set up logging for a process of the service."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level)
    LOGGER.propagate = False
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        other = logging.getLogger(name)
        other.handlers[:], other.propagate = [handler], False
        other.setLevel(logging.WARNING)
