"""Engagement over many drawn linkages instead of one accepted linkage."""

import numpy as np
import pandas as pd
from scipy import stats

from blindlink.analyst.estimate.intervals import shares
from blindlink.analyst.publish.layout import count, estimate, impossible, label, make, with_all
from blindlink.analyst.publish.tables import Column, Table
from blindlink.arrays import Floats
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.imputation import candidates, imputed, pool
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

COLUMNS: dict[str, Column] = {
    "requirement": label(REQUIREMENT),
    "requirements": count("Requirements"),
    "engaged": count("Engaged, mean of the drawn linkages, rounded"),
    **estimate("imputed", "Share engaged among what the candidates can show (%)", "engaged"),
    **estimate("corrected", "The same with records that no candidate can show (%)", "engaged"),
    "between": Column(
        "estimate", "Part of the variance that is doubt about links (%)", base="engaged", decimals=0
    ),
}
TITLE = "Engagement over drawn linkages (multiple imputation)"


def studies(pathways: Pathways, seed: int, false_links: Floats | None = None) -> list[Pathways]:
    """The study under each drawn linkage; none without imputations or candidates.

    ``false_links``: draws of the false-link rate, of which each linkage takes another one.
    """
    number = pathways.settings.imputations
    pairs = candidates(pathways) if number else None
    if pairs is None:
        return []
    doubt = None
    if false_links is not None and len(false_links) and false_links.mean() > 0:
        doubt = np.resize(false_links, number) / false_links.mean()
    return list(imputed(pathways, pairs, number, seed, doubt))


def engagement_imputed(correction: Correction, drawn: list[Pathways]) -> Table:
    """Engagement per requirement pooled by Rubin's rules."""
    if not drawn:
        why = "No imputations were asked for, or no candidate has a match probability."
        return impossible("engagement_imputed", TITLE, COLUMNS, why)
    settings = correction.pathways.settings
    names = kinds(correction.pathways)
    parts = [_variances(each, names) for each in drawn]
    rows = []
    for name in names:
        values = np.array([part.loc[name, "share"] for part in parts])
        variances = np.array([part.loc[name, "variance"] for part in parts])
        whole = int(parts[0]["whole"][name])
        if np.isnan(values).any():
            continue
        result = pool(values, variances)
        half = stats.t.ppf((1 + settings.confidence) / 2, result.freedom) * result.variance**0.5
        blind, spread = _blind(correction)
        wide = _scaled(result.value, result.variance, blind, spread, settings.confidence)
        rows.append(
            {
                "requirement": name,
                "requirements": whole,
                "engaged": round(float(np.mean([part.loc[name, "part"] for part in parts]))),
                "imputed": 100 * result.value,
                "imputed_low": 100 * max(result.value - half, 0),
                "imputed_high": 100 * min(result.value + half, 1),
                "corrected": 100 * min(result.value / blind, 1),
                "corrected_low": 100 * wide[0],
                "corrected_high": 100 * wide[1],
                "between": 100 * result.between / result.variance if result.variance else 0.0,
            }
        )
    if not rows:
        return impossible("engagement_imputed", TITLE, COLUMNS, "There is no eligible requirement.")
    notes = (
        f"{len(drawn)} linkages drawn from the match probabilities of the released candidates "
        "under the plan's cardinality, each with another draw of the false-link rate, pooled by "
        "Rubin's rules. It rests on those probabilities being calibrated.",
        "The corrected share rests on the same sensitivity as everywhere in this report, of which "
        "the candidates show more than the links do.",
    )
    frame = pd.DataFrame(rows)
    made = correction.pathways.populations
    populations = {
        "requirements": [made.case(name) for name in frame["requirement"]],
        "engaged": [None] * len(frame),  # a mean over linkages: nobody's number of its own
    }
    return make("engagement_imputed", TITLE, frame, COLUMNS, notes, populations=populations)


def _variances(pathways: Pathways, names: list[str]) -> pd.DataFrame:
    """Share and its clustered variance by requirement."""
    rows = with_all(pathways.cases)
    key = pd.Categorical(rows["requirement"], categories=names).codes.astype(np.int64)
    person, engaged = rows["person"].to_numpy(dtype=np.int64), rows["engaged"].to_numpy()
    found = shares(key, person, engaged, len(names))
    found["variance"] = found["share"] * (1 - found["share"]) / found["size"]
    return found.set_index(pd.Index(names))


def _blind(correction: Correction) -> tuple[float, float]:
    """The share of true records that candidates can show at all, and its standard deviation.

    Links show the share s of them; candidates show more, as their expected true pairs are more than
    the expected right links.
    """
    rates = correction.rates
    if not rates.losses:
        return np.nan, np.nan
    more = correction.candidates_over_links()
    comparable = min(rates.losses[0].value * more, 1.0)
    comparables = np.minimum(rates.loss_draws[0] * more, 1.0)
    rest = float(np.prod([loss.value for loss in rates.losses[1:]]))
    draws = np.prod([comparables, *rates.loss_draws[1:]], axis=0)
    return comparable * rest, float(np.std(draws))


def _scaled(
    value: float, variance: float, blind: float, spread: float, confidence: float
) -> tuple[float, float]:
    """The interval of value / blind on the log scale, by the delta method."""
    if not value > 0 or np.isnan(blind):
        return np.nan, np.nan
    error = (variance / value**2 + spread**2 / blind**2) ** 0.5
    half = stats.norm.ppf((1 + confidence) / 2) * error
    return float(value / blind * np.exp(-half)), float(min(value / blind * np.exp(half), 1))
