"""The whole analysis: a cohort and settings in, tables out. No table knows a published result."""

from collections.abc import Callable
from functools import partial

import numpy as np

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.analyst.publish.tables import Table
from blindlink.progress import Progress, silent
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import build
from blindlink.studies.probation_treatment.statistics import (
    benchmarks,
    breach,
    deaths,
    dependence,
    engagement,
    entry,
    flow,
    imputed,
    link_counts,
    linkage,
    linkage_groups,
    models,
    outcomes,
    status,
    substances,
    top,
    unlinked,
)


def analyse(
    cohort: Cohort, settings: Settings, *, seed: int, progress: Progress = silent
) -> list[Table]:
    """Every table of the study, in the order of the report.

    The same cohort, settings and seed give the same tables, whatever the pseudonyms and the order
    of rows. An analysis that the data do not allow gives a table without rows and a note.
    """
    pathways = build(cohort, settings)
    rates = error_rates(cohort.info, settings, seed)
    bootstrap = Bootstrap.draw(pathways.left_people, settings.replicates, seed + 1)
    correction = Correction(pathways, rates, bootstrap, seed + 2)
    pairs = link_counts.counted(correction)
    headlines = engagement.headlines_corrected(correction)
    known = not np.isnan(rates.false_link_draws).any()
    drawn = imputed.studies(pathways, seed + 3, rates.false_link_draws if known else None)
    makers: list[Callable[[], Table]] = [
        lambda: flow.flow(pathways),
        lambda: flow.losses(pathways),
        lambda: flow.data_quality(pathways),
        lambda: engagement.engagement(pathways),
        lambda: engagement.engagement_corrected(correction),
        lambda: headlines,
        lambda: engagement.engagement_by_group(correction),
        lambda: benchmarks.benchmarks(headlines, settings.benchmarks),
        lambda: status.status(pathways),
        lambda: entry.entry_curves(correction),
        lambda: substances.substances(pathways),
        lambda: outcomes.outcomes(pathways),
        lambda: outcomes.representation(pathways),
        lambda: outcomes.chain(pathways),
        lambda: deaths.deaths(pathways),
        lambda: breach.breach(pathways),
        lambda: top.top(pathways),
        *(partial(models.access, correction, kind, drawn) for kind in correction.kinds),
        lambda: models.outcome_model(correction, drawn),
        lambda: unlinked.linked_unlinked(pathways),
        lambda: linkage.linkage_quality(correction, pairs.fit),
        lambda: linkage_groups.linkage_by_group(correction),
        lambda: link_counts.link_counts(correction, pairs),
        lambda: linkage.decomposition(correction),
        lambda: dependence.dependence(correction),
        lambda: linkage.sensitivity(pathways),
        lambda: linkage.methods(pathways),
        lambda: imputed.engagement_imputed(correction, drawn),
    ]
    tables = []
    for number, maker in enumerate(makers, start=1):
        tables.append(maker())
        progress(number, len(makers))
    return tables
