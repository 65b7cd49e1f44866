"""The report as one HTML page: parts with text, figures and tables, laid out by a Jinja2 template.

Nothing on the page comes from elsewhere: style and figures stand inside, there is no script, and a
content security policy forbids any request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files as package_files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable, is_total
from blindlink.analyst.publish.tables import TOTAL
from blindlink.pages.figures.drawing import Drawing

MOST_ROWS = 45
DAYS = {0, 7, 14, 21, 28, 42, 56, 84, 126, 182, 273, 365, 546, 730, 1095, 1460}


@dataclass
class Part:
    """A section of the page. ``open`` tables stand in sight, ``tables`` behind a summary."""

    id: str
    title: str
    text: list[str] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
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


@dataclass(frozen=True)
class _Figure:
    id: str
    number: int
    title: str
    alt: str
    svg: Markup


def render(front: Frontmatter, parts: Sequence[Part]) -> str:
    """The whole page as HTML text."""
    environment = Environment(
        loader=PackageLoader("blindlink.analyst.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    css = (
        package_files("blindlink.analyst.publish")
        .joinpath("templates/report.css")
        .read_text("utf-8")
    )
    warning = front.warning and {"title": front.warning[0], "text": front.warning[1]}
    return environment.get_template("report.html.j2").render(
        title=front.title,
        kind=front.kind,
        description=front.description,
        facts=front.facts,
        footer=front.footer,
        warning=warning,
        css=Markup(css),  # noqa: S704 - our own file
        parts=_Numbering().parts(parts),
    )


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

    def _figure(self, drawing: Drawing) -> _Figure:
        self.figures += 1
        svg = Markup(drawing.svg)  # noqa: S704 - matplotlib escapes its texts
        return _Figure(drawing.id, self.figures, drawing.title, drawing.alt, svg)

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
    heads: list[tuple[str, tuple[str, ...]]] = [(_words(name), ()) for name in table.labels()]
    for names in columns:
        kind = table.columns[names[0]].kind
        if len(names) == 2:
            of, stem = table.columns[names[0]].of or "", names[0].removesuffix("_low")
            interval = f"{_words(of)}: interval" if stem in (of, "low") else f"{_words(stem)}s"
            heads.append((interval, names))
        else:
            suffix = " (%)" if kind == "share" else ""
            heads.append((_words(names[0]) + suffix, () if kind == "text" else names))
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


def _words(name: str) -> str:
    """A column's or label's name as a heading."""
    words = name.replace("_", " ")
    return words if words == TOTAL or words.isupper() else words[:1].upper() + words[1:]
