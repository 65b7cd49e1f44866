"""Cohorts for the tests of the statistics: from small tables, and from a synthetic study."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.folder import Cohort
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.pathways import build

PAIRS = ["left", "right", "probability", "method"]


def report(**changes: Any) -> dict[str, Any]:
    """The parts of a linkage report that the statistics read."""
    return {
        "cardinality": "one-to-one",
        "sensitivity": {"value": 0.95, "low": 0.93, "high": 0.97},
        "false_link_rate": {"value": 0.02, "low": 0.01, "high": 0.03},
        "counts": {},
    } | changes


def cohort(
    requirements: list[dict[str, Any]] | pd.DataFrame,
    episodes: Sequence[dict[str, Any]] | pd.DataFrame = (),
    links: Sequence[tuple[str, str]] | pd.DataFrame = (),
    *,
    forms: Sequence[dict[str, Any]] | pd.DataFrame = (),
    candidates: pd.DataFrame | None = None,
    people: tuple[list[str], list[str]] | None = None,
    controls: tuple[int, int] = (4, 200),
    linkage: dict[str, Any] | None = None,
) -> Cohort:
    """A cohort from rows; whoever stands in a row is in the release."""
    events, treated, top = (pd.DataFrame(rows) for rows in (requirements, episodes, forms))
    left, right = people or (_people(events), _people(treated))
    pairs = links if isinstance(links, pd.DataFrame) else pd.DataFrame(
        [(a, b, 0.98, "clk") for a, b in links], columns=PAIRS)  # fmt: skip
    some = pairs if candidates is None else candidates
    owners = pd.DataFrame(
        {"person": [*left, *right], "owner": ["moj"] * len(left) + ["ohid"] * len(right)}
    )
    counts = some.groupby("left").size()
    return Cohort(
        people=owners,
        links=pairs,
        candidates=some,
        candidate_counts=pd.DataFrame(
            {"person": left, "owner": "moj", "count": [int(counts.get(p, 0)) for p in left]}
        ),
        tables={
            ("moj", "events"): events,
            ("ohid", "events"): treated,
            ("ohid", "details"): top,
        },
        info={
            "controls": {"moj": {"linked": controls[0], "number": controls[1]}},
            "linkage_report": report() if linkage is None else linkage,
        },
    )


def requirement(person: str, date: str, **changes: Any) -> dict[str, Any]:
    """A row of probation's events."""
    return {
        "person": person,
        "sentence_id": f"S{person}{date}",
        "requirement_id": f"R{person}{date}{changes.get('requirement', 'ATR')}",
        "sentence_date": date,
        "order_type": "community_order",
        "requirement": "ATR",
        "offence_category": "violence",
        "ogrs3_score": "40",
        "rsr_score": "2.5",
        "accommodation_status": "settled",
        "sentence_length_days": "365",
        "termination_date": "",
        "termination_reason": "",
        "in_breach": "0",
        "region": "London",
        "ethnicity": "white",
        "sex": "M",
        "age_at_sentence": "33",
        "deceased_date": "",
    } | changes


def episode(
    person: str, start: str, end: str = "", reason: str = "", **changes: Any
) -> dict[str, Any]:
    """A row of treatment's events."""
    return {
        "person": person,
        "episode_id": f"E{person}{start}{end}{reason}",
        "triage_date": start,
        "discharge_date": end,
        "discharge_reason": reason,
        "drug_1": "7000",
        "drug_2": "",
        "drug_3": "",
    } | changes


@dataclass(frozen=True)
class Known:
    """A study with its truth: shares engaged (ATR, DRR, all) and completed among the engaged.

    ``reach``: the share of true records that the linkage could see at all.
    """

    cohort: Cohort
    reach: float
    engaged: tuple[float, float, float]
    completed: float


# Of pairs that look alike with strength x, right ones have x from Beta(A + 1, B), wrong ones from
# Beta(A, B + 1), so that the likelihood ratio of a pair is (B / A) x / (1 - x).
_A, _B, _WRONG_PER_RIGHT = 0.25, 0.12, 0.48


