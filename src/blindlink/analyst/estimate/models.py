"""Models across links by their methods: which rows, rates and fit, and what it rests on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import sparse

from blindlink.analyst.estimate import adjusted, designs, imputed, mixture, survival
from blindlink.analyst.estimate import crosstab as tables
from blindlink.analyst.estimate.designs import Design, pair_clusters
from blindlink.analyst.estimate.linked import Linked, Pairs
from blindlink.analyst.estimate.matchings import Candidates
from blindlink.analyst.estimate.presence import chances, error_pair
from blindlink.analyst.estimate.rates import ErrorRates
from blindlink.analyst.estimate.regression import Fit, checked, misclassified, pool
from blindlink.analyst.estimate.seen import grouping, seen, stratum
from blindlink.arrays import Floats, Int64s
from blindlink.errors import InputError

_LEAST, _HALVINGS = 0.5, 20  # tipping points are looked for between half and twice the sensitivity
_APART = "The outcome is of one table and all terms are of the other."


@dataclass(frozen=True)
class Asked:
    """What to fit, with which rates, and how often uncertain ones are drawn."""

    formula: str
    family: str
    rates: ErrorRates
    draws: int
    seed: int


@dataclass(frozen=True)
class Model:
    """A fit beside the one that believes every link, by term, and what it rests on.

    ``tipping``: by term, NaN where there is none; None where the method knows none.
    """

    names: tuple[str, ...]
    believed: Fit
    fit: Fit
    ratios: bool
    rests_on: tuple[str, ...]
    notes: tuple[str, ...]
    tipping: Floats | None = None


@dataclass(frozen=True)
class Right:
    """lambda by stratum: point (strata,), draws (draws, strata), strata of left rows, and words."""

    value: Floats
    draws: Floats
    code: Int64s
    text: tuple[str, ...]


def table(model: Model, confidence: float) -> pd.DataFrame:
    """One row per term; coefficients that the data do not determine are missing."""
    columns: dict[str, Any] = {"term": list(model.names)}
    for name, fit in (("believed", model.believed), ("estimate", model.fit)):
        low, high = fit.interval(confidence)
        parts = [np.where(fit.usable, each, np.nan) for each in (fit.beta, low, high)]
        labels = [name, f"{name}_low", f"{name}_high"]
        columns |= dict(zip(labels, parts, strict=True))
    if model.ratios:
        ends = {"ratio": "estimate", "ratio_low": "estimate_low", "ratio_high": "estimate_high"}
        columns |= {name: np.exp(columns[of]) for name, of in ends.items()}
    if model.tipping is not None:
        columns["tipping"] = model.tipping
    return pd.DataFrame(columns)


def misclassification(linked: Linked, ask: Asked) -> Model:
    """Whether a left row has a counting partner, seen with error; see ``regression``."""
    if ask.family != "binomial":
        raise InputError("misclassification is for the family binomial: a partner or none")
    outcome = ask.formula.partition("~")[0].strip()
    found = seen(linked, outcome, ask.rates)
    frame = linked.left.reset_index(drop=True).assign(**{outcome: found.counted.astype(float)})
    made = designs.design(ask.formula, frame, linked.cluster)
    error = chances(found.strata, ask.draws, ask.seed)
    if np.isnan(error.false_link).any() or np.isnan(error.sensitivity).any():
        raise InputError(
            "nothing is known of false links or of sensitivity",
            hint="combine rates: ErrorRates.from_controls(...) | ErrorRates.from_prior(...)",
        )
    code = found.stratum[made.row]
    linked_rows = found.linked[made.row].astype(float)
    size = np.maximum(np.bincount(code, minlength=len(found.strata)), 1)
    a, at = (
        np.bincount(code, weights=each, minlength=len(size)) / size
        for each in (made.y, linked_rows)
    )

    def fit(f: Floats, s: Floats) -> Fit | None:
        """With f by stratum and s by row."""
        pair = error_pair(a[code], at[code], found.counts_as, f[code], s, exclusive=found.exclusive)
        return misclassified(made.X, made.y, made.cluster, *pair)

    fits = [
        one
        for f, s in zip(error.false_link_draws, error.sensitivity_draws, strict=True)
        if (one := fit(f, s[code])) is not None
    ]
    result = pool(_enough(fits, ask))
    tips = _tipping(result, made, lambda s: fit(error.false_link, s), error.sensitivity[code])
    return Model(
        made.names,
        _plain(made, ask.family),
        result,
        True,
        ask.rates.rests_on("false_link", "sensitivity", "delta"),
        (f"A stranger's record counts with the chance {found.counts_as:.3f}.",),
        tips,
    )


def believed(linked: Linked, ask: Asked) -> Model:
    """As if every link were right."""
    made, _ = _apart(linked, ask)
    fit = _plain(made, ask.family)
    return Model(made.names, fit, fit, _ratios(ask), ("assumed: every link is right",), (_APART,))


def exchangeable(linked: Linked, ask: Asked) -> Model:
    """A wrong link takes anybody's outcome in its stratum."""
    made, rows = _apart(linked, ask)
    right = right_links(linked, ask)
    block = np.unique(right.code[rows.left[made.row]], return_inverse=True)[1]
    code = right.code[rows.left[made.row]]
    family = designs.family(ask.family)
    fits = []
    for drawn in right.draws:
        mix = adjusted.exchangeable(drawn[code], block)
        fit = adjusted.adjusted(made.X, made.y, mix, family, made.cluster)
        if fit is not None:
            fits.append(fit)
    result = pool(_enough(fits, ask))
    notes = (_APART, "assumed: a wrong link takes anybody's outcome, whatever the terms are")
    return Model(made.names, _plain(made, ask.family), result, _ratios(ask), right.text, notes)


