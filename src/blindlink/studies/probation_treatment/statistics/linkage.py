"""What the linkage did to the figures: quality, steps of correction, thresholds, methods."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.matchings import ONE_TO_ONE
from blindlink.analyst.publish.layout import (
    CLUSTERED,
    count,
    estimate,
    impossible,
    label,
    make,
    share,
    share_rows,
    text,
    with_all,
)
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.schema.populations import Population
from blindlink.studies.probation_treatment.correction import (
    AT_THREE_WEEKS,
    ENGAGED,
    Correction,
    Counted,
)
from blindlink.studies.probation_treatment.link_counts import LinkCounts
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import ENGAGED as IS_ENGAGED
from blindlink.studies.probation_treatment.populations import RELEASED
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

GIVEN = "measured, given an assumption"


def linkage_quality(correction: Correction, by_counts: LinkCounts | None) -> Table:
    """f, the parts of s, s itself, q and the expected share of right links, with their sources."""
    pathways, rates = correction.pathways, correction.rates
    rows: list[tuple[str, float, float, float, str, str]] = [
        (r.name, r.value, r.low, r.high, r.basis, r.source)
        for r in (*rates.false_links, *rates.losses)
    ]
    if by_counts is not None:
        name, source = "false links by link counts", f"pairs per person, {by_counts.model}"
        ends = (by_counts.false_link, by_counts.low, by_counts.high)
        rows.append((name, *ends, GIVEN, source))
    if rates.losses:
        low, high = (float(end) for end in central(rates.sensitivity_draws, correction.confidence))
        name, source = "true records found (sensitivity)", "product of the parts"
        basis = GIVEN if rates.measured else "assumed"
        rows.append((name, rates.sensitivity, low, high, basis, source))
    for name in (ENGAGED, AT_THREE_WEEKS):
        for kind, q in zip(correction.kinds, correction.counts_as(name)[0], strict=True):
            source = correction.pairs_source
            measure = f"a stranger's record counts: {name}, {kind}"
            rows.append((measure, q, np.nan, np.nan, GIVEN, source))
    known = pathways.links["probability"].dropna()
    if len(known):
        source = "mean match probability of the links"
        mean = float(known.mean())
        rows.append(("links expected to be right", mean, np.nan, np.nan, "assumed", source))
    names = ["measure", "value", "value_low", "value_high", "basis", "source"]
    frame = pd.DataFrame(rows, columns=names)
    for name in ("value", "value_low", "value_high"):
        frame[name] = 100 * frame[name].astype(float)
    frame["persons"] = pathways.left_people
    columns = {
        "measure": label("Error rate of the linkage, or a part of it"),
        "persons": count("Persons of the left owner"),
        **estimate("value", "Rate (%)", "persons"),
        "basis": text("Measured in this linkage, or assumed"),
        "source": text("Where it comes from"),
    }
    notes = (
        *rates.notes,
        "How many true records were missed was measured on pairs known to be true; it holds for "
        "people like those, and given the priors."
        if rates.measured
        else "Nothing here measured how many true records were missed: sensitivity is assumed, and "
        "what is corrected with it is given that assumption.",
    )
    title = "Quality of the linkage"
    populations = {"persons": [RELEASED] * len(frame)}
    return make(
        "linkage_quality", title, frame, columns, notes, {"measure": False},
        populations=populations,
    )  # fmt: skip


def decomposition(correction: Correction) -> Table:
    """Why the observed share is what it is: percentage points from observed to corrected."""
    counted, rates = correction.count(ENGAGED), correction.rates
    kinds_and_all = [*correction.kinds, TOTAL]
    rows = []
    for name, value, draws, source in _steps(correction, counted):
        low, high = central(draws, correction.confidence)
        for code, kind in enumerate(kinds_and_all):
            rows.append(
                {
                    "requirement": kind,
                    "component": name,
                    "requirements": int(counted.whole[0, code]),
                    "points": 100 * value[0, code],
                    "points_low": 100 * low[0, code],
                    "points_high": 100 * high[0, code],
                    "source": source,
                }
            )
    columns = {
        "requirement": label(REQUIREMENT),
        "component": label("Step from the observed to the corrected share"),
        "requirements": count("Requirements"),
        **estimate("points", "Percentage points", "requirements"),
        "source": text("Where it comes from"),
    }
    notes = (
        *rates.notes,
        "The last row is no step: it is what full follow-up alone would add to the observed share.",
    )
    frame = pd.DataFrame(rows)
    title = "From observed to corrected engagement, step by step"
    made = correction.pathways.populations
    populations = {"requirements": [made.case(name) for name in frame["requirement"]]}
    rests_on = {"points": [(made.case(name, IS_ENGAGED),) for name in frame["requirement"]]}
    return make(
        "decomposition", title, frame, columns, notes, {"component": False},
        populations=populations, rests_on=rests_on,
    )  # fmt: skip


def sensitivity(pathways: Pathways) -> Table:
    """Engagement if another match probability were asked of a link."""
    pairs = pathways.candidates[pathways.candidates["probability"].notna()]
    columns = {
        "threshold": label("Least match probability of a link"),
        "requirement": label(REQUIREMENT),
        "requirements": count("Requirements"),
        "linked": count("Of these, linked"),
        "engaged": count("Of these, engaged"),
        **share("share", "Share engaged", "engaged", "requirements"),
        "right": Column("estimate", "Links expected to be right (%)", base="linked", decimals=1),
    }
    title = "Engagement at other thresholds of the linkage"
    if not len(pairs):
        why = "The release holds no candidates with match probabilities."
        return impossible("sensitivity", title, columns, why)
    parts, links = [], []
    for threshold in sorted(set(pathways.settings.thresholds)):
        chosen = pairs[pairs["probability"] >= threshold]
        chosen = _accepted(pathways, chosen)
        parts.append(_at(pathways, chosen).assign(threshold=f"{threshold:g}"))
        links += [chosen] * len(parts[-1])
    notes = (
        "Links are chosen anew from the released candidates, best first, under the plan's "
        "cardinality. Nothing is corrected here.",
        CLUSTERED,
    )
    frame = pd.concat(parts, ignore_index=True)
    return make(
        "sensitivity", title, frame, columns, notes, {"threshold": False},
        populations=_under(pathways, frame, links, {"linked": "linked", "engaged": "engaged"}),
    )  # fmt: skip


def methods(pathways: Pathways) -> Table:
    """What each linkage method finds alone: any treatment in the observation, and engagement.

    A method's links are the candidates that it accepts, best first under the cardinality; All is
    the linkage of the plan.
    """
    pairs = pathways.candidates
    used = [str(method).split("+") for method in pairs["method"]]
    names = sorted({method for each in used for method in each} - {""})
    parts = [_method(pathways, TOTAL)]
    links = [pathways.links] * len(parts[0])
    for name in names:
        mine = _accepted(pathways, pairs[[name in each for each in used]])
        parts.append(_method(pathways.with_links(mine.assign(method=name)), name))
        links += [mine] * len(parts[-1])
    columns = {
        "method": label("Linkage method; All is the linkage of the plan"),
        "requirement": label(REQUIREMENT),
        "requirements": count("Requirements"),
        "record": count("Linked, with any treatment in the observation"),
        **share("record_share", "Share with any treatment", "record", "requirements"),
        "engaged": count("Linked, and engaged"),
        **share("engaged_share", "Share engaged", "engaged", "requirements"),
    }
    notes = ("Any treatment in the observation is not engagement: it may end earlier.", CLUSTERED)
    frame = pd.concat(parts, ignore_index=True)
    title = "What each linkage method found"
    return make(
        "linkage_methods", title, frame, columns, notes, {"method": False},
        populations=_under(pathways, frame, links, {"record": "record", "engaged": "engaged"}),
    )  # fmt: skip


def _under(
    pathways: Pathways,
    frame: pd.DataFrame,
    links: Sequence[pd.DataFrame],
    columns: Mapping[str, str],
) -> dict[str, list[Population]]:
    """What each row counts under its own links; ``columns``: count column -> stage reached."""
    made = pathways.populations
    conditions = {
        (id(each), stage): made.under(each, stage) for each in links for stage in columns.values()
    }
    cells = list(zip(frame["requirement"], links, strict=True))
    populations = {"requirements": [made.case(name) for name, _ in cells]}
    for column, stage in columns.items():
        populations[column] = [made.case(name, conditions[id(own), stage]) for name, own in cells]
    return populations


def accept(left: Int64s, right: Int64s, probability: Floats, cardinality: str) -> Bools:
    """Links among pairs, best first: each round takes the pairs that are best for both sides."""
    if cardinality not in (ONE_TO_ONE, "one-to-many"):
        return np.ones(len(left), dtype=bool)
    chosen = np.zeros(len(left), dtype=bool)
    order = np.lexsort((right, left, -probability))
    rank = np.empty(len(left), dtype=np.int64)
    rank[order] = np.arange(len(left))
    open_pairs = np.arange(len(left))
    while len(open_pairs):
        best = _best(right, rank, open_pairs)
        if cardinality == ONE_TO_ONE:
            best &= _best(left, rank, open_pairs)
        taken = open_pairs[best]
        chosen[taken] = True
        free = ~np.isin(right[open_pairs], right[taken])
        if cardinality == ONE_TO_ONE:
            free &= ~np.isin(left[open_pairs], left[taken])
        open_pairs = open_pairs[free]
    return chosen


def central(draws: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The central interval of draws along their first axis; NaN where one of them is."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def _best(side: Int64s, rank: Int64s, among: Int64s) -> Bools:
    least = np.full(int(side.max()) + 1, len(rank), dtype=np.int64)
    np.minimum.at(least, side[among], rank[among])
    return np.asarray(rank[among] == least[side[among]])


def _steps(correction: Correction, counted: Counted) -> list[tuple[str, Floats, Floats, str]]:
    """Name, points and draws (as fractions) of each step, and its source."""
    rates = correction.rates
    now, draws_now = counted.part / np.maximum(counted.whole, 1), counted.observed_draws
    level, levels = counted.level, counted.level_draws
    first = rates.false_links[0] if rates.false_links else None
    source = f"{first.basis}: {first.source}" if first else "not measured"
    steps = [
        ("observed", now, draws_now, "seen through the accepted links"),
        ("false links taken out", level - now, levels - draws_now, source),
    ]
    for number, loss in enumerate(rates.losses, start=1):
        # What the causes that come later still hide.
        hidden = np.prod([later.value for later in rates.losses[number:]])
        draws = np.prod([np.ones(len(levels)), *rates.loss_draws[number:]], axis=0)
        up, ups = counted.p * hidden, counted.p_draws * draws[:, None, None]
        name = f"missed: {loss.loss or loss.name}"
        steps.append((name, up - level, ups - levels, f"{loss.basis}: {loss.source}"))
        level, levels = up, ups
    steps.append(("corrected", counted.p, counted.p_draws, "observed and all steps together"))
    days = correction.pathways.settings.definitions.follow_up_days
    long = correction.count(
        ENGAGED, mask=(correction.pathways.cases["follow_up"] >= days).to_numpy()
    )
    gain = long.part / np.where(long.whole > 0, long.whole, np.nan) - now
    name = f"late sentences followed for less than {days} days"
    source = "observed share among sentences followed that long, less that among all"
    return [*steps, (name, gain, long.observed_draws - draws_now, source)]


def _at(pathways: Pathways, chosen: pd.DataFrame) -> pd.DataFrame:
    cases = with_all(pathways.with_links(chosen.assign(method="threshold")).cases)
    by = {"requirement": kinds(pathways)}
    level = pathways.settings.confidence
    part = share_rows(cases, by, "engaged", ("engaged", "requirements", "share"), level)
    linked = cases[cases["linked"]].groupby("requirement").size()
    part["linked"] = linked.reindex(part["requirement"]).fillna(0).to_numpy(dtype=int)
    right = float(chosen["probability"].mean()) if len(chosen) else np.nan
    return part.assign(right=100 * right)


def _accepted(pathways: Pathways, pairs: pd.DataFrame) -> pd.DataFrame:
    """The links among pairs under the plan's cardinality, best first; unknown counts as certain."""
    report = pathways.info.get("linkage_report") or {}
    chosen = accept(
        pairs["left"].to_numpy(dtype=np.int64),
        pairs["right"].to_numpy(dtype=np.int64),
        pairs["probability"].fillna(1.0).to_numpy(),
        str(report.get("cardinality", ONE_TO_ONE)),
    )
    return pairs[chosen]


def _method(pathways: Pathways, name: str) -> pd.DataFrame:
    """Both shares by requirement, as the pathways' links show them."""
    cases, names = pathways.cases, kinds(pathways)
    start = np.full(len(cases), pathways.end - _days(pathways))
    found = pathways.journeys.next(cases["person"].to_numpy(dtype=np.int64), start)
    rows = with_all(cases.assign(record=found >= 0))
    by, level = {"requirement": names}, pathways.settings.confidence
    record = share_rows(rows, by, "record", ("record", "requirements", "record_share"), level)
    engaged = share_rows(rows, by, "engaged", ("engaged", "requirements", "engaged_share"), level)
    return record.merge(engaged, on=["requirement", "requirements"]).assign(method=name)


def _days(pathways: Pathways) -> float:
    rules = pathways.settings.definitions
    return float((rules.observation_end - rules.observation_start).days)
