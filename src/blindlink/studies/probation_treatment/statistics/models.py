"""Who accesses treatment, and who completes it: odds ratios under three named estimands."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from blindlink.analyst.estimate.presence import error_pair
from blindlink.analyst.estimate.regression import (
    Fit,
    conditional,
    misclassified,
    pool,
    population_averaged,
)
from blindlink.analyst.publish.layout import count, estimate, impossible, label, make
from blindlink.analyst.publish.tables import Column, Table
from blindlink.analyst.study.design import RARE, REFERENCE, Design
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.schema.populations import Condition, Population, population
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction, within
from blindlink.studies.probation_treatment.definitions import COMPLETED
from blindlink.studies.probation_treatment.design import REQUIREMENT, design
from blindlink.studies.probation_treatment.groups import grouped
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import (
    COMPLETED_IN_TIME,
    OBSERVED_FROM_ENTRY,
    REQUIREMENTS,
    YES,
    Populations,
)

POPULATION, CONDITIONAL, CORRECTED = (
    "population-averaged",
    "conditional on region",
    "population-averaged, corrected for linkage error",
)
IMPUTED = "population-averaged, links imputed"
WITHOUT, WITH = "without end of the order", "with end of the order"
_TIPPING = {
    "tipping": Column(
        "estimate",
        "How much less (-) or more often the level's records must be found, beyond what is "
        "assumed, for its corrected odds ratio to be no longer clear (%)",
        base=ENGAGED,
    )
}
_WORSE = 0.9  # the sensitivity, relative, by which the slope of an odds ratio is taken
DRAWS = 10  # of the linkage error rates, in the corrected model
FEWEST = 50  # cases with and without the outcome that a model needs


@dataclass(frozen=True)
class Outcome:
    """What a model explains: an outcome among some cases, both declared, and in words."""

    cases: pd.DataFrame
    y: Bools
    kind: str | None
    among: tuple[Condition, ...]
    explained: Condition
    words: str


def access(correction: Correction, requirement: str, drawn: list[Pathways]) -> Table:
    """Odds ratios of engagement for one requirement; ``drawn``: the study under drawn linkages."""
    days = correction.pathways.settings.definitions.follow_up_days
    chosen = correction.pathways.cases["requirement"] == requirement
    chosen &= correction.pathways.cases["follow_up"] >= days
    cases = correction.pathways.cases[chosen].reset_index(drop=True)
    made = correction.pathways.populations
    outcome = Outcome(
        cases, _by(cases, days), requirement,
        (made.kind[REQUIREMENTS].of(requirement), made.followed(days)), made.entered(days),
        f"Engaged: with treatment within {days} days of the sentence, among those followed for so "
        "long. With unequal time, whoever was sentenced later would look less likely to engage.",
    )  # fmt: skip
    name = f"access_{requirement.lower()}"
    title = f"Who engages with treatment within {days} days, {requirement}"
    others = [_by(each.cases[chosen.to_numpy()], days) for each in drawn]
    return _table(name, title, "engaged", outcome, correction, others)


def _by(cases: pd.DataFrame, days: int) -> Bools:
    """Engaged within so many days of the sentence."""
    return np.asarray((cases["entry"] <= days).to_numpy(), dtype=bool)


def _completion(cases: pd.DataFrame, days: int) -> tuple[Bools, Bools]:
    """Who was observed for so many days from entry, and who of them completed within them.

    Everybody has the same time, so that nobody is censored; other ends of the first journey compete
    with completion.
    """
    observed = (cases["follow_up"] - cases["entry"] >= days).to_numpy()
    lasted = cases["exit_day"] - cases["sentence_date"] - cases["entry"]
    done = (cases["exit"] == COMPLETED).to_numpy() & (lasted <= days).to_numpy()
    return np.asarray(observed, bool), np.asarray(observed & done, bool)


def outcome_model(correction: Correction, drawn: list[Pathways]) -> Table:
    """Odds ratios of successful completion of the first journey, among the engaged.

    Under each drawn linkage others are engaged: each has its own cases, and a wrong link its own
    outcome, so that the pooled model carries false and missed links among the candidates.
    """
    days = correction.pathways.settings.definitions.follow_up_days
    observed, completed = _completion(correction.pathways.cases, days)
    cases = correction.pathways.cases[observed].reset_index(drop=True)
    outcome = Outcome(
        cases, completed[observed], None, (OBSERVED_FROM_ENTRY.of(YES),), COMPLETED_IN_TIME.of(YES),
        f"Completed: the first journey, within {days} days of entry, among those observed for so "
        "long from entry. Other ends of treatment compete with completion.",
    )  # fmt: skip
    title = f"Who completes treatment within {days} days of entry, of those engaged"
    table = _table("outcome_model", title, "completed", outcome, correction, [])
    rows, notes = _outcome_imputed(correction, drawn) if len(table.frame) else ([], [])
    frame = pd.concat([table.frame, *rows], ignore_index=True)[list(table.columns)]
    unnamed: list[Population | None] = [None] * (len(frame) - len(table.frame))
    populations = {column: [*own, *unnamed] for column, own in table.populations.items()}
    notes = [*table.notes, *notes]
    return replace(table, frame=frame, notes=tuple(notes), populations=populations)


def _outcome_imputed(
    correction: Correction, drawn: list[Pathways]
) -> tuple[list[pd.DataFrame], list[str]]:
    """The outcome model over drawn linkages: one design of all who are ever engaged."""
    if not drawn:
        return [], []
    days = correction.pathways.settings.definitions.follow_up_days
    both = [_completion(each.cases, days) for each in drawn]
    engaged, completed = (np.stack([each[place] for each in both]) for place in (0, 1))
    ever = np.flatnonzero(engaged.any(axis=0))
    cases = correction.pathways.cases.iloc[ever].reset_index(drop=True)
    rules = correction.pathways.settings.definitions
    rows, notes = [], []
    for adjustment, termination in ((WITHOUT, False), (WITH, True)):
        matrix = design(
            cases, np.asarray(completed[:, ever].any(axis=0)), rules, termination=termination
        )
        person = cases["person"].to_numpy(dtype=np.int64)[matrix.rows]
        seen = [
            (a[ever][matrix.rows], b[ever][matrix.rows])
            for a, b in zip(engaged, completed, strict=True)
        ]
        fits = [
            population_averaged(matrix.X[inside], y[inside].astype(float), person[inside])
            for inside, y in seen
            if matrix.X[inside].any(axis=0).all()
        ]
        fine = [fit for fit in fits if fit is not None]
        if len(fine) < len(drawn):
            notes.append(f"{IMPUTED}, {adjustment}: the model cannot be fitted to every linkage.")
            continue
        part = _rows(matrix, pool(fine), seen, "completed", correction.confidence)
        rows.append(part.assign(model=IMPUTED, adjustment=adjustment))
    return rows, notes


def _columns(what: str) -> dict[str, Column]:
    return {
        "model": label("Estimand: population-averaged, or conditional on a region's level"),
        "adjustment": label("Whether the reason for the end of the order is in the model"),
        "variable": label("Characteristic"),
        "level": label("Level; the reference has the odds ratio 1"),
        "requirements": count("Requirements with the level"),
        what: count(f"Of these, {what}"),
        **estimate("odds_ratio", "Odds ratio", what, 2),
        **(_TIPPING if what == ENGAGED else {}),
    }


def _table(
    name: str,
    title: str,
    what: str,
    outcome: Outcome,
    correction: Correction,
    others: list[Bools],
) -> Table:
    columns = _columns(what)
    smaller = min(int(outcome.y.sum()), int((~outcome.y).sum()))
    if smaller < FEWEST:
        why = f"A model needs {FEWEST} cases with and {FEWEST} without the outcome."
        return impossible(name, title, columns, why)
    rows, notes = [], [outcome.words, *_NOTES]
    rules = correction.pathways.settings.definitions
    populations: dict[str, list[Population | None]] = {"requirements": [], what: []}
    for adjustment, termination in ((WITHOUT, False), (WITH, True)):
        matrix = design(outcome.cases, outcome.y, rules, termination=termination)
        notes += matrix.notes
        tips = np.full(len(matrix.terms), np.nan)
        for model, fit in _fits(matrix, outcome, correction, others):
            if model == CORRECTED and fit is not None:
                tips = _tipping(matrix, fit, outcome, correction)
            if fit is None:
                notes.append(
                    f"{model}, {adjustment}: the model does not converge or cannot be fitted."
                )
                continue
            y = outcome.y[matrix.rows]
            everybody = np.ones(len(y), dtype=bool)
            part = _rows(matrix, fit, [(everybody, y)], what, correction.confidence)
            part = part.assign(model=model, adjustment=adjustment)
            made = correction.pathways.populations
            conditions = _conditions(made, matrix)
            counts = [_counted(made, outcome, condition) for condition in conditions]
            part["requirements"] = [whole for whole, _ in counts]
            part[what] = [having for _, having in counts]
            if what == ENGAGED:
                part["tipping"] = 100 * tips if model == CORRECTED else np.nan
            rows.append(part)
            for condition in conditions:
                whole = population(REQUIREMENTS, *outcome.among, *condition)
                populations["requirements"].append(whole)
                populations[what].append(whole.and_(outcome.explained))
            if model == CONDITIONAL:
                notes.append(_spread(fit, adjustment))
    if not rows:
        return impossible(name, title, columns, notes[-1])
    frame = pd.concat(rows, ignore_index=True)
    unstable = bool((frame["odds_ratio"].isna()).any())
    if unstable:
        notes.append("A missing odds ratio cannot be determined from these data.")
    totals = dict.fromkeys(("model", "adjustment", "variable", "level"), False)
    notes = list(dict.fromkeys(notes))
    return make(name, title, frame, columns, notes, totals, populations=populations)


def _conditions(made: Populations, matrix: Design) -> list[tuple[Condition, ...]]:
    """What each term of a model is about."""
    dimensions = {dimension.name: dimension for dimension in made.groups.values()}
    dimensions[REQUIREMENT] = made.kind[REQUIREMENTS].dimension
    named: dict[str, set[str]] = {}
    for term in matrix.terms:
        named.setdefault(term.variable, set()).add(_level(term.level))
    conditions: list[tuple[Condition, ...]] = []
    for term in matrix.terms:
        if not term.level:
            conditions.append(())
            continue
        dimension, level = dimensions[term.variable], _level(term.level)
        others = set(dimension.levels) - named[term.variable]
        conditions.append((dimension.of(*(others if level == RARE else {level})),))
    return conditions


def _counted(
    made: Populations, outcome: Outcome, condition: tuple[Condition, ...]
) -> tuple[int, int]:
    """How many cases have the level, in the model or not, and how many of them the outcome.

    Beside the counts of groups, counts of those *in the model* would tell the few left out of it.
    """
    inside = np.ones(len(outcome.cases), dtype=bool)
    columns = {d: c for c, d in made.groups.items()}
    columns[made.kind[REQUIREMENTS].dimension] = "requirement"
    for one in condition:
        column = columns[one.dimension]
        levels = [n for i, n in enumerate(one.dimension.levels) if one.mask >> i & 1]
        inside &= grouped(outcome.cases, made.rules)[column].isin(levels).to_numpy()
    return int(inside.sum()), int((inside & outcome.y).sum())


def _level(text: str) -> str:
    return text.removesuffix(f" ({REFERENCE})")


def _spread(fit: Fit, adjustment: str) -> str:
    """How much regions differ: the median odds ratio of Larsen and Merlo (2005)."""
    ratio = np.exp(stats.norm.ppf(0.75) * np.sqrt(2) * fit.deviation)
    return (
        f"Between regions, {adjustment}: the log odds have a standard deviation of "
        f"{fit.deviation:.2f}; the odds of two regions drawn at random differ by a factor of "
        f"{ratio:.2f} in the middle."
    )


_NOTES = (
    "Population-averaged: logistic regression as a generalised estimating equation with people as "
    "clusters. Conditional: with a random intercept per region; intervals with t on regions - 1 "
    "degrees of freedom. The two are different quantities.",
    "The end of the order is known only after the outcome may have happened: the model is given "
    "with and without it.",
    "The corrected odds ratios are given that missed links depend on no characteristic beyond what "
    "is assumed for everybody. A small tipping point means that a slightly worse linkage of the "
    "level would explain its odds ratio; none is given where no linkage could.",
    "Associations, not effects. Counts are of all with the level: a few may be in no model.",
)


def _fits(
    matrix: Design, outcome: Outcome, correction: Correction, others: list[Bools]
) -> list[tuple[str, Fit | None]]:
    """The models of one table; ``others``: the outcome of the same cases under drawn linkages."""
    y = outcome.y[matrix.rows].astype(float)
    cases = outcome.cases.iloc[matrix.rows]
    person = cases["person"].to_numpy(dtype=np.int64)
    fits = [(POPULATION, population_averaged(matrix.X, y, person))]
    region = pd.factorize(cases["region"], sort=True)[0].astype(np.int64)
    fits.append((CONDITIONAL, conditional(matrix.X, y, region)))
    if outcome.kind is not None and not np.isnan(correction.rates.sensitivity_draws).any():
        fits.append((CORRECTED, _corrected(matrix.X, y, person, outcome, correction)))
    if others:
        seen = [other[matrix.rows].astype(float) for other in others]
        each = [population_averaged(matrix.X, other, person) for other in seen]
        fine = [fit for fit in each if fit is not None]
        fits.append((IMPUTED, pool(fine) if len(fine) == len(each) else None))
    return fits


def _tipping(matrix: Design, fit: Fit, outcome: Outcome, correction: Correction) -> Floats:
    """The tipping point of each term's corrected odds ratio, shape (terms,).

    The log odds ratio is taken to be linear in the log of the sensitivity of the level's records.
    """
    rates = correction.rates
    y = outcome.y[matrix.rows].astype(float)
    person = outcome.cases["person"].to_numpy(dtype=np.int64)[matrix.rows]
    parts = _parts(y, outcome, correction)

    def at(sensitivity: Floats) -> Fit | None:
        pair = error_pair(*parts, rates.false_link, sensitivity, exclusive=rates.exclusive)
        return misclassified(matrix.X, y, person, *pair)

    plain = at(np.full(len(y), rates.sensitivity))
    low, high = fit.interval(correction.confidence)
    tips = np.full(len(matrix.terms), np.nan)
    for place, term in enumerate(matrix.terms):
        own = term.column
        if own is None or not term.level or plain is None or not (low[own] > 0 or high[own] < 0):
            continue
        worse = at(np.where(term.rows, _WORSE, 1.0) * rates.sensitivity)
        slope = 0.0 if worse is None else (worse.beta[own] - plain.beta[own]) / np.log(_WORSE)
        end = low[own] if low[own] > 0 else high[own]
        times = np.exp(-end / slope) if slope < 0 else np.inf
        # More often than always no record can be found.
        tips[place] = times - 1 if times * rates.sensitivity <= 1 else np.nan
    return tips


def _parts(y: Floats, outcome: Outcome, correction: Correction) -> tuple[float, float, float]:
    """The share counted, the share linked and q of one requirement."""
    window = within(correction.pathways.settings.definitions.follow_up_days)
    q = float(correction.counts_as(window)[0, correction.kinds.index(str(outcome.kind))])
    return float(y.mean()), float(outcome.cases["linked"].mean()), q


def _corrected(
    X: Floats, y: Floats, person: Int64s, outcome: Outcome, correction: Correction
) -> Fit | None:
    """The misclassified model at several draws of the error rates, pooled by Rubin's rules."""
    rates = correction.rates
    parts, fits = _parts(y, outcome, correction), []
    for f, s in zip(rates.false_link_draws[:DRAWS], rates.sensitivity_draws[:DRAWS], strict=True):
        seen, invented = error_pair(*parts, f, s, exclusive=rates.exclusive)
        fit = misclassified(X, y, person, seen, invented)
        if fit is not None:
            fits.append(fit)
    return pool(fits) if len(fits) > 1 else None


def _rows(
    matrix: Design, fit: Fit, seen: list[tuple[Bools, Bools]], what: str, confidence: float
) -> pd.DataFrame:
    """One row per term; ``seen``: who is in the model and has the outcome, for each linkage."""
    low, high = fit.interval(confidence)
    rows = []
    for term in matrix.terms:
        ratio = [1.0, np.nan, np.nan]
        if term.column is not None:
            at = term.column
            ratio = [
                float(np.exp(x[at])) if fit.usable[at] else np.nan for x in (fit.beta, low, high)
            ]
        rows.append(
            {
                "variable": term.variable,
                "level": term.level,
                "requirements": round(np.mean([(term.rows & each).sum() for each, _ in seen])),
                what: round(np.mean([(term.rows & each & y).sum() for each, y in seen])),
                "odds_ratio": ratio[0],
                "odds_ratio_low": ratio[1],
                "odds_ratio_high": ratio[2],
            }
        )
    return pd.DataFrame(rows)
