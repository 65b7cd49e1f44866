"""Charts whose rows have names: the axis of the names, and how high a row is."""

from collections.abc import Mapping, Sequence
from typing import Any

from blindlink.pages.charts.kit import Json, Size, wrap


def row_key(number: int, text: str, *, heading: bool = False) -> str:
    """What stands for a row in the data: its number keeps the order and makes it unique."""
    return f"{number:03d}{'h' if heading else 'r'}{text}"


def row_axis(size: Size, keys: Sequence[str], *, step: int = 0) -> tuple[Json, Json]:
    """The y channel for the field ``_row``, and the height: room for the longest label."""
    lines = max((wrap(key[4:], size.label).count("\n") + 1 for key in keys), default=1)
    room = max(step or size.words + 12, lines * (size.words + 4) + 6)
    broken = {key: wrap(key[4:], size.label) for key in keys}
    channel = {
        "field": "_row",
        "type": "nominal",
        "scale": {"domain": list(keys), "paddingInner": 0.3, "paddingOuter": 0.15},
        "axis": {
            "title": None, "ticks": False, "domain": False, "grid": False,
            "labelExpr": f"split({lookup(broken)}[datum.value], '\\n')",
            "labelLineHeight": size.words + 3,
            "labelFontWeight": {
                "condition": {"test": "datum.value[3] == 'h'", "value": "bold"}, "value": "normal",
            },
        },
    }  # fmt: skip
    return channel, {"step": room, "for": "position"}


def lookup(names: Mapping[Any, str]) -> str:
    """A table from values to words in the language of Vega's expressions."""
    pairs = ", ".join(
        f"{quoted(key if isinstance(key, str) else f'{key:.12g}')}: {quoted(text)}"
        for key, text in names.items()
    )
    return f"({{{pairs}}})"


def quoted(text: str) -> str:
    """A text as Vega's expressions write it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