def by_pairs(linked: Linked, ask: Asked) -> Model:
    """A linked outcome is that of each candidate of its row with the pair's probability."""
    made, rows = _apart(linked, ask)
    turned = not designs.sides(ask.formula, linked)
    every = _known(linked.candidates)
    owner, source = (every.left, every.right) if turned else (every.right, every.left)
    table_of = linked.right if turned else linked.left
    X, place = designs.terms(made.spec, _named(linked, table_of, turned))
    at = np.full(len(table_of), -1)
    at[place] = np.arange(len(place))
    ours = (rows.left if turned else rows.right)[made.row]
    link = np.full(int(max(owner.max(initial=0), ours.max(initial=0))) + 1, -1)
    link[ours] = np.arange(len(ours))
    inside = (link[owner] >= 0) & (at[source] >= 0)
    shape = (len(ours), len(X))
    weights = sparse.csr_array(
        (every.probability[inside], (link[owner[inside]], at[source[inside]])), shape=shape
    )
    whole = np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1.0)
    mix = adjusted.by_pair(sparse.csr_array(sparse.diags_array(1 / whole) @ weights))
    fit = adjusted.adjusted(X, made.y, mix, designs.family(ask.family), made.cluster)
    rests = ("assumed: the match probabilities of the candidates are calibrated",)
    result = _enough([fit] if fit else [], ask)[0]
    return Model(made.names, _plain(made, ask.family), result, _ratios(ask), rests, (_APART,))


def mixed(linked: Linked, ask: Asked) -> Model:
    """Right links follow the model, wrong ones the outcome's marginal."""
    made, rows = _apart(linked, ask)
    everybody = _outcomes(linked, ask)
    family = designs.family(ask.family)
    g = mixture.marginal(made.y, everybody, family)
    chance = rows.probability[made.row]
    unknown = mixture.Mixture(made.X, made.y, g, None, made.cluster)
    if ask.rates.precision is not None:
        right = right_links(linked, ask)
        code, text = right.code[rows.left[made.row]], right.text
        options = [replace(unknown, right=drawn[code]) for drawn in right.draws]
    elif not np.isnan(chance).any():
        text = ("assumed: the match probabilities of the links are calibrated",)
        options = [replace(unknown, right=np.clip(chance, 1e-6, 1 - 1e-6))]
    else:
        text, options = (), [unknown]
    found = [mixture.mixed(each, family) for each in options]
    fits = _enough([fit for fit, _ in found if fit is not None], ask)
    share = float(np.mean([value for fit, value in found if fit is not None]))
    text = text or (f"estimated: {share:.3f} of the links are right, from how well they fit",)
    notes = (_APART, "assumed: a wrong link's outcome does not depend on the terms")
    return Model(made.names, _plain(made, ask.family), pool(fits), _ratios(ask), text, notes)


def drawn(linked: Linked, ask: Asked) -> Model:
    """The model over linkages that are drawn with it."""
    made, _ = _apart(linked, ask)
    every, person = _known(linked.candidates), pair_clusters(linked, _known(linked.candidates))
    pairs = designs.design(ask.formula, linked.frame(every), person)
    kept = every.where(pairs.row)
    on_right = designs.sides(ask.formula, linked)
    sides = (kept.left, kept.right) if on_right else (kept.right, kept.left)
    fit = imputed.imputed(
        pairs.X,
        pairs.y,
        Candidates(*sides, kept.probability, "one-to-many"),
        _outcomes(linked, ask),
        designs.family(ask.family),
        person=pairs.cluster,
        number=ask.draws,
        seed=ask.seed,
    )
    rests = ("assumed: the match probabilities of the candidates are calibrated",)
    notes = (_APART, f"{ask.draws} linkages drawn with the model; Rubin's rules")
    result = _enough([fit] if fit else [], ask)[0]
    return Model(made.names, _plain(made, ask.family), result, _ratios(ask), rests, notes)


