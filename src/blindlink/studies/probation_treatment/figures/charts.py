"""From released tables to the report's charts: which columns and rows each chart shows."""

from collections.abc import Mapping

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish.tables import TOTAL
from blindlink.pages.figures.bars import stacked
from blindlink.pages.figures.dots import Dot, dots
from blindlink.pages.figures.drawing import (
    BLUE,
    GREY,
    ORANGE,
    PINK,
    PURPLE,
    TURQUOISE,
    Drawing,
)
from blindlink.pages.figures.forest import Ratio, forest
from blindlink.pages.figures.lines import Line, Panel, panels
from blindlink.pages.figures.people import of_hundred
from blindlink.pages.figures.sankey import Flow, Node, sankey
from blindlink.pages.figures.waterfall import waterfall

Tables = Mapping[str, SafeTable]

KINDS = ("ATR", "DRR")
COLOURS = {"ATR": BLUE, "DRR": ORANGE, TOTAL: GREY}
YEARS = ((0, "0"), (365, "1"), (730, "2"), (1095, "3"))
FOLD = {"measured": "end of observation", "split": "four-way"}
END = {
    "completed": "successfully completed",
    "dropped out": "dropped out or left otherwise",
    "still in treatment": "still in treatment",
    "died": "died",
}


def values(table: SafeTable | None, row: int | None, *columns: str) -> list[float | None]:
    """Several figures of one row."""
    return [table.value(row, column) if table else None for column in columns]


def spoken(label: str) -> str:
    """A code as words: bail_or_probation -> bail or probation."""
    words = label.replace("_", " ")
    return {"M": "male", "F": "female", "M (reference)": "male (reference)"}.get(words, words)


def discharge(tables: Tables) -> Drawing | None:
    """The infographic: how the first treatment journey ended, of every hundred engaged."""
    table = tables.get("outcomes")
    if table is None:
        return None
    parts = []
    for row in table.rows(requirement=TOTAL, **FOLD):
        share = table.value(row, "share")
        if share is not None:
            name = table.label(row, "outcome")
            parts.append((END.get(name, name), share))
    order = list(END.values())
    parts.sort(key=lambda part: order.index(part[0]) if part[0] in order else len(order))
    return of_hundred(
        parts,
        name="discharge",
        title="How the first treatment journey ended",
        subject="requirements engaged with treatment",
    )


def pathway(tables: Tables) -> Drawing | None:
    """The Sankey diagram: requirement, engagement, outcome."""
    engagement, outcomes = tables.get("engagement_corrected"), tables.get("outcomes")
    if engagement is None or outcomes is None:
        return None
    nodes: dict[str, Node] = {}
    flows: list[Flow] = []
    names = {"ATR": "Alcohol (ATR)", "DRR": "Drug (DRR)"}
    engaged_label, other = "Engaged with treatment", "No engagement observed"
    sizes = {engaged_label: 0.0, other: 0.0}
    for kind in KINDS:
        whole, part = values(
            engagement, engagement.row(requirement=kind), "requirements", "engaged"
        )
        if whole is None or part is None:
            return None
        label = names[kind]
        nodes[label] = Node(label, 0, whole, COLOURS[kind])
        flows += [Flow(label, engaged_label, part), Flow(label, other, whole - part)]
        sizes[engaged_label] += part
        sizes[other] += whole - part
    nodes[engaged_label] = Node(engaged_label, 1, sizes[engaged_label], TURQUOISE)
    nodes[other] = Node(other, 1, sizes[other], "#8A9499")
    ends = _ends(outcomes, sizes[engaged_label])
    for label, size, colour in ends:
        nodes[label] = Node(label, 2, size, colour)
        flows.append(Flow(engaged_label, label, size))
    told = "; ".join(f"{node.label} {node.size:,.0f}" for node in nodes.values())
    return sankey(
        list(nodes.values()),
        flows,
        ("Requirement", "Treatment", "First journey"),
        name="pathway",
        title="From sentence to the outcome of treatment",
        alt=f"Sankey diagram of numbers of requirements, from left to right: {told}.",
    )


def _ends(outcomes: SafeTable, engaged: float) -> list[tuple[str, float, str]]:
    """Outcomes with their numbers; what is withheld is shown as one rest."""
    colours = {
        "completed": TURQUOISE,
        "dropped out": PINK,
        "still in treatment": BLUE,
        "died": GREY,
    }
    ends = []
    for name, colour in colours.items():
        row = outcomes.row(requirement=TOTAL, outcome=name, **FOLD)
        size = outcomes.value(row, "counted")
        if size:
            text = END[name]
            ends.append((text[:1].upper() + text[1:], size, colour))
    rest = engaged - sum(size for _, size, _ in ends)
    return [*ends, ("Other or not shown", rest, PURPLE)] if rest > 0 else ends