def known_study(
    requirements: int = 1000, *, seed: int, reach: float = 0.85, controls: int = 1500
) -> Known:
    """A synthetic study whose linkage sees a true record with probability ``reach``.

    Seen records and strangers become candidates with probabilities that are calibrated by
    construction (Bayes' rule, at most one right record per person); those of at least 0.5 become
    links. Control records meet strangers only.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    events, people = _sentences(rng, requirements)
    treated, forms = _treatment(rng, events, people, rng.random(people) < 0.55)
    has_record = np.isin([f"T{i:06}" for i in range(people)], treated["person"])
    left = np.array([f"P{i:06}" for i in range(people)])
    right = np.array([f"T{i:06}" for i in range(4 * people)])
    seen = np.flatnonzero(has_record & (rng.random(people) < reach))
    rate = _WRONG_PER_RIGHT * len(seen) / people
    fooled, fooling = _strangers(rng, people, rate)
    wrong = rng.permutation(3 * people)[: len(fooled)] + people
    person = np.concatenate([seen, fooled])
    candidates = pd.DataFrame(
        {
            "left": left[person],
            "right": right[np.concatenate([seen, wrong])],
            "probability": _posterior(
                person,
                np.concatenate([rng.beta(_A + 1, _B, len(seen)), fooling]),
                len(seen) / people,
            ),
        }
    )
    candidates["method"] = np.where(candidates["probability"] >= 0.5, "clk", "")
    links = candidates[candidates["probability"] >= 0.5].reset_index(drop=True)
    control, strength = _strangers(rng, controls, rate)
    hits = int((_posterior(control, strength, len(seen) / people) >= 0.5).sum())
    found = links["probability"].sum() / candidates["probability"].sum()
    made = cohort(
        events,
        treated,
        links,
        forms=forms,
        candidates=candidates[candidates["probability"] >= 0.01].reset_index(drop=True),
        people=(list(left), [*right[:people][has_record], *right[people:]]),
        controls=(hits, controls),
        linkage=report(sensitivity={"value": found, "low": found - 0.01, "high": found + 0.01}),
    )
    perfect = np.flatnonzero(has_record)
    truth = pd.DataFrame(
        {"left": left[perfect], "right": right[perfect], "probability": 1.0, "method": "clk"}
    )
    cases = build(replace(made, links=truth, candidates=truth), Settings()).cases
    by_kind = cases.groupby("requirement")["engaged"].mean()
    return Known(
        cohort=made,
        reach=reach,
        engaged=(float(by_kind["ATR"]), float(by_kind["DRR"]), float(cases["engaged"].mean())),
        completed=float((cases.loc[cases["engaged"], "exit"] == "completed").mean()),
    )


def _strangers(rng: np.random.Generator, people: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Who meets strangers (``rate`` on average), and how much they look alike."""
    person = np.repeat(np.arange(people), rng.poisson(rate, people))
    return person, rng.beta(_A, _B + 1, len(person))


def _posterior(person: np.ndarray, strength: np.ndarray, seen: float) -> np.ndarray:
    """Match probabilities when a share ``seen`` of people has a right pair among the candidates."""
    x = np.clip(strength, 1e-9, 1 - 1e-9)
    odds = x / (1 - x) / (1 - seen)
    whole = np.bincount(person, weights=odds)[person] if len(person) else odds
    return odds / (1 + whole)


def replace_info(made: Cohort, info: dict[str, Any]) -> Cohort:
    """The cohort with another description."""
    return replace(made, info=info)


def replace_candidates(made: Cohort, candidates: pd.DataFrame) -> Cohort:
    """The cohort with other candidates."""
    return replace(made, candidates=candidates)


