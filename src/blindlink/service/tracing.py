"""One id from a request to everything that follows from it: the job, its log lines, the next job.

It is the trace id of the caller's ``traceparent`` (W3C Trace Context) where there is one, or it
is drawn at random. It says nothing about anybody.
"""

import re
import secrets
from contextvars import ContextVar

TRACE: ContextVar[str] = ContextVar("blindlink_trace", default="")
PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def of(traceparent: str) -> str:
    """The trace id of a header, or a new one."""
    found = PARENT.fullmatch(traceparent)
    if found is None or not int(found[1], 16):
        return secrets.token_hex(16)
    return found[1]
