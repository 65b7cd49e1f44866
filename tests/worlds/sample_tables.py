"""Tables as the statistics make them, small and by hand, for the tests of gate and report."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from blindlink.analyst.publish.tables import Column, Table
from blindlink.schema.populations import Dimension, population

Rows = list[tuple[Any, ...]]


def label(text: str) -> Column:
    return Column("label", text)


def count(text: str, base: str | None = None) -> Column:
    return Column("count", text, base=base)


def share(text: str, numerator: str, denominator: str) -> Column:
    return Column("share", text, numerator=numerator, denominator=denominator, decimals=1)


def bound(kind: Any, of: str, decimals: int = 1) -> Column:
    return Column(kind, f"95 % interval of {of}", of=of, decimals=decimals)


def estimate(text: str, base: str, decimals: int = 1) -> Column:
    return Column("estimate", text, base=base, decimals=decimals)


def table(
    name: str,
    title: str,
    columns: dict[str, Column],
    rows: Rows,
    *notes: str,
    totals: Mapping[str, bool] | None = None,
) -> Table:
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(name, title, frame, columns, notes, totals or {})


def split(name: str, parts: dict[str, int], of: str = "group") -> Table:
    """A one-way table of counts with its total."""
    rows: Rows = list(parts.items())
    columns = {of: label("group"), "people": count("people")}
    return table(name, f"People by {of}", columns, [*rows, ("All", sum(parts.values()))])


def engagement() -> Table:
    columns = {
        "requirement": label("requirement"),
        "requirements": count("requirements"),
        "engaged": count("engaged requirements"),
        "share": share("engaged, per cent", "engaged", "requirements"),
        "low": bound("low", "share"),
        "high": bound("high", "share"),
    }
    rows = [("ATR", 2000, 918), ("DRR", 2400, 794), ("All", 4400, 1712)]
    full = [(r, n, k, 100 * k / n, 100 * k / n - 2, 100 * k / n + 2) for r, n, k in rows]
    return table("engagement", "Engagement with treatment", columns, full)


def by_group() -> Table:
    columns = {
        "requirement": label("requirement"),
        "group": label("group"),
        "requirements": count("requirements"),
        "engaged": count("engaged requirements"),
        "share": share("engaged, per cent", "engaged", "requirements"),
    }
    rows = [
        ("ATR", "female", 500, 3),
        ("ATR", "male", 1500, 915),
        ("DRR", "female", 600, 200),
        ("DRR", "male", 1800, 594),
        ("All", "female", 1100, 203),
        ("All", "male", 3300, 1509),
    ]
    full = [(*row, 100 * row[3] / row[2]) for row in rows]
    return table("engagement_by_group", "Engagement by sex", columns, full)


def _shares(name: str, numerator: str, denominator: str) -> dict[str, Column]:
    text = f"{numerator} of {denominator}, per cent"
    return {
        name: share(text, numerator, denominator),
        f"{name}_low": bound("low", name),
        f"{name}_high": bound("high", name),
    }


def _around(value: float, width: float = 2.0) -> tuple[float, float, float]:
    return value, value - width, value + width


def flow() -> Table:
    columns = {
        "stage": label("stage"),
        "persons": count("persons"),
        "requirements": count("requirements"),
        "rule": Column("text", "rule"),
    }
    rows = [
        ("received", 4000, 4600, "Rows received"),
        ("eligible", 3800, 4400, "Sentenced in the period"),
        ("engaged", 1500, 1712, "A journey is open or begins"),
    ]
    return table("flow", "From records received to people engaged", columns, rows)


def corrected() -> Table:
    columns = {
        "requirement": label("requirement"),
        "requirements": count("requirements"),
        "engaged": count("engaged"),
        **_shares("observed", "engaged", "requirements"),
        "corrected": estimate("corrected", "engaged"),
        "corrected_low": bound("low", "corrected"),
        "corrected_high": bound("high", "corrected"),
        "bound_low": bound("low", "corrected"),
        "bound_high": bound("high", "corrected"),
    }
    rows = [
        (r, n, k, *_around(100 * k / n), *_around(100 * k / n + 6, 4), 30.0, 66.0)
        for r, n, k in [("ATR", 2000, 918), ("DRR", 2400, 794), ("All", 4400, 1712)]
    ]
    return table("engagement_corrected", "Engagement, corrected for linkage error", columns, rows)


def status() -> Table:
    columns = {
        "requirement": label("requirement"),
        "day": label("days since the sentence"),
        "followed": count("followed"),
        "in_treatment": count("in treatment"),
        **_shares("in_treatment_share", "in_treatment", "followed"),
        "accessed": count("any treatment"),
        **_shares("accessed_share", "accessed", "followed"),
    }
    rows = []
    for day, low, high in ((0, 200, 200), (21, 400, 430), (84, 500, 700)):
        for name, size in (("ATR", 1), ("DRR", 2), ("All", 3)):
            n, a, b = 2000 * size, low * size, high * size
            rows.append((name, day, n, a, *_around(100 * a / n), b, *_around(100 * b / n)))
    return table("status", "Treatment status on days", columns, rows)


def curves() -> Table:
    columns = {
        "curve": label("curve"),
        "requirement": label("requirement"),
        "event": label("event"),
        "day": label("day"),
        "at_risk": count("at risk"),
        "events": count("events"),
        "incidence": estimate("cumulative incidence", "events"),
        "incidence_low": bound("low", "incidence"),
        "incidence_high": bound("high", "incidence"),
    }
    rows = []
    for kind in ("ATR", "DRR"):
        for event, step in (("entered treatment", 11), ("died before entry", 1)):
            for day in range(0, 84, 7):
                events = step * day // 7 + (20 if step > 1 else 0)
                share_now = events / 10
                rows.append(
                    (
                        "within the order",
                        kind,
                        event,
                        day,
                        1000 - day,
                        events,
                        *_around(share_now, 0.5),
                    )
                )
    totals = {"event": False, "day": False}
    return table("entry_curves", "Entry into treatment", columns, rows, totals=totals)


def outcomes() -> Table:
    columns = {
        "measured": label("measured"),
        "split": label("split"),
        "requirement": label("requirement"),
        "outcome": label("outcome"),
        "engaged": count("engaged"),
        "counted": count("counted"),
        **_shares("share", "counted", "engaged"),
    }
    sizes = {"ATR": (330, 320, 250, 18), "DRR": (270, 310, 204, 10), "All": (600, 630, 454, 28)}
    names = ("completed", "dropped out", "still in treatment", "died")
    rows = [
        (
            "end of observation",
            "four-way",
            kind,
            name,
            sum(found),
            k,
            *_around(100 * k / sum(found)),
        )
        for kind, found in sizes.items()
        for name, k in zip(names, found, strict=True)
    ]
    return table("outcomes", "Outcomes of the first journey", columns, rows)


def substances() -> Table:
    columns = {
        "requirement": label("requirement"),
        "substance": label("substance"),
        "engaged": count("engaged"),
        "counted": count("counted"),
        **_shares("share", "counted", "engaged"),
    }
    sizes = {"ATR": (624, 220, 55, 19), "DRR": (20, 80, 167, 527), "All": (644, 300, 222, 546)}
    names = ("alcohol only", "non-opiate and alcohol", "non-opiate only", "opiate")
    rows = [
        (kind, name, sum(found), k, *_around(100 * k / sum(found)))
        for kind, found in sizes.items()
        for name, k in zip(names, found, strict=True)
    ]
    return table("substances", "Substances by requirement", columns, rows)


def model(name: str = "access_atr") -> Table:
    columns = {
        "model": label("estimand"),
        "adjustment": label("adjustment"),
        "variable": label("variable"),
        "level": label("level"),
        "requirements": count("requirements"),
        "engaged": count("engaged"),
        "odds_ratio": estimate("odds ratio", "engaged", 2),
        "odds_ratio_low": bound("low", "odds_ratio", 2),
        "odds_ratio_high": bound("high", "odds_ratio", 2),
    }
    start = ("population-averaged", "without end of the order")
    nan = float("nan")
    rows = [
        (*start, "Age (per 10 years)", "", 2000, 918, 0.9, 0.85, 0.95),
        (*start, "Sex", "M (reference)", 1500, 715, 1.0, nan, nan),
        (*start, "Sex", "F", 500, 203, 0.8, 0.6, 0.95),
        (*start, "Main offence", "violence (reference)", 1400, 700, 1.0, nan, nan),
        (*start, "Main offence", "drink_driving", 590, 215, 12.0, 1.1, 40.0),
        (*start, "Main offence", "other", 10, 3, 1.2, 0.5, 3.0),
    ]
    totals = dict.fromkeys(("model", "adjustment", "variable", "level"), False)
    sex = Dimension("sex", ("M", "F"))
    offence = Dimension("offence", ("violence", "drink_driving", "other"))
    engaged = Dimension("engaged", ("yes", "no")).of("yes")
    who = ((), (sex.of("M"),), (sex.of("F"),), *((offence.of(n),) for n in offence.levels))
    populations = {
        "requirements": [population(name, *conditions) for conditions in who],
        "engaged": [population(name, *conditions, engaged) for conditions in who],
    }
    made = table(name, "Who engages with treatment", columns, rows, totals=totals)
    return replace(made, populations=populations)


def study() -> list[Table]:
    """A small study: enough tables for every figure but a few."""
    return [
        flow(),
        corrected(),
        status(),
        curves(),
        substances(),
        outcomes(),
        model("access_atr"),
        model("access_drr"),
    ]
