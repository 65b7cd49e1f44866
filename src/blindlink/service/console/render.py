"""Templates to pages, and the headers that every page has.

Nothing on a page comes from elsewhere: styles and script are files of the package, a policy
forbids everything else, and no other site may frame a page or read it.
"""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment

from blindlink.pages import html
from blindlink.service.console.visitors import Visitor
from blindlink.version import __version__

PREFIX = "/console"
KIT = "page.css"  # the stylesheet of all pages; console.css adds what only the console has
ASSETS = {
    KIT: "text/css",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with none at all, browsers would hide a form's origin
    "X-Frame-Options": "DENY",
}


def page(request: Request, template: str, /, status: int = 200, **facts: Any) -> Response:
    """A page, or a part of one, from a template."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    text = _environment().get_template(f"{template}.html.j2").render(visitor=visitor, **facts)
    return HTMLResponse(text, status, headers=HEADERS)


def go(path: str) -> Response:
    """On to another page, after a form."""
    return RedirectResponse(PREFIX + path, 303, headers=HEADERS)


def asset(name: str) -> Response | None:
    """A file of the package, by the name that pages link to; None for anything else."""
    for each, kind in ASSETS.items():
        if name == _asset_name(each):
            caching = {"Cache-Control": "public, max-age=31536000, immutable"}
            return Response(_asset(each), headers=HEADERS | caching, media_type=kind)
    return None


def moment(seconds: float | None) -> str:
    """A moment as people write it."""
    if seconds is None:
        return ""
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def size(number: float) -> str:
    """Bytes in a unit that people read."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


@cache
def _environment() -> Environment:
    environment = html.environment("blindlink.service.console")
    environment.filters |= {"moment": moment, "size": size, "number": "{:,}".format}
    environment.globals |= {"asset": _asset_name, "prefix": PREFIX, "version": __version__}
    return environment


@cache
def _asset(name: str) -> bytes:
    if name == KIT:
        return html.asset(name)
    return files("blindlink.service.console").joinpath("static", name).read_bytes()


@cache
def _asset_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    return f"{stem}-{sha256(_asset(name)).hexdigest()[:12]}.{kind}"
