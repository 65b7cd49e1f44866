"""What FastAPI does not know of the API: how requests are signed, and which refusals there are."""

from collections.abc import Mapping
from typing import Any

from blindlink.messages.http import PROBLEM_TYPE
from blindlink.service.problems import TITLES

SIGNATURE = {
    "type": "http",
    "scheme": "signature",
    "description": "An HTTP message signature (RFC 9421) by Ed25519, in the headers Signature and "
    "Signature-Input. OpenAPI has no scheme for it, and no client can send it from this "
    "description alone: what it covers stands in docs/reference/service-api.md.",
}
SERVER = {"url": "https://link.example", "description": "The address that clients sign for"}
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "enum": sorted(TITLES.values())},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "expected-offset": {"type": "integer"},
        "provided-offset": {"type": "integer"},
    },
    "additionalProperties": False,
}
EVERYWHERE = {
    400: "Malformed: the target or the body is not as it would be written again",
    401: "Not signed as it must be",
    403: "Not allowed to this role, or the agreement is not in force",
    421: "Meant for another service",
    422: "A parameter or the document is refused",
    429: "Too many requests",
    500: "A fault of the service",
    503: "The service cannot do this now",
}
MISSING = {404: "Nothing here for this caller"}
WITH_BODY = {
    408: "The body came too slowly",
    409: "Does not fit the present state",
    411: "The body must say its length",
    413: "Too large",
    415: "Not the type that is wanted",
    507: "No room",
}


def completed(
    document: dict[str, Any], in_project: Mapping[tuple[str, str], bool]
) -> dict[str, Any]:
    """The description with signatures and refusals; ``in_project`` is by method and path."""
    components = document["components"]
    components["schemas"]["Problem"] = PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {"signature": SIGNATURE}
    document["servers"] = [SERVER]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = (method.upper(), path)
            if path == "/ready":
                operation["responses"]["503"] = {"description": "Not ready"}
            if place in in_project:
                operation["security"] = [{"signature": []}]
                _refusals(operation, _statuses(place, in_project[place]))
    return document


def _statuses(place: tuple[str, str], inside: bool) -> dict[int, str]:
    method, path = place
    found = EVERYWHERE | (MISSING if inside or "{" in path else {})
    if method in ("POST", "PATCH", "PUT"):
        found |= WITH_BODY
    if method == "DELETE":
        found |= {409: WITH_BODY[409]}
    if path.endswith("/release"):
        found |= {416: "No such range"}
    return dict(sorted(found.items()))


def _refusals(operation: dict[str, Any], statuses: Mapping[int, str]) -> None:
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, text in statuses.items():
        operation["responses"][str(status)] = {"description": text, "content": content}
