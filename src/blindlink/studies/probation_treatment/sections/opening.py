"""Main points, coverage, and the method in brief."""

from blindlink.analyst.publish.page import Part
from blindlink.analyst.publish.tables import TOTAL
from blindlink.studies.probation_treatment.figures.charts import headline, spoken
from blindlink.studies.probation_treatment.figures.flow import flow_diagram
from blindlink.studies.probation_treatment.linkage_error import KNOWN
from blindlink.studies.probation_treatment.sections.view import View

FOLD = {"measured": "end of observation", "split": "four-way", "requirement": TOTAL}


def main_points(view: View) -> Part:
    """What a reader in a hurry takes away: one sentence per finding, only from released figures."""
    points = [
        f"{text[:1].upper()}{text[1:]}."
        for make in (_in_time, _engaged, _corrected, _rests, _weeks, _ends, _chain, _deaths)
        if (text := make(view))
    ]
    drawing = headline(view.tables, view.benchmarks)
    return Part(
        "main-points",
        "Main points",
        bullets=points,
        text=[] if points else ["No headline figure can be published."],
        drawings=[drawing] if drawing else [],
        tables=view.some("engagement_corrected"),
        after=[
            "Observed: counted through the links as they are. Corrected: what the true share is, "
            "given how many links are estimated to be false and how many true links to be missed; "
            f"its {view.level} interval contains both kinds of doubt, given that missed links do "
            "not depend on the outcome. Bounds: the furthest that the share can lie from the "
            "observed one under the false-link and missed-link rates that are held possible."
        ],
    )


def _in_time(view: View) -> str:
    """At equal follow-up, which alone compares those sentenced early and late."""
    name, days = "headlines_corrected", view.settings.definitions.follow_up_days
    at = {"measure": f"engaged within {days} days"}
    if not view.has(name, "observed", requirement=TOTAL, **at):
        return ""
    kinds = " and ".join(
        f"{view.percent(name, 'observed', requirement=kind, **at)} of {kind}s"
        for kind in view.settings.definitions.requirements
    )
    every = {"requirement": TOTAL, **at}
    said = (
        f"within {days} days of the sentence, {view.percent(name, 'observed', **every)} of the "
        f"{view.text(name, 'units', **every)} requirements that were followed for so long engaged "
        f"with treatment: {kinds}, as observed through the links"
    )
    if not view.has(name, "corrected", **every):
        return said
    return (
        f"{said}; {view.percent(name, 'corrected', **every)} corrected for false and missed links"
    )


def _engaged(view: View) -> str:
    name = "engagement_corrected"
    if not view.has(name, "observed", requirement=TOTAL):
        return ""
    return (
        f"{view.percent(name, 'observed', requirement=TOTAL)} of "
        f"{view.text(name, 'requirements', requirement=TOTAL)} alcohol treatment requirements "
        "(ATR) and drug rehabilitation requirements (DRR) show engagement with treatment on or "
        "after the sentence date and before the end of observation: "
        f"{view.percent(name, 'observed', requirement='ATR')} of ATRs "
        f"and {view.percent(name, 'observed', requirement='DRR')} of DRRs, as observed through "
        "the links"
    )


def _corrected(view: View) -> str:
    name, row = "engagement_corrected", {"requirement": TOTAL}
    if not view.has(name, "corrected", **row):
        return ""
    low, high = view.text(name, "corrected_low", **row), view.percent(name, "corrected_high", **row)
    least, most = view.text(name, "bound_low", **row), view.percent(name, "bound_high", **row)
    return (
        f"corrected for false and missed links, {view.percent(name, 'corrected', **row)} engaged "
        f"({view.level} interval {low} to {high}, given the assumptions below); shares from "
        f"{least} to {most} cannot be ruled out"
    )


def _rests(view: View) -> str:
    """Which of the error rates behind the corrected share were measured, and which assumed."""
    table = view.tables.get("linkage_quality")
    if table is None or table.empty or "basis" not in table.columns:
        return ""
    false = table.row(measure="false links")
    measured = "false links were measured with control records" if false is not None else ""
    found = "how many true records were missed is assumed, not measured"
    if table.row(measure=KNOWN) is not None:
        found = "how many true records were missed was measured on pairs known to be true"
    tips = _tipping(view)
    return "; ".join(part for part in (measured, found, tips) if part)


def _tipping(view: View) -> str:
    """The clear difference of a group that the least difference in missed links would end."""
    table = view.tables.get("engagement_by_group")
    if table is None or table.empty or "tipping" not in table.columns:
        return ""
    known = {
        row: value
        for row in table.rows(requirement=TOTAL)
        if (value := table.value(row, "tipping")) is not None
    }
    if not known:
        return ""
    row = min(known, key=lambda each: abs(known[each]))
    often = "less" if known[row] < 0 else "more"
    group = f"{table.label(row, 'dimension')} {spoken(table.label(row, 'group'))}"
    by = f"{abs(known[row]):.0f}%" if abs(known[row]) >= 0.5 else "less than 1%"
    return (
        f"of the clear differences between groups the least sure is that of {group}, which is no "
        f"longer clear if its records are found {by} {often} often than assumed"
    )


