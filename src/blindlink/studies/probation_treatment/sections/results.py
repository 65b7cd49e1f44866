"""The results: a section for each question that readers of the first publication asked."""

from blindlink.analyst.publish.page import Figure, Part
from blindlink.pages.charts.kit import Chart
from blindlink.studies.probation_treatment.figures import charts
from blindlink.studies.probation_treatment.sections.view import View


def results(view: View) -> Part:
    """All result sections in order."""
    sections = (
        engagement, why_not_more, first_weeks, substances, ends, substance_use, deaths, good_enough,
        access, completion, groups,
    )  # fmt: skip
    return Part("results", "Results", children=[section(view) for section in sections])


def _drawn(*drawings: Chart | None) -> list[Figure]:
    return [drawing for drawing in drawings if drawing is not None]


def engagement(view: View) -> Part:
    """How many engaged."""
    return Part(
        "engaged",
        "How many people engaged with treatment?",
        text=[
            "A requirement counts as engaged when a treatment journey was open on the sentence "
            "date or began after it, before the end of observation. A journey joins episodes "
            f"with gaps of at most {view.settings.definitions.gap_days} days.",
        ],
        drawings=_drawn(charts.pathway(view.tables)),
        tables=[view.get("engagement", "Engagement"), *view.some("headlines_corrected")],
    )


def why_not_more(view: View) -> Part:
    """Why the share is not higher: linkage, consent, follow-up."""
    return Part(
        "why",
        "Why is the share engaged not higher?",
        text=[
            "An observed share falls short of the true one for reasons that have nothing to do "
            "with treatment: records that could not be linked, clients who did not consent to "
            "sharing, and late sentences that were followed for a short time only. It is also "
            "raised by links to strangers. The first figure takes these apart; what is left is "
            "people who had no structured treatment.",
        ],
        drawings=_drawn(
            charts.steps(view.tables),
            charts.dependence(view.tables),
            charts.thresholds(view.tables),
        ),
        tables=[
            view.get("decomposition", "From observed to corrected engagement, step by step"),
            *view.some("dependence", "sensitivity", "engagement_imputed"),
        ],
    )


def first_weeks(view: View) -> Part:
    """The dip at three weeks."""
    return Part(
        "weeks",
        "Why are so few in treatment at three weeks?",
        text=[
            "Status on a day and access by a day are two figures. Many people who are not in "
            "treatment on day 21 have not left it: they have not yet started. The day of the "
            "sentence is a state of its own, as some were in treatment already.",
            "The curves show how entry builds up, with what may come first: death, or the end of "
            "the order. Counting those as if they could still enter would overstate entry.",
        ],
        drawings=_drawn(charts.status(view.tables), charts.entry(view.tables)),
        tables=[
            view.get("status", "Treatment status on days after the sentence"),
            view.get("entry_curves", "Entry into treatment after the sentence"),
            *view.some("breach"),
        ],
        after=[
            "Would leaving treatment so early not lead to breach? The table on breach sets the "
            "two side by side; breach is recorded per order and without a date, so it cannot tell "
            "which came first."
        ],
    )


def substances(view: View) -> Part:
    """Substances by requirement."""
    return Part(
        "substances",
        "Which substances did people report?",
        text=[
            "The substances recorded on any episode of the first journey, in the four groups of "
            "the treatment statistics: any opiate puts a person into the opiate group, whatever "
            "else is recorded.",
        ],
        drawings=_drawn(charts.substances(view.tables)),
        tables=[view.get("substances", "Substances by requirement")],
    )


def ends(view: View) -> Part:
    """How treatment ended, and what success means."""
    completed = view.settings.definitions.discharge.get("completed", ())
    codes = ", ".join(str(code) for code in completed)
    return Part(
        "ends",
        "How did treatment end, and what is a successful completion?",
        text=[
            "A journey is successfully completed when the treatment provider discharged the "
            f"client with one of the discharge reasons {codes} of the national treatment data "
            "set. The outcome is taken on the first journey after the sentence at the end of "
            "observation, whatever happened to the order; the second split of the table takes it "
            "at the end of the order instead. Return to treatment within six months of a "
            "completion is given beside it.",
        ],
        drawings=_drawn(charts.discharge(view.tables)),
        tables=[
            view.get("outcomes", "Outcomes of the first treatment journey"),
            *view.some("representation"),
        ],
    )


