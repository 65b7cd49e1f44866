"""An agreement as text for people: what ``governance.overview`` found, in plain tables."""

import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH = 100
CELL = 22


def text_of(found: dict[str, Any]) -> str:
    """The overview for a governance board, section by section."""
    parts = [
        _facts(found),
        _section("Parties", _parties(found)),
        _section("Who signs what is published", _checkers(found["output_checkers"])),
        _section("Who learns what", _matrix(found)),
        _section("What leaves each owner, and how coarse", _payload(found)),
        _section("What is encoded", _schema(found["schema"])),
        _section("Terms", _terms(found["terms"])),
        _section("To be meant", _cautions(found["cautions"])),
        _section("Waivers", _waivers(found)),
    ]
    return printable("\n\n".join(parts))


def printable(text: str) -> str:
    """Text that cannot deceive a terminal: what a file says of itself is not to be trusted."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _facts(found: dict[str, Any]) -> str:
    lines = [f"Agreement {found['project']}, version {found['version']}: {found['state']}"]
    for name in ("purpose", "legal_basis", "created", "expires", "destroy_by", "digest"):
        text = f"{name.replace('_', ' ')}: {found[name]}"
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")  # no text passes for a field
    if found["supersedes"]:
        lines.append(f"supersedes: {found['supersedes']}")
    return "\n".join(lines)


def _section(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body}"


def _parties(found: dict[str, Any]) -> str:
    head = ("name", "role", "organisation", "fingerprint", "signed")
    rows = [
        [p["name"], p["role"], p["organisation"], p["fingerprint"], "yes" if p["signed"] else "no"]
        for p in found["parties"]
    ]
    return table(head, rows, cell=32)


def _checkers(found: Sequence[dict[str, Any]]) -> str:
    head = ("name", "organisation", "fingerprint")
    return table(head, [[c[name] for name in head] for c in found], cell=32) if found else "nobody"


def _matrix(found: dict[str, Any]) -> str:
    matrix = found["who_learns_what"]
    return table(matrix["columns"], matrix["rows"], cell=CELL)


def _payload(found: dict[str, Any]) -> str:
    rows = [[p["owner"], p["table"], p["column"], p["as"]] for p in found["payload"]]
    return table(("owner", "table", "column", "as"), rows, cell=32) if rows else "nothing"


def _schema(schema: dict[str, Any]) -> str:
    facts = {
        "profile": schema["profile"],
        "filters": ", ".join(schema["filters"]),
        "fields by themselves": ", ".join(schema["features"]) or "none",
        "fields": ", ".join(
            f"{name} (from {' or '.join(sources)})" for name, sources in schema["columns"].items()
        )
        or "none",
        "tokens, each of several fields": schema["tokens"],
        "match keys": "; ".join(" + ".join(key) for key in schema["match_keys"]) or "none",
        "hardening": "; ".join(
            ", ".join(f"{name} {value}" for name, value in each.items() if value is not None)
            for each in schema["hardening"]
        )
        or "none",
    }
    lines = []
    for name, value in facts.items():
        lines += textwrap.wrap(f"{name}: {value}", WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def _cautions(found: Sequence[str]) -> str:
    lines = []
    for each in found:
        lines += textwrap.wrap(f"- {each}", WIDTH, subsequent_indent="  ")
    return "\n".join(lines) or "nothing"


def _terms(terms: dict[str, Any]) -> str:
    lines = []
    for name, value in terms.items():
        nested = isinstance(value, dict)
        shown = ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) if nested else value
        lines += textwrap.wrap(f"{name.replace('_', ' ')}: {shown}", WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, list):
        return " and ".join(map(_plain, value)) or "none"
    return "none" if value is None else str(value)


def _waivers(found: dict[str, Any]) -> str:
    lines = [
        f"{' and '.join(w['parties'])}: {w['waives']}, by {w['accepted_by']}: {w['reason']}"
        for w in found["waivers"]
    ]
    return "\n".join(lines) or "none: no organisation and no key stands in two roles"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, cell: int) -> str:
    """A plain table whose cells wrap at ``cell`` signs."""
    wrapped = [[textwrap.wrap(str(text), cell) or [""] for text in row] for row in (head, *rows)]
    widths = [
        max(len(line) for text in column for line in text) for column in zip(*wrapped, strict=True)
    ]
    lines = []
    for number, row in enumerate(wrapped):
        for at in range(max(len(text) for text in row)):
            cells = [text[at] if at < len(text) else "" for text in row]
            lines.append("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)
