"""The report as one HTML page: parts with text, figures and tables, laid out by a Jinja2 template.

Nothing on the page comes from elsewhere: see ``blindlink.pages.html``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable, is_total
from blindlink.analyst.publish.tables import heading
from blindlink.pages.charts.kit import Chart
from blindlink.pages.html import Stages
from blindlink.pages.html import render as render_page

Figure = Chart | Stages

SYNTHETIC = (
    "Synthetic data.",
    "The people in these figures do not exist. The report shows what the method gives, and none of "
    "its figures is a statistic about anybody.",
)
MOST_ROWS = 45
DAYS = {0, 7, 14, 21, 28, 42, 56, 84, 126, 182, 273, 365, 546, 730, 1095, 1460}


@dataclass
class Part:
    """A section of the page. ``open`` tables stand in sight, ``tables`` behind a summary."""

    id: str
    title: str
    text: list[str] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    drawings: list[Figure] = field(default_factory=list)
    open: list[SafeTable] = field(default_factory=list)
    tables: list[SafeTable] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    children: list["Part"] = field(default_factory=list)


@dataclass(frozen=True)
class Frontmatter:
    """What stands around the parts. ``facts`` are names and values such as the date."""

    title: str
    kind: str
    description: str
    facts: Sequence[tuple[str, str]]
    footer: str
    warning: tuple[str, str] | None = None


@dataclass(frozen=True)
class _Head:
    text: str
    numeric: bool


@dataclass(frozen=True)
class _Row:
    heads: list[str]
    cells: list[_Head]
    total: bool


@dataclass(frozen=True)
class _Grid:
    id: str
    key: str
    number: int
    title: str
    heads: list[_Head]
    rows: list[_Row]
    shorthand: list[tuple[str, str]]
    notes: tuple[str, ...]
    shown: int
    total: int


def render(front: Frontmatter, parts: Sequence[Part]) -> str:
    """The whole page as HTML text."""
    return render_page(
        "blindlink.analyst.publish",
        "report.html.j2",
        _drawings(parts),
        title=front.title,
        kind=front.kind,
        lead=front.description,
        facts=front.facts,
        footer=front.footer,
        warning=front.warning,
        contents=[(p.id, p.title, [(c.id, c.title) for c in p.children]) for p in parts],
        sections=_Numbering().parts(parts),
    )


def in_order(parts: Sequence[Part]) -> list[SafeTable]:
    """The tables in the order in which the page shows and numbers them, each once."""
    return list({table.id: table for table in _shown(parts)}.values())


def _shown(parts: Sequence[Part]) -> Iterator[SafeTable]:
    for part in parts:
        yield from (*part.open, *part.tables)
        yield from _shown(part.children)


def _drawings(parts: Sequence[Part]) -> Iterator[Figure]:
    for part in parts:
        yield from part.drawings
        yield from _drawings(part.children)


class _Numbering:
    """Numbers figures and tables in the order of the page; a table shown twice keeps its number."""

    def __init__(self) -> None:
        self.figures = 0
        self.numbers: dict[str, int] = {}
        self.uses: dict[str, int] = {}

    def parts(self, parts: Sequence[Part]) -> list[dict[str, object]]:
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> dict[str, object]:
        return {
            "id": part.id,
            "title": part.title,
            "text": part.text,
            "bullets": part.bullets,
            "figures": [self._figure(drawing) for drawing in part.drawings],
            "open": [self._grid(table) for table in part.open],
            "tables": [self._grid(table) for table in part.tables],
            "facts": part.facts,
            "after": part.after,
            "children": self.parts(part.children),
        }

    def _figure(self, drawing: Figure) -> tuple[int, Figure]:
        self.figures += 1
        return self.figures, drawing

    def _grid(self, table: SafeTable) -> _Grid:
        number = self.numbers.setdefault(table.id, len(self.numbers) + 1)
        self.uses[table.id] = self.uses.get(table.id, 0) + 1
        rows = _chosen_rows(table)
        columns = _merged(table)
        return _Grid(
            id=table.id,
            key=f"{table.id}-{self.uses[table.id]}",
            number=number,
            title=table.title,
            heads=[_Head(text, bool(names)) for text, names in _headings(table, columns)],
            rows=[_row(table, row, columns) for row in rows],
            shorthand=[(mark, SHORTHAND[mark]) for mark in table.shorthand()],
            notes=table.notes,
            shown=len(rows),
            total=len(table.frame),
        )


def _chosen_rows(table: SafeTable) -> list[int]:
    """All rows of a short table; of a curve the usual days; of another long table its beginning."""
    everything = list(range(len(table.frame)))
    if len(everything) <= MOST_ROWS:
        return everything
    for name in table.labels():
        labels = [table.label(row, name) for row in everything]
        if len(set(labels)) > MOST_ROWS and all(label.lstrip("-").isdigit() for label in labels):
            return [row for row in everything if int(labels[row]) in DAYS]
    return everything[:MOST_ROWS]


def _merged(table: SafeTable) -> list[tuple[str, ...]]:
    """The columns beside the labels, an interval's two bounds together."""
    columns: list[tuple[str, ...]] = []
    for name, column in table.columns.items():
        if column.kind == "high" and columns:
            before = columns[-1][-1]
            if table.columns[before].kind == "low" and table.columns[before].of == column.of:
                columns[-1] = (before, name)
                continue
        if column.kind != "label":
            columns.append((name,))
    return columns


def _headings(
    table: SafeTable, columns: list[tuple[str, ...]]
) -> list[tuple[str, tuple[str, ...]]]:
    heads: list[tuple[str, tuple[str, ...]]] = [
        (heading(table.columns, name), ()) for name in table.labels()
    ]
    for names in columns:
        words = heading(table.columns, names[0], whole=len(names) == 2)
        heads.append((words, () if table.columns[names[0]].kind == "text" else names))
    return heads


def _row(table: SafeTable, row: int, columns: list[tuple[str, ...]]) -> _Row:
    heads = [table.label(row, name).replace("_", " ") for name in table.labels()]
    cells = [
        _Head(_cell(table, row, names), table.columns[names[0]].kind != "text") for names in columns
    ]
    return _Row(heads, cells, bool(heads) and any(is_total(label) for label in heads))


def _cell(table: SafeTable, row: int, names: tuple[str, ...]) -> str:
    texts = [table.text(row, name) for name in names]
    if len(set(texts)) == 1 and len(texts) == 2 and texts[0].startswith("["):
        return texts[0]
    if table.columns[names[0]].kind == "text":
        return texts[0]
    return " to ".join(texts).replace("-", "\u2212")