def _sentences(rng: np.random.Generator, requirements: int) -> tuple[pd.DataFrame, int]:
    """Requirements of people who have one to three of them."""
    people = round(requirements / 1.3)
    extra = rng.integers(0, people, requirements - people)
    person = np.concatenate([np.arange(people), extra])
    n = len(person)
    kind = np.where(rng.random(people)[person] < 0.45, "ATR", "DRR")
    days = rng.integers(0, 1339, n)
    pick = {name: list(values) for name, values in _LABELS.items()}
    frame = pd.DataFrame({name: rng.choice(values, n) for name, values in pick.items()})
    ended = np.where(rng.random(n) < 0.7, days + 365, 9999)
    died = np.where(rng.random(people)[person] < 0.02, days + 500, 9999)
    return frame.assign(
        person=[f"P{i:06}" for i in person],
        sentence_id=[f"S{i}" for i in range(n)],
        requirement_id=[f"R{i}" for i in range(n)],
        requirement=kind,
        sentence_date=_iso(days),
        termination_date=_iso(ended),
        termination_reason=np.where(ended < 9999, rng.choice(["completed", "expired"], n), ""),
        deceased_date=_iso(died),
        ogrs3_score=rng.integers(0, 100, n).astype(str),
        rsr_score=np.round(rng.random(n) * 9, 1).astype(str),
        sentence_length_days=rng.integers(180, 730, n).astype(str),
        age_at_sentence=rng.integers(18, 70, n).astype(str),
    ), people


def _treatment(
    rng: np.random.Generator, events: pd.DataFrame, people: int, has_record: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One episode of each person with a record (numbered as in probation) and each stranger."""
    first = pd.to_datetime(events["sentence_date"]).groupby(events["person"]).min()
    since = (first - pd.Timestamp("2018-08-01")).dt.days.to_numpy()
    start = np.concatenate(
        [since + rng.integers(-250, 400, people), rng.integers(0, 1339, 3 * people)]
    )
    end = start + 5 + rng.exponential(180, 4 * people).astype(int)
    keep = np.concatenate([has_record, np.ones(3 * people, dtype=bool)]) & (start < 1339)
    number = np.flatnonzero(keep)
    reason = rng.choice(["80", "85", "83", "89"], len(number), p=[0.45, 0.4, 0.12, 0.03])
    episodes = pd.DataFrame(
        {
            "person": [f"T{i:06}" for i in number],
            "episode_id": [f"E{i}" for i in number],
            "triage_date": _iso(start[keep]),
            "discharge_date": _iso(end[keep]),
            "discharge_reason": np.where(end[keep] < 1339, reason, ""),
            "drug_1": rng.choice(["7000", "1011", "5000"], len(number)),
            "drug_2": rng.choice(["", "7000"], len(number)),
            "drug_3": "",
        }
    )
    before, after = rng.integers(0, 29, len(number)), rng.integers(0, 15, len(number))
    forms = [
        pd.DataFrame({"person": episodes["person"], "top_date": _iso(day), "stage": stage,
                      "alcohol_days": use.astype(str)})
        for stage, day, use in (("start", start[keep], before), ("exit", end[keep], after))
    ]  # fmt: skip
    return episodes, pd.concat(forms, ignore_index=True)


_LABELS = {
    "order_type": ("community_order", "suspended_sentence_order"),
    "offence_category": ("violence", "theft", "drink_driving", "drugs"),
    "accommodation_status": ("settled", "other_housed", "rough_sleeping"),
    "region": ("London", "North East", "North West", "South East"),
    "ethnicity": ("white", "asian", "black"),
    "sex": ("M", "M", "M", "F"),
    "in_breach": ("0", "1"),
}


def _iso(days: np.ndarray) -> np.ndarray:
    """Days of observation as dates, empty after its end."""
    dates = np.datetime64("2018-08-01") + np.minimum(days, 2000).astype("timedelta64[D]")
    return np.where(days < 1900, dates.astype(str), "").astype(object)


def _people(frame: pd.DataFrame) -> list[str]:
    return sorted(set(frame["person"]) - {""}) if len(frame) else []
