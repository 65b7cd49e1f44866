"""Writes docs/reference/service-api.md from the service itself: python tests/service/api_page.py"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blindlink.service import app
from blindlink.service.context import Service
from blindlink.service.problems import IANA, PREFIX, TITLES
from blindlink.service.settings import Limits, Settings
from blindlink.service.web.callers import PARTY, ROLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "service-api.md"
HEAD = """# Service API

What the [linkage service](../how-to/run-the-service.md) answers, and what each answer tells whom.
Written from the service's own table of rules by `python tests/service/api_page.py`; a test holds
the two together. The machine-readable description is `schemas/openapi.json`.

## Who is who

Every request is signed with an Ed25519 key (HTTP message signatures, RFC 9421): a party's
**authentication key** from the agreement, or the local credential of the service's **operator** or
**auditor**. There are no passwords. Only the [console](../how-to/use-the-console.md) has sessions:
a browser is signed in by a one-time code that such a request asks for.

* `keyid` is the party's fingerprint, or `operator-…`/`auditor-…`; `tag` is `blindlink-v1`;
  `created`, `expires` (at most {age} seconds later) and a fresh `nonce` are required.
* The signature covers `@method`, `@authority`, `@path`, `@query`, and of these headers each that is
  there: `content-digest`, `content-type`, `idempotency-key`, `range`, `upload-complete`,
  `upload-offset`. A body needs `Content-Digest` with exactly one `sha-256`.
* Clocks may differ by {skew} seconds. A nonce is taken once. What is wrong with a signature
  stands in the service's log, and the client hears one answer for all of it (401).

A party's role is the one that the project's agreement gives it. Whoever is no party of a project
gets the same answer, byte for byte, as for a project that does not exist (404).

## Who may do what

"all" means: in every project. Without an entry: refused.

"""


def lines() -> Iterator[str]:
    """The page, line by line."""
    limits = Limits()
    yield HEAD.format(age=limits.signature_age, skew=limits.skew).rstrip("\n")
    yield ""
    yield "| endpoint | owner | linker | analyst | operator | auditor |"
    yield "|---|---|---|---|---|---|"
    for method, path, roles, _ in app.rules():
        cells = [_cell(role, roles) for role in ROLES]
        yield f"| `{method} {path}` | {' | '.join(cells)} |"
    yield ""
    yield "`GET /health` and `GET /ready` are public and say nothing but that."
    yield ""
    yield "## What each endpoint tells"
    for method, path, summary in _descriptions():
        yield ""
        yield f"### {method} {path}"
        yield ""
        yield summary
    yield from _refusals()


def _cell(role: str, roles: frozenset[str]) -> str:
    allowed = role in roles or (role in ("owner", "linker", "analyst") and PARTY in roles)
    if not allowed:
        return ""
    return "all" if role in ("operator", "auditor") else "own"


def _descriptions() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        service = Service.open(Settings(Path(folder)))
        document = app.openapi(app.make_app(service))
        service.close()
    for path, methods in document["paths"].items():
        for method, facts in methods.items():
            yield method.upper(), path, facts["description"]


def _refusals() -> Iterator[str]:
    yield from (
        "",
        "## Refusals",
        "",
        "Problem details (RFC 9457), `application/problem+json`. A detail names a place or a rule,",
        "never a value.",
        "",
        "| type | title |",
        "|---|---|",
    )
    for kind, title in TITLES.items():
        prefix = IANA if "upload" in kind and kind.startswith(("mismatch", "completed")) else PREFIX
        yield f"| `{prefix}{kind}` | {title} |"
    limits = Limits()
    yield from (
        "",
        "## Limits",
        "",
        "| what | default |",
        "|---|---|",
        "| a file | the agreement's `limits.bytes`, and 1 MiB for its head |",
        f"| one part of an upload (PATCH) | {limits.part_bytes // 2**20} MiB |",
        f"| every other body | {limits.small_body // 2**20} MiB |",
        f"| uploads under way, of one owner in one project | {limits.open_uploads} |",
        f"| requests of one credential in one web process | {limits.rate:.0f} a second, "
        f"{limits.burst} at once |",
        f"| first line and headers of a request | {limits.head_pause:.0f} seconds |",
        f"| pause inside a body; least speed | {limits.body_pause:.0f} seconds; "
        f"{limits.body_rate} bytes a second |",
        f"| memory of an idempotency key | {limits.idempotency // 3600} hours |",
    )


def text() -> str:
    """The whole page."""
    return "\n".join(lines()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    sys.exit(0)
