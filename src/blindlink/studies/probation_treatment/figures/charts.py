"""From released tables to the report's charts: which columns and rows each chart shows."""

from collections.abc import Mapping
from dataclasses import replace

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish.tables import TOTAL
from blindlink.pages.charts import kit
from blindlink.pages.charts.bars import bars
from blindlink.pages.charts.dots import Dot, Mark, dots, said
from blindlink.pages.charts.forest import Ratio, forest
from blindlink.pages.charts.kit import Chart
from blindlink.pages.charts.lines import Line, Panel, lines
from blindlink.pages.charts.sankey import Flow, Node, sankey
from blindlink.pages.charts.waterfall import waterfall

Tables = Mapping[str, SafeTable]

KINDS = ("ATR", "DRR")
COLOURS = {"ATR": kit.BLUE, "DRR": kit.ORANGE}
YEARS = {0.0: "0", 365.0: "1", 730.0: "2", 1095.0: "3"}
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
    return {"M": "male", "F": "female"}.get(words, words)


def discharge(tables: Tables) -> Chart | None:
    """How the first treatment journey ended, of those engaged."""
    table = tables.get("outcomes")
    if table is None:
        return None
    ends: dict[str, Dot] = {}
    for row in table.rows(requirement=TOTAL, **FOLD):
        share, low, high = values(table, row, "share", "share_low", "share_high")
        if share is not None:
            name = table.label(row, "outcome")
            dot = Dot("", END.get(name, name), "share", share, low, high)
            words = "fewer than 0.1%" if share < 0.05 else said(dot)
            ends[dot.group] = replace(dot, group=f"{dot.group}: {kit.whole(words)}")
    order = [*(name for name in END.values() if name in ends), *(set(ends) - set(END.values()))]
    told = "; ".join(ends[name].group for name in order).replace("\u00a0", " ")
    return dots(
        [ends[name] for name in order],
        name="discharge",
        title="How the first treatment journey ended",
        x_label="Share of requirements engaged with treatment",
        alt=f"Shares of the requirements engaged with treatment. {told}.",
    )


def pathway(tables: Tables) -> Chart | None:
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
    nodes[engaged_label] = Node(engaged_label, 1, sizes[engaged_label], kit.TURQUOISE)
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
        "completed": kit.TURQUOISE,
        "dropped out": kit.PINK,
        "still in treatment": kit.BLUE,
        "died": kit.GREY,
    }
    ends = []
    for name, colour in colours.items():
        row = outcomes.row(requirement=TOTAL, outcome=name, **FOLD)
        size = outcomes.value(row, "counted")
        if size:
            text = END[name]
            ends.append((text[:1].upper() + text[1:], size, colour))
    rest = engaged - sum(size for _, size, _ in ends)
    return [*ends, ("Other or not shown", rest, kit.PURPLE)] if rest > 0 else ends


def substances(tables: Tables) -> Chart | None:
    """Substance groups by requirement."""
    table = tables.get("substances")
    if table is None or table.empty:
        return None
    order = ("alcohol only", "non-opiate and alcohol", "non-opiate only", "opiate", "not recorded")
    parts = [p for p in order if table.row(substance=p) is not None]
    shares = [
        (kind, [table.value(table.row(requirement=kind, substance=p), "share") for p in parts])
        for kind in KINDS
    ]
    return bars(
        shares,
        parts,
        name="substances-figure",
        title="Substances of those engaged, by requirement",
        x_label="Share of requirements engaged with treatment",
    )


def entry(tables: Tables) -> Chart | None:
    """Cumulative entry with its competing events, one panel per requirement."""
    table = tables.get("entry_curves")
    if table is None or table.empty:
        return None
    events = {
        "entered treatment": "entered treatment",
        "order ended before entry": "order ended first",
        "died before entry": "died first",
    }
    panels, told = [], []
    for kind in KINDS:
        drawn = [
            _line(table, name, "day", "incidence", steps=True, curve="within the order",
                  requirement=kind, event=event)
            for event, name in events.items()
        ]  # fmt: skip
        known = [line for line in drawn if line is not None]
        told += [f"{kind}, {line.name}: {line.y[-1]:.1f}%" for line in known]
        panels.append(Panel(kind, known, ticks=YEARS, marks=((21, "3 weeks"),)))
    return lines(
        panels,
        name="entry",
        title="Entry into treatment within the order, with what may come first",
        alt="Cumulative incidence curves that rise from the day of the sentence. At the end: "
        + "; ".join(told)
        + ".",
        x_label="Time since the sentence (years)",
        y_label="Cumulative share of requirements",
    )


def _line(
    table: SafeTable, name: str, x: str, y: str, *, steps: bool = False, **labels: str
) -> Line | None:
    """The rows with these labels as a line, with its interval where the whole of it is known."""
    points = []
    for row in table.rows(**labels):
        value, low, high = values(table, row, y, f"{y}_low", f"{y}_high")
        if value is not None:
            points.append((float(table.label(row, x)), value, low, high))
    if len(points) < 2:
        return None
    along, up, lows, highs = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    known = all(v is not None for v in (*lows, *highs))
    return Line(name, along, up, lows if known else (), highs if known else (), steps=steps)