def cox(linked: Linked, ask: Asked) -> Model:
    """Cox regression with exchangeable errors; see ``survival``."""
    time, event, rest = designs.survival(ask.formula)
    frame = linked.frame(linked.best)
    made = designs.design(f"{time} ~ {rest}", frame, pair_clusters(linked, linked.best))
    names = {event, time}
    covariates = {str(name) for name in made.spec.required_variables}
    designs.outcome_on_right(linked, names, covariates)
    status = pd.to_numeric(frame[event].iloc[made.row], errors="coerce").to_numpy(float)
    if not np.isin(status, (0.0, 1.0)).all():
        raise InputError(f"column {event} must be 0 or 1, without missing values")
    keep = np.ptp(made.X, axis=0) > 0  # without the constant, which no hazard ratio needs
    lives = survival.Lives(made.y, status == 1, made.X[:, keep], made.cluster)
    plain = survival.believed(lives)
    right = right_links(linked, ask)
    code = right.code[linked.best.left[made.row]]
    size = np.bincount(code, minlength=len(right.value)) / len(code)
    start = _enough([plain] if plain else [], ask)[0]
    fit, lost = survival.adjusted(
        lives, float(right.value @ size), right.draws @ size, start.beta, ask.seed
    )
    result = _enough([fit] if fit else [], ask)[0]
    names_kept = tuple(name for name, kept in zip(made.names, keep, strict=True) if kept)
    notes = [_APART, "assumed: a wrong link takes anybody's terms, whatever the time is"]
    notes.append(f"Follow-up ends where less than {survival.AT_RISK:.0%} of the links are at risk.")
    if lost:
        notes.append(f"{lost} of {ask.draws} bootstrap replicates had no solution")
    return Model(names_kept, start, result, True, right.text, tuple(notes))


