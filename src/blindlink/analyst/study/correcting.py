"""Shares of a declared study, corrected for false and missed links.

The estimator is that of ``analyst.estimate.presence``. Its error rates come from the cohort alone:
false links from control records where there are any, else from the linker's score model; found
records from the score model and from how many records could be compared at all; and what a study
declares about records that no linkage could find.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.matchings import ONE_TO_ONE
from blindlink.analyst.estimate.presence import Presence, notes, shares
from blindlink.analyst.estimate.rates import ErrorRates
from blindlink.analyst.study.world import Happened, World
from blindlink.arrays import Int64s

REPLICATES, SEED = 400, 20260319
_MODEL = "score model of the linkage report, and how many records had identifiers to compare"


def error_rates(world: World, owner: str) -> ErrorRates:
    """What is known of the links between the unit's owner and another."""
    mine = world.study.unit.owner
    report: Mapping[str, Any] = next(
        (
            each["report"]
            for each in world.info.get("linkage_reports", ())
            if {each["left"], each["right"]} == {mine, owner}
        ),
        {},
    )
    known: dict[str, Any] = {}
    if report.get("false_link_rate"):
        known["false_link"] = _range(report["false_link_rate"])
    if report.get("sensitivity"):
        factor = _comparable(report.get("counts", {}))
        known["sensitivity"] = _range(report["sensitivity"], factor)
    rates = ErrorRates.from_prior(source=_MODEL, **known)
    controls = world.info.get("controls", {}).get(mine, {})
    if controls.get("number"):
        rates |= ErrorRates.from_controls(controls["linked"], controls["number"])
    return rates


def corrected(
    world: World, spells: str, days: int | None
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """For each kind and All the corrected share in a window with its interval and bounds, in per
    cent, and the notes; empty where the spells are the unit's owner's own."""
    owner = world.study.spells[spells].owner
    if owner == world.study.unit.owner:
        return {}, []
    inside = np.flatnonzero(world.followed(days))
    happened, rates = world.happened[spells], error_rates(world, owner)
    seen = Presence(
        counted=happened.within(days)[inside],
        linked=world.linked[owner][inside],
        cluster=world.person[inside],
        stratum=np.zeros(len(inside), np.int64),
        strata=(rates,),
        counts_as=_strangers(world, happened, owner, days, inside),
        exclusive=world.info.get("plan", {}).get("cardinality", ONE_TO_ONE) == ONE_TO_ONE,
    )
    names = world.counting.kind_names
    groups = {
        name: pd.Series(name, index=range(len(inside)), dtype=object).where(
            world.of_kind(name)[inside]
        )
        for name in names[:-1]
    }
    found = shares(
        seen, groups, confidence=world.study.confidence, replicates=REPLICATES, seed=SEED
    )
    columns = ("corrected", "corrected_low", "corrected_high", "bound_low", "bound_high")
    by_level = {
        level: {column: 100 * float(row[column]) for column in columns}
        for level, row in zip(found["level"], found.to_dict("records"), strict=True)
    }
    result = dict(zip([names[-1], *names[:-1]], by_level.values(), strict=False))
    told = notes(seen, found, world.study.confidence)
    lines = [
        *rates.rests_on("false_link", "sensitivity"),
        *(line for line in told if not line.startswith(("tipping", "A stranger"))),
        f"A stranger's record counts with the chance {seen.counts_as:.3f} "
        f"({'to the end of observation' if days is None else f'{days} days'}).",
    ]
    return result, lines


def _strangers(
    world: World, happened: Happened, owner: str, days: int | None, inside: Int64s
) -> float:
    """The chance that a stranger's record would count: each unit with the next person's records."""
    linked = np.unique(world.person[world.linked[owner]])
    if len(linked) < 2:
        return 1.0
    other = linked[(np.searchsorted(linked, world.person[inside]) + 1) % len(linked)]
    start = world.start[inside]
    found = happened.spells.next(other, start)
    wait = happened.spells.pick(happened.spells.start, found, np.inf) - start
    return float((wait <= (np.finfo(float).max if days is None else days)).mean())


def _range(known: Mapping[str, float], factor: float = 1.0) -> tuple[float, float, float]:
    return known["value"] * factor, known["low"] * factor, known["high"] * factor


def _comparable(counts: Mapping[str, int]) -> float:
    """The share of pairs of records of which both have identifiers that can be compared."""
    share = 1.0
    for side in ("left", "right"):
        if counts.get(f"{side}_entities"):
            share *= counts[f"{side}_comparable"] / counts[f"{side}_entities"]
    return share