def status(tables: Tables) -> Chart | None:
    """In treatment on the day, and access by the day, side by side for each requirement."""
    table = tables.get("status")
    if table is None or table.empty:
        return None
    columns = {
        "in_treatment_share": "in treatment on the day",
        "accessed_share": "any treatment since the sentence",
        "not_yet_share": "not yet, but later",
    }
    panels, told = [], []
    for kind in KINDS:
        days = [int(table.label(row, "day")) for row in table.rows(requirement=kind)]
        drawn = []
        for column, name in columns.items():
            known = [(d, table.value(table.row(requirement=kind, day=d), column)) for d in days]
            points = [(float(days.index(d)), y) for d, y in known if y is not None]
            if len(points) > 1:
                x, y = zip(*points, strict=True)
                drawn.append(Line(name, x, y))
        at = table.row(requirement=kind, day=21)
        words = [
            f"{table.text(at, column)}% {name}"
            for column, name in columns.items()
            if table.value(at, column) is not None
        ]
        told.append(f"{kind} on day 21: {', '.join(words) or 'not shown'}")
        panels.append(Panel(kind, drawn, ticks={float(i): f"{d}" for i, d in enumerate(days)}))
    return lines(
        panels,
        name="status-figure",
        title="Treatment status on days after the sentence",
        alt=f"Lines over chosen days. {'; '.join(told)}.",
        x_label="Days since the sentence (not to scale)",
        y_label="Share of requirements followed",
        dots=True,
    )


def model(tables: Tables, name: str, what: str, title: str) -> Chart | None:
    """Forest plot of the population-averaged model without the reason for the order's end."""
    table = tables.get(name)
    if table is None or table.empty:
        return None
    ratios = []
    for row in table.rows(model="population-averaged", adjustment="without end of the order"):
        value, low, high = values(table, row, "odds_ratio", "odds_ratio_low", "odds_ratio_high")
        withheld = "" if value is not None else table.text(row, "odds_ratio")
        variable, level = table.label(row, "variable"), table.label(row, "level")
        level = "" if level == "[x]" else spoken(level.removesuffix(" (reference)"))
        ratios.append(Ratio(variable, level, value, low, high, withheld))
    return forest(ratios, name=f"{name}-figure", title=title, what=what)


def groups(tables: Tables) -> Chart | None:
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
    ordered = sorted(found, key=lambda dot: dot.value or 0.0)
    ends = [ordered[-1], ordered[0]] if ordered else []
    told = " and ".join(f"{d.value:.0f}% ({d.series}, {d.heading}: {d.group})" for d in ends)
    return dots(
        found,
        name="groups",
        title="Observed engagement by group, with intervals",
        x_label="Share of requirements with observed engagement",
        alt=f"Dot plot of ATR and DRR by group. The highest and the lowest are {told}.",
    )


def use(tables: Tables) -> Chart | None:
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


def thresholds(tables: Tables) -> Chart | None:
    """Engagement under other acceptance thresholds."""
    table = tables.get("sensitivity")
    if table is None or table.empty or "threshold" not in table.columns:
        return None
    names = {TOTAL: "all", "ATR": "ATR", "DRR": "DRR"}
    drawn = [_line(table, n, "threshold", "share", requirement=kind) for kind, n in names.items()]
    known = [line for line in drawn if line is not None]
    told = [f"{line.name} from {max(line.y):.1f}% to {min(line.y):.1f}%" for line in known]
    return lines(
        [Panel("", known)],
        name="thresholds",
        title="How the result depends on the threshold for accepting a link",
        alt=f"Engagement over thresholds of match probability: {'; '.join(told)}.",
        x_label="Match probability from which a pair is accepted as a link",
        y_label="Observed share engaged",
        dots=True,
    )


def dependence(tables: Tables) -> Chart | None:
    """Corrected engagement over the dependence of missed links on it, for three sensitivities."""
    table = tables.get("dependence")
    if table is None or table.empty:
        return None
    names = {
        "lower end": "fewest records found",
        "assumed": "as assumed",
        "upper end": "most records found",
    }
    drawn = [_line(table, n, "odds", "corrected", sensitivity=key) for key, n in names.items()]
    known = [line for line in drawn if line is not None]
    told = [f"{line.name} from {line.y[0]:.1f}% to {line.y[-1]:.1f}%" for line in known]
    return lines(
        [Panel("", known, marks=((1.0, "assumed"),))],
        name="dependence",
        title="Corrected engagement if the engaged are found less or more often than others",
        alt=f"Lines that fall as the engaged are found more often: {'; '.join(told)}.",
        x_label="Odds that a record of the engaged is found, over those of all",
        y_label="Corrected share engaged",
        dots=True,
    )


def steps(tables: Tables) -> Chart | None:
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
        x_label="Share engaged (%)",
    )


def headline(tables: Tables, benchmarks: list[tuple[str, float]]) -> Chart | None:
    """Observed and corrected share of each requirement with intervals, and the bounds."""
    table = tables.get("engagement_corrected")
    if table is None or table.empty or "observed" not in table.columns:
        return None
    known = [r for r in range(len(table.frame)) if table.value(r, "observed") is not None]
    drawn, told = [], []
    for row in known:
        kind, size = table.label(row, "requirement"), table.text(row, "requirements")
        said_here = []
        for name in ("observed", "corrected", "bounds"):
            stem = name if name != "bounds" else "bound"
            value, low, high = values(table, row, name, f"{stem}_low", f"{stem}_high")
            if value is not None or low is not None:
                dot = Dot(
                    f"{kind}: {kit.whole(f'{size} requirements')}", name, name, value, low, high
                )
                drawn.append(replace(dot, group=f"{name} {kit.whole(said(dot))}"))
                said_here.append(f"{name} {said(dot)}")
        told.append(f"{kind}: {', '.join(said_here)}")
    return dots(
        drawn,
        name="headline",
        title="Engagement: observed, corrected for linkage error, and its bounds",
        alt=f"Engagement shares with their intervals. {'; '.join(told)}.",
        x_label="Share of requirements with engagement in treatment",
        ticks=(0, 20, 40, 60, 80, 100),
        marks=[Mark(value, name) for name, value in benchmarks],
        colours={"observed": kit.BLUE, "corrected": kit.ORANGE, "bounds": kit.FAINT},
    )