def crosstab(
    linked: Linked, left: str, right: str, ask: Asked, confidence: float
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """The table, what it rests on, and its notes."""
    row = grouping(linked, left)
    if right not in linked.right:
        raise InputError(f"right has no column {right}")
    pairs = linked.best
    chance = right_links(linked, ask)
    code = chance.code[pairs.left]
    size = np.bincount(code, minlength=len(chance.value)) / max(len(code), 1)
    value, draws = float(chance.value @ size), chance.draws @ size
    frame = tables.crosstab(
        row.iloc[pairs.left].reset_index(drop=True),
        linked.right[right].iloc[pairs.right].reset_index(drop=True),
        linked.cluster[pairs.left],
        (value, draws),
        confidence=confidence,
        seed=ask.seed,
    )
    notes = ["assumed: a wrong link takes anybody's cell, whatever the row is"]
    if len(frame) == 4 and frame["row"].nunique() == 2:
        seen_ratio, ratio = (
            float(tables.odds_ratios(frame[name].to_numpy().reshape(2, 2)))
            for name in ("observed", "corrected")
        )
        notes.append(f"odds ratio observed {seen_ratio:.3f}, corrected {ratio:.3f}")
    return frame, chance.text, tuple(notes)


def right_links(linked: Linked, ask: Asked) -> Right:
    """The chance that a link is right, by stratum: from rates, else probabilities, else controls.

    Under one-to-one linkage wrong links are f (1 - L) / (1 - f) of all rows, so that false links
    that were measured give precision. Raises InputError where nothing is known.
    """
    code, strata = stratum(linked, ask.rates)
    generator = np.random.Generator(np.random.PCG64([ask.seed, 4]))
    found = [each.precision for each in strata if each.precision is not None]
    if len(found) == len(strata) and all(rate.basis != "bounded" for rate in found):
        draws = np.stack([rate.draw(ask.draws, generator) for rate in found], axis=1)
        value = np.array([rate.value for rate in found])
        return Right(value, draws, code, ask.rates.rests_on("precision"))
    chance = linked.best.probability
    one = np.zeros(len(linked.left), dtype=np.int64)
    if len(chance) and not np.isnan(chance).any():
        mean = np.array([chance.mean()])
        text = f"precision: assumed: {mean[0]:.3g} (mean match probability, taken for calibrated)"
        return Right(mean, np.repeat(mean[None], ask.draws, axis=0), one, (text,))
    f = ask.rates.false_link
    if f is not None and f.basis != "bounded" and linked.exclusive and len(linked.links):
        share = len(linked.links) / len(linked.left)

        def precision(rate: Floats) -> Floats:
            return np.clip(1 - rate * (1 - share) / (1 - rate) / share, 0.01, 1.0)

        draws = precision(f.draw(ask.draws, generator))[:, None]
        text = f"precision: from false links, {f.text()}"
        return Right(precision(np.array([f.value])), draws, one, (text,))
    raise InputError(
        "nothing is known of how many links are right",
        hint="give rates=ErrorRates.from_clerical(right, checked), or links with probabilities",
    )


def _apart(linked: Linked, ask: Asked) -> tuple[Design, Pairs]:
    """The design of the links, whose outcome and terms are of different tables, and the links."""
    designs.family(ask.family)
    designs.sides(ask.formula, linked)
    pairs = linked.best
    return designs.design(ask.formula, linked.frame(pairs), pair_clusters(linked, pairs)), pairs


def _named(linked: Linked, side: pd.DataFrame, right: bool) -> pd.DataFrame:
    frame = side.reset_index(drop=True)
    if right:
        frame = frame.rename(columns={n: f"{n}_right" for n in frame if n in linked.left})
    return frame


def _outcomes(linked: Linked, ask: Asked) -> Floats:
    """The outcome of every row of its table that has one."""
    on_right = designs.sides(ask.formula, linked)
    frame = _named(linked, linked.right if on_right else linked.left, on_right)
    outcome = ask.formula.partition("~")[0].strip()
    person = np.arange(len(frame), dtype=np.int64)
    return designs.design(f"{outcome} ~ 0 + one_for_all", frame.assign(one_for_all=1.0), person).y


def _known(pairs: Pairs) -> Pairs:
    known = pairs.where(~np.isnan(pairs.probability))
    if not len(known):
        raise InputError(
            "no pair has a match probability",
            hint="give candidates= with probabilities, or use the method exchangeable",
        )
    return known


def _plain(made: Design, family: str) -> Fit:
    try:
        fit = sm.GLM(made.y, made.X, family=designs.family(family)).fit(
            cov_type="cluster", cov_kwds={"groups": made.cluster}
        )
    except (np.linalg.LinAlgError, ValueError):
        raise InputError("the model cannot be fitted", hint="use fewer terms") from None
    freedom = made.people - made.X.shape[1]
    return checked(np.asarray(fit.params), np.asarray(fit.cov_params()), freedom)


def _enough(fits: list[Fit], ask: Asked) -> list[Fit]:
    """The fits, where most draws have one. Raises InputError."""
    if not fits or (len(fits) > 1 and len(fits) < 0.8 * ask.draws):
        raise InputError(
            "the corrected model cannot be fitted",
            hint="use fewer terms, or look at the rates: these links may hold too little",
        )
    return fits


def _ratios(ask: Asked) -> bool:
    return ask.family != "gaussian"


def _tipping(
    result: Fit, made: Design, fit: Callable[[Floats], Fit | None], sensitivity: Floats
) -> Floats:
    """For each term of two values the relative sensitivity of its rows that ends its clearness."""
    tips = np.full(len(made.names), np.nan)
    low, high = result.interval(0.95)
    for at in range(len(tips)):
        values = np.unique(made.X[:, at])
        clear = result.usable[at] and (low[at] > 0 or high[at] < 0)
        if len(values) != 2 or not clear:
            continue
        inside, end = made.X[:, at] == values[1], low[at] if low[at] > 0 else high[at]
        # A record found more often explains a ratio above 1, one found less often one below it.
        least, most = (1.0, 1 / _LEAST) if end > 0 else (_LEAST, 1.0)
        # The interval's end moves with the estimate: where that has moved by ``end``, it is at 0.
        goal = result.beta[at] - end

        def far(times: float, inside: Any = inside, at: int = at, goal: float = goal) -> float:
            moved = np.where(inside, np.minimum(sensitivity * times, 1.0), sensitivity)
            made_fit = fit(moved)
            return np.nan if made_fit is None else float(made_fit.beta[at]) - goal

        tips[at] = _root(far, least, most)
    return tips


def _root(far: Callable[[float], float], low: float, high: float) -> float:
    ends = far(low), far(high)
    if not np.isfinite(ends).all() or ends[0] * ends[1] > 0:
        return np.nan
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        value = far(middle)
        if not np.isfinite(value):
            return np.nan
        low, high = (low, middle) if value * ends[0] < 0 else (middle, high)
    return (low + high) / 2 - 1


METHODS: dict[str, Callable[[Linked, Asked], Model]] = {
    "misclassification": misclassification,
    "exchangeable": exchangeable,
    "pairs": by_pairs,
    "mixture": mixed,
    "imputation": drawn,
    "none": believed,
}