def _weeks(view: View) -> str:
    days = view.settings.definitions.three_weeks
    at = {kind: {"requirement": kind, "day": days} for kind in ("ATR", "DRR")}
    if not view.has("status", "in_treatment_share", **at["ATR"]):
        return ""
    parts = " and ".join(
        f"{view.percent('status', 'in_treatment_share', **labels)} of {kind}s"
        for kind, labels in at.items()
    )
    later = " and ".join(
        f"{view.percent('status', 'not_yet_share', **labels)}" for labels in at.values()
    )
    return (
        f"on day {days} after the sentence {parts} were in treatment; a further {later} had not "
        "yet started but did so later"
    )


def _ends(view: View) -> str:
    names = {
        "completed": "completed successfully",
        "dropped out": "dropped out or left otherwise",
        "still in treatment": "were still in treatment at the end of observation",
        "died": "died",
    }
    parts = [
        f"{view.percent('outcomes', 'share', outcome=name, **FOLD)} {words}"
        for name, words in names.items()
        if view.has("outcomes", "share", outcome=name, **FOLD)
    ]
    return f"of those engaged, on the first treatment journey {', '.join(parts)}" if parts else ""


def _chain(view: View) -> str:
    row = {"requirement": TOTAL, "stage": "completed"}
    if not view.has("chain", "one_in", **row):
        return ""
    return (
        f"about 1 in {float(view.text('chain', 'one_in', **row)):.0f} requirements led to a first "
        f"journey that was completed ({view.percent('chain', 'share', **row)})"
    )


def _deaths(view: View) -> str:
    row = {"requirement": TOTAL, "group": "everybody, from the first sentence"}
    if not view.has("deaths", "rate", **row):
        return ""
    return (
        f"{view.text('deaths', 'rate', **row)} people died per 1,000 person-years "
        f"({view.text('deaths', 'deaths', **row)} deaths in "
        f"{view.text('deaths', 'person_years', **row)} person-years)"
    )


def coverage(view: View) -> Part:
    """Who is in the figures: the whole cohort or a subset?"""
    rules = view.settings.definitions
    diagram = flow_diagram(view.tables.get("flow"))
    whole = Part(
        "subset",
        "Is this the whole cohort or a subset?",
        text=[
            "The figures describe every requirement that was received and could be used, not a "
            "sample. Each stage below says how many were left and why. Not being linked does not "
            "exclude anybody: those without a link count as not engaged in the observed figures, "
            "and the corrected figures say what that costs."
        ],
        drawings=[diagram] if diagram else [],
        tables=[
            view.get("flow", "From records received to people engaged"),
            *view.some("flow_losses", "data_quality"),
        ],
    )
    return Part(
        "coverage",
        "Coverage",
        text=[
            "Requirements of community orders and suspended sentence orders in England with an "
            "alcohol treatment requirement or a drug rehabilitation requirement, sentenced from "
            f"{_date(rules.observation_start)} to {_date(rules.observation_end)}, and episodes "
            "of structured treatment in the same period. Treatment that is not structured, and "
            "treatment of people who did not consent to their data being shared, is not in the "
            "treatment data.",
            "Unless a table says otherwise it counts requirements: a sentence with both "
            "requirements counts once under each and the intervals take account of people with "
            "several.",
        ],
        children=[whole],
    )


def method(view: View) -> Part:
    """How it was done, in a few paragraphs."""
    return Part(
        "method",
        "Method in brief",
        text=[
            "Each data owner encoded the identifying details of its records with a secret that "
            "the linking party does not have. The linking party compared the encodings, decided "
            "which records belong to the same person, and passed on random pseudonyms with the "
            "attributes that the agreement allows. The analysts have seen no name, date of birth "
            "or address.",
            "Linkage makes two kinds of error. A false link counts the treatment of a stranger; "
            "a missed link hides treatment that took place. Both are estimated from the linkage "
            "itself, and where it cannot tell, from the stated assumptions below. The corrected "
            "shares undo both errors, and their intervals carry the doubt about the errors with "
            "the sampling error: people, not requirements, are resampled. All intervals are "
            f"{view.level} intervals, of the rates that stand behind these requirements as if they "
            "were drawn from more of their kind: of these very requirements they are wider than "
            "they need be.",
            "Entry into treatment is estimated with competing events (Aalen-Johansen): somebody "
            "who died, or whose order ended, can no longer enter treatment within the order.",
        ],
        children=[_assumptions(view)],
    )


def _assumptions(view: View) -> Part:
    facts = [
        (
            prior.name[:1].upper() + prior.name[1:],
            f"{100 * prior.value:g}% (range {100 * prior.low:g}% to {100 * prior.high:g}%). "
            f"Source: {prior.source}.",
        )
        for prior in view.settings.priors
    ]
    return Part(
        "assumptions",
        "Assumptions about missed links",
        text=[
            "None of these was measured. Shares of true records that each cause leaves linkable, "
            "assumed from outside the data:"
        ],
        facts=facts,
    )


def _date(day: object) -> str:
    text = f"{day:%d %B %Y}"
    return text.lstrip("0")