def substance_use(view: View) -> Part:
    """Change in use."""
    return Part(
        "use",
        "Did substance use fall?",
        text=[
            "The Treatment Outcomes Profile asks on how many of the past 28 days a substance was "
            "used. Only people with a form at the start and a later one can be compared, and "
            "they are those who stayed: the table prints how many can be compared of how many "
            "could have been.",
        ],
        drawings=_drawn(charts.use(view.tables)),
        tables=[view.get("top", "Change in substance use on treatment")],
    )


def deaths(view: View) -> Part:
    """Deaths per person-year."""
    return Part(
        "deaths",
        "How many people died?",
        text=[
            "A share of people who died says little without the time during which they were "
            "observed. The rate divides deaths by person-years, so groups that were observed for "
            "different times can be compared.",
        ],
        open=[view.get("deaths", "Deaths per person-year")],
    )


def good_enough(view: View) -> Part:
    """Benchmarks and the whole chain."""
    marks = [f"{b.name}: {100 * b.value:g}%. Source: {b.source}." for b in view.settings.benchmarks]
    return Part(
        "enough",
        "What is good enough?",
        text=[
            "These statistics do not say what share would be good enough. Outside figures are "
            "printed so that readers can judge for themselves; they describe other people and "
            "other definitions and are not targets for these figures.",
        ],
        bullets=[text[:1].upper() + text[1:] for text in marks],
        open=view.some("chain"),
        tables=view.some("benchmarks"),
    )


def access(view: View) -> Part:
    """Who accesses treatment."""
    drawings = [
        charts.model(view.tables, f"access_{kind.lower()}", "engagement with treatment",
                     f"Who engages with treatment in time: {kind}")
        for kind in ("ATR", "DRR")
    ]  # fmt: skip
    return Part(
        "access",
        "Who is more or less likely to engage?",
        text=[
            "Odds ratios from logistic regressions, each characteristic adjusted for the others. "
            "Above 1 a group is more likely to engage than the reference category, below 1 less "
            "likely. They are associations, not effects. All cases of a model had the same time: "
            "engagement is counted within a year, among those followed for so long. The figures "
            "show the population-averaged model without the reason for which the order ended, "
            "which is known only afterwards; the tables hold all models, each under its name.",
        ],
        drawings=_drawn(*drawings),
        tables=[
            view.get("access_atr", "Who engages with treatment, ATR"),
            view.get("access_drr", "Who engages with treatment, DRR"),
        ],
    )


def completion(view: View) -> Part:
    """Who completes treatment."""
    return Part(
        "completion",
        "Who is more or less likely to complete treatment?",
        drawings=_drawn(
            charts.model(view.tables, "outcome_model", "successful completion",
                         "Who completes treatment within a year of entry, of those engaged")
        ),
        text=[
            "Among those observed for a year from entry, so that nobody is counted as one who did "
            "not complete for being seen too short. The requirement is in the model: it says more "
            "about completion than anything else, and what goes with it would look like a cause.",
        ],
        tables=[view.get("outcome_model", "Who completes treatment successfully")],
    )  # fmt: skip


def groups(view: View) -> Part:
    """Results by group, and who is missed."""
    return Part(
        "groups",
        "How do groups differ, and who is missed?",
        text=[
            "Differences between groups in the observed shares mix treatment with linkage: "
            "people who move, have no fixed abode or an uncertain date of birth are harder to "
            "link. The comparison of linked with unlinked people shows where that may matter.",
        ],
        drawings=_drawn(charts.groups(view.tables)),
        tables=[
            view.get("engagement_by_group", "Engagement by group"),
            view.get("linked_unlinked", "Linked and unlinked people compared"),
            *view.some("linkage_by_group"),
        ],
    )