def substances(tables: Tables) -> Drawing | None:
    """Substance groups by requirement."""
    table = tables.get("substances")
    if table is None or table.empty:
        return None
    order = ("alcohol only", "non-opiate and alcohol", "non-opiate only", "opiate", "not recorded")
    parts = [p for p in order if table.row(substance=p) is not None]
    bars = [
        (kind, [table.value(table.row(requirement=kind, substance=p), "share") for p in parts])
        for kind in KINDS
    ]
    return stacked(
        bars,
        parts,
        name="substances-figure",
        title="Substances of those engaged, by requirement",
        x_label="Share of requirements engaged with treatment",
    )


def entry(tables: Tables) -> Drawing | None:
    """Cumulative entry with its competing events, one panel per requirement."""
    table = tables.get("entry_curves")
    if table is None or table.empty:
        return None
    looks = {
        "entered treatment": ("entered\ntreatment", BLUE, "-"),
        "order ended before entry": ("order ended\nfirst", ORANGE, "--"),
        "died before entry": ("died first", GREY, ":"),
    }
    curve = "within the order"
    parts = []
    told = []
    for kind in KINDS:
        lines = []
        for event, (name, colour, dashes) in looks.items():
            line = _curve(table, name, colour, dashes, curve=curve, requirement=kind, event=event)
            if line is not None:
                lines.append(line)
                told.append(f"{kind}, {name}: {line.y[-1]:.1f}%".replace("\n", " "))
        parts.append(Panel(kind, lines, ticks=YEARS, marks=((21, "3 weeks"),)))
    return panels(
        parts,
        name="entry",
        title="Entry into treatment within the order, with what may come first",
        alt="Cumulative incidence curves that rise from the day of the sentence. At the end: "
        + "; ".join(told)
        + ".",
        x_label="Time since the sentence (years)",
        y_label="Cumulative share of requirements",
    )


def _curve(table: SafeTable, name: str, colour: str, dashes: str, **labels: str) -> Line | None:
    points = []
    for row in table.rows(**labels):
        y, low, high = values(table, row, "incidence", "incidence_low", "incidence_high")
        if y is not None:
            points.append((float(table.label(row, "day")), y, low, high))
    if len(points) < 2:
        return None
    x, y_all, lows, highs = zip(*points, strict=True)
    known = all(v is not None for v in (*lows, *highs))
    return Line(
        name, x, y_all, colour, lows if known else (), highs if known else (), dashes, steps=True
    )


def status(tables: Tables) -> Drawing | None:
    """In treatment on the day, and access by the day, side by side for each requirement."""
    table = tables.get("status")
    if table is None or table.empty:
        return None
    looks = {
        "accessed_share": ("any treatment\nsince sentence", ORANGE, "--", "D"),
        "in_treatment_share": ("in treatment\non the day", BLUE, "-", "o"),
        "not_yet_share": ("not yet,\nbut later", GREY, ":", "s"),
    }
    parts, told = [], []
    for kind in KINDS:
        lines, days = [], [int(table.label(row, "day")) for row in table.rows(requirement=kind)]
        for column, (name, colour, dashes, marker) in looks.items():
            found = [(d, table.value(table.row(requirement=kind, day=d), column)) for d in days]
            points = [(days.index(d), y) for d, y in found if y is not None]
            if len(points) > 1:
                x, y = zip(*points, strict=True)
                lines.append(Line(name, x, y, colour, dashes=dashes, marker=marker))
        at = table.row(requirement=kind, day=21)
        shares = {
            "in treatment": "in_treatment_share",
            "any treatment since the sentence": "accessed_share",
            "not yet but later": "not_yet_share",
        }
        known = [
            f"{table.text(at, column)}% {words}"
            for words, column in shares.items()
            if table.value(at, column) is not None
        ]
        told.append(f"{kind} on day 21: {', '.join(known) or 'not shown'}")
        parts.append(Panel(kind, lines, ticks=[(i, f"{d}") for i, d in enumerate(days)]))
    return panels(
        parts,
        name="status-figure",
        title="Treatment status on days after the sentence",
        alt=f"Lines over chosen days. {'; '.join(told)}.",
        x_label="Days since the sentence (not to scale)",
        y_label="Share of requirements followed",
        room=0.42,
    )


