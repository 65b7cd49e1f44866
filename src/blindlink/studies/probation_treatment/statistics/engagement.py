"""Engagement with treatment: observed, corrected for linkage error, and by group."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import (
    CLUSTERED,
    count,
    estimate,
    impossible,
    label,
    make,
    percentages,
    share,
    share_rows,
    whole_numbers,
    with_all,
)
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.schema.populations import Population
from blindlink.studies.probation_treatment.correction import (
    AT_THREE_WEEKS,
    ENGAGED,
    Correction,
    within,
)
from blindlink.studies.probation_treatment.definitions import FOLDED, SUBSTANCES, Definitions
from blindlink.studies.probation_treatment.groups import GROUPS, grouped, levels
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import ENGAGED as IS_ENGAGED
from blindlink.studies.probation_treatment.populations import (
    SUBSTANCE,
    Populations,
)
from blindlink.studies.probation_treatment.statistics.flow import sentence_keys
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

BASES = ("requirements", "sentences", "persons")
_FIGURES = (
    "observed",
    "observed_low",
    "observed_high",
    "corrected",
    "corrected_low",
    "corrected_high",
    "bound_low",
    "bound_high",
)
_APART = ("difference", "difference_low", "difference_high", "tipping")


def engagement(pathways: Pathways) -> Table:
    """Observed engagement, counted in requirements, sentences and persons."""
    cases = pathways.cases.assign(sentence=sentence_keys(pathways.cases))
    keys = {"requirements": None, "sentences": ["person", "sentence"], "persons": ["person"]}
    parts = []
    for basis, key in keys.items():
        rows = with_all(cases)
        if key is not None:
            rows = rows.groupby(["requirement", *key])["engaged"].any().reset_index()
        by = {"requirement": kinds(pathways)}
        names = ("engaged", "units", "share")
        part = share_rows(rows, by, "engaged", names, pathways.settings.confidence)
        parts.append(part.assign(basis=basis))
    columns = {
        "requirement": label(REQUIREMENT),
        "basis": label("What is counted"),
        "units": count("Number of units of the basis"),
        "engaged": count("Of these, engaged with treatment on or after the sentence date"),
        **share("share", "Share engaged, as observed through the links", "engaged", "units"),
    }
    notes = (
        "A sentence with both requirements counts once under each requirement and once under All.",
        "A person is engaged when any of the person's sentences is.",
        CLUSTERED,
    )
    frame = pd.concat(parts, ignore_index=True)
    # Sentences and persons with both requirements make All less than the sum.
    total = frame["requirement"] == TOTAL
    adds_up = all(
        frame.loc[total, name].sum() == frame.loc[~total, name].sum()
        for name in ("units", "engaged")
    )
    title = "People engaged with treatment on or after their sentence"
    made = pathways.populations
    cells = list(zip(frame["basis"], frame["requirement"], strict=True))
    populations = {
        "units": [made.unit(basis, name) for basis, name in cells],
        "engaged": [made.unit(basis, name, IS_ENGAGED) for basis, name in cells],
    }
    return make(
        "engagement", title, frame, columns, notes, {"requirement": adds_up},
        populations=populations, headline=True,
        relations=made.same_units(pathways.cases, sentence_keys(pathways.cases)),
    )  # fmt: skip


def engagement_corrected(correction: Correction) -> Table:
    """Engagement per requirement: observed, corrected for linkage error, and bounded."""
    frame = _named(correction, correction.shares(correction.count(ENGAGED)))
    frame = frame.rename(columns={"whole": "requirements", "part": "engaged"})
    title = "Engagement with treatment, corrected for linkage error"
    notes = _notes(correction, frame)
    made = correction.pathways.populations
    populations = {
        "requirements": [made.case(name) for name in frame["requirement"]],
        "engaged": [made.case(name, IS_ENGAGED) for name in frame["requirement"]],
    }
    return make(
        "engagement_corrected", title, frame, corrected_columns(), notes,
        populations=populations, headline=True,
    )  # fmt: skip


def headlines_corrected(correction: Correction) -> Table:
    """Every headline share: of the requirements, or of those engaged."""
    engaged = correction.count(ENGAGED)
    rules = correction.pathways.settings.definitions
    seen = (correction.pathways.cases["follow_up"] >= rules.three_weeks).to_numpy()
    parts = [
        (ENGAGED, "requirements", correction.shares(engaged)),
        (AT_THREE_WEEKS, "requirements", correction.shares(
            correction.count(AT_THREE_WEEKS, mask=seen))),
    ]  # fmt: skip
    for days in rules.windows:
        followed = (correction.pathways.cases["follow_up"] >= days).to_numpy()
        window = correction.count(within(days), mask=followed)
        parts.append((within(days), "requirements", correction.shares(window)))
    for name in (*FOLDED, *SUBSTANCES):
        among = correction.ratio(correction.count(name), engaged)
        parts.append((name, "engaged", among))
    frame = pd.concat(
        [_named(correction, part).assign(measure=name, of=of) for name, of, part in parts],
        ignore_index=True,
    )
    frame = frame.rename(columns={"whole": "units", "part": "counted"})
    columns = {
        "measure": label("What is counted: engagement, first-journey outcome, substance group"),
        "of": label("Of whom: requirements (those followed so long), or those engaged"),
        **corrected_columns("units", "counted"),
    }
    notes = (
        *_notes(correction, frame),
        "Shares of those engaged: missed links cancel if they are missed alike, so their bounds "
        "let only false links vary.",
    )
    title = "Headline shares, corrected for linkage error"
    made = correction.pathways.populations
    pairs = [
        _measured(made, rules, measure, name)
        for measure, name in zip(frame["measure"], frame["requirement"], strict=True)
    ]
    populations = {
        "units": [whole for whole, _ in pairs],
        "counted": [part for _, part in pairs],
    }
    return make(
        "headlines_corrected", title, frame, columns, notes, populations=populations, headline=True
    )


def engagement_by_group(correction: Correction) -> Table:
    """Engagement by sex, age, ethnicity, region, year, offence and more, observed and corrected."""
    pathways = correction.pathways
    rules = pathways.settings.definitions
    columns = {
        "dimension": label("Characteristic"),
        "group": label("Group"),
        **corrected_columns(),
        **estimate("difference", "Corrected share less that of all others, points", "engaged"),
        "tipping": Column(
            "estimate",
            "How much less (-) or more often the group's records must be found, against the "
            "others' and beyond what is assumed, for the difference to be no longer clear (%)",
            base="engaged",
        ),
    }
    title = "Engagement by group"
    if not len(pathways.cases):
        why = "There is no eligible requirement."
        return impossible("engagement_by_group", title, columns, why)
    cases = grouped(pathways.cases, rules)
    parts = []
    for column, dimension in GROUPS.items():
        names = levels(column, cases[column], rules)
        codes = pd.Categorical(cases[column], categories=names).codes.astype(np.int64)
        counted = correction.count(ENGAGED, group=codes, groups=len(names))
        frame = _named(correction, correction.shares(counted).join(correction.apart(counted)))
        frame["group_name"] = [names[code] for code in frame["group"]]
        parts.append(frame.assign(dimension=dimension))
    frame = pd.concat(parts, ignore_index=True).drop(columns="group")
    frame = frame.rename(
        columns={"whole": "requirements", "part": "engaged", "group_name": "group"}
    )
    notes = (
        *_notes(correction, frame),
        "False and missed links of each group are estimated from the match probabilities of its "
        "candidates (table linkage_by_group); what no candidate can show is taken to be as "
        "frequent in every group, and what would count as engagement among wrongly linkable "
        "records is taken per requirement.",
        "The tipping point is missing where the difference from all others is not clear. A small "
        "one means that a slightly worse linkage of the group would explain its share.",
    )
    made = pathways.populations
    by_label = {d.name: d for d in made.groups.values()}
    cells = zip(frame["dimension"], frame["group"], frame["requirement"], strict=True)
    groups_of = [(name, by_label[label].of(level)) for label, level, name in cells]
    populations = {
        "requirements": [made.case(name, group) for name, group in groups_of],
        "engaged": [made.case(name, group, IS_ENGAGED) for name, group in groups_of],
    }
    whole = [(made.case(name, IS_ENGAGED),) for name in frame["requirement"]]
    return make(
        "engagement_by_group", title, frame, columns, notes, populations=populations,
        rests_on={"difference": whole, "tipping": whole},
    )  # fmt: skip


def _measured(
    made: Populations, rules: Definitions, measure: str, name: str
) -> tuple[Population, Population]:
    """Whole and part of a headline measure."""
    if measure == ENGAGED:
        return made.case(name), made.case(name, IS_ENGAGED)
    if measure == AT_THREE_WEEKS:
        seen = made.followed(rules.three_weeks)
        now = made.status(rules.three_weeks, "in_treatment")
        return made.case(name, seen), made.case(name, seen, now)
    for days in rules.windows:
        if measure == within(days):
            seen = made.followed(days)
            return made.case(name, seen), made.case(name, seen, made.entered(days))
    part = made.fold(measure) if measure in FOLDED else SUBSTANCE.of(measure)
    return made.case(name, IS_ENGAGED), made.case(name, part)


def corrected_columns(whole: str = "requirements", part: str = "engaged") -> dict[str, Column]:
    """The columns of a table of observed, corrected and bounded shares."""
    wide = "bounds over all false-link and sensitivity rates that are held possible"
    return {
        "requirement": label(REQUIREMENT),
        whole: count("Number of units"),
        part: count("Of these, counted"),
        **share("observed", "Share as observed through the links", part, whole),
        **estimate("corrected", "Share corrected for false and missed links (%)", part),
        "bound_low": Column("low", f"Lower end of the {wide}", of="corrected", decimals=1),
        "bound_high": Column("high", f"Upper end of the {wide}", of="corrected", decimals=1),
    }


def _named(correction: Correction, frame: pd.DataFrame) -> pd.DataFrame:
    names = [*correction.kinds, TOTAL]
    frame = frame.assign(requirement=[names[kind] for kind in frame["kind"]])
    apart = [name for name in _APART if name in frame]
    return whole_numbers(percentages(frame, [*_FIGURES, *apart]), ["whole", "part"])


def _notes(correction: Correction, frame: pd.DataFrame) -> list[str]:
    notes = list(correction.rates.notes)
    if frame["clipped"].any():
        notes.append("A corrected share outside 0 to 100 % was clipped to it.")
    replicates = correction.pathways.settings.replicates
    notes.append(
        f"Corrected intervals: {replicates} bootstrap replicates over people, with the doubt about "
        "false links, sensitivity and the stated priors in them. They hold given: "
        f"{correction.rates.given}. What a stranger's record counts for is taken from "
        f"{correction.pairs_source}."
    )
    return notes