def model(tables: Tables, name: str, what: str, title: str) -> Drawing | None:
    """Forest plot of the population-averaged model without the reason for the order's end."""
    table = tables.get(name)
    if table is None or table.empty:
        return None
    ratios = []
    for row in table.rows(model="population-averaged", adjustment="without end of the order"):
        value, low, high = values(table, row, "odds_ratio", "odds_ratio_low", "odds_ratio_high")
        withheld = "" if value is not None else table.text(row, "odds_ratio")
        variable, level = table.label(row, "variable"), table.label(row, "level")
        level = "" if level == "[x]" else spoken(level)
        ratios.append(Ratio(variable, level, value, low, high, withheld))
    return forest(ratios, name=f"{name}-figure", title=title, what=what)


def groups(tables: Tables) -> Drawing | None:
    """Observed engagement by group."""
    table = tables.get("engagement_by_group")
    if table is None or table.empty:
        return None
    found = []
    for row in range(len(table.frame)):
        kind = table.label(row, "requirement")
        value, low, high = values(table, row, "observed", "observed_low", "observed_high")
        if kind in KINDS and value is not None:
            heading, group = table.label(row, "dimension"), spoken(table.label(row, "group"))
            found.append(Dot(heading, group, kind, value, low, high))
    ends = [max(found, key=lambda d: d.value), min(found, key=lambda d: d.value)] if found else []
    told = " and ".join(f"{d.value:.0f}% ({d.series}, {d.heading}: {d.group})" for d in ends)
    return dots(
        found,
        name="groups",
        title="Observed engagement by group, with intervals",
        x_label="Share of requirements with observed engagement",
        alt=f"Dot plot of ATR and DRR by group. The highest and the lowest are {told}.",
    )


def use(tables: Tables) -> Drawing | None:
    """Mean days of use at start and later, by substance."""
    table = tables.get("top")
    if table is None or table.empty:
        return None
    found, told = [], []
    for row in table.rows(requirement=TOTAL):
        before, after = values(table, row, "start_days", "later_days")
        if before is not None and after is not None:
            name = table.label(row, "measure").replace("_days", "").replace("_", " ")
            found += [Dot("", name, "at start", before), Dot("", name, "later", after)]
            told.append(f"{name} {before:.1f} to {after:.1f}")
    return dots(
        found,
        name="top-figure",
        title="Days of use in the past 28 days, at the start and later in treatment",
        x_label="Mean days of use of 28",
        alt=f"Mean days of use at start and later: {'; '.join(told)}.",
        unit="",
        joined=True,
        ticks=(0, 7, 14, 21, 28),
    )


def thresholds(tables: Tables) -> Drawing | None:
    """Engagement under other acceptance thresholds."""
    table = tables.get("sensitivity")
    if table is None or table.empty or "threshold" not in table.columns:
        return None
    lines, told = [], []
    for kind, dashes in ((TOTAL, "-"), ("ATR", "--"), ("DRR", ":")):
        points = []
        for row in table.rows(requirement=kind):
            y, low, high = values(table, row, "share", "share_low", "share_high")
            if y is not None:
                points.append((float(table.label(row, "threshold")), y, low, high))
        if len(points) > 1:
            x, y_all, lows, highs = zip(*sorted(points), strict=True)
            known = all(v is not None for v in (*lows, *highs))
            band = (lows, highs) if known else ((), ())
            name = "all" if kind == TOTAL else kind
            lines.append(Line(name, x, y_all, COLOURS[kind], *band, dashes, marker="o"))
            told.append(f"{name} from {max(y_all):.1f}% to {min(y_all):.1f}%")
    return panels(
        [Panel("", lines)],
        name="thresholds",
        title="How the result depends on the threshold for accepting a link",
        alt=f"Engagement over thresholds of match probability: {'; '.join(told)}.",
        x_label="Match probability from which a pair is accepted as a link",
        y_label="Observed share engaged",
        room=0.12,
    )


def steps(tables: Tables) -> Drawing | None:
    """From the observed to the corrected share, step by step."""
    table = tables.get("decomposition")
    if table is None or table.empty:
        return None
    found = []
    for row in table.rows(requirement=TOTAL):
        points = table.value(row, "points")
        if points is not None:
            found.append((table.label(row, "component"), points))
    return waterfall(
        found,
        first="observed",
        last="corrected",
        name="steps",
        title="From the observed to the corrected share, step by step, all requirements",
        x_label="Share engaged",
    )
