"""Limits, disclosure control, definitions, contact and versions."""

from blindlink.analyst.disclosure.safe import SHORTHAND
from blindlink.analyst.publish.page import Part
from blindlink.analyst.publish.runrecord import versions
from blindlink.studies.probation_treatment.sections.view import View

MEANING = {
    "observation_start": "First sentence date",
    "observation_end": "End of observation",
    "order_types": "Orders in the study",
    "requirements": "Requirements in the study",
    "gap_days": "Largest gap between episodes of one journey, days",
    "status_days": "Days on which the status is taken",
    "three_weeks": "Three weeks, days",
    "representation_days": "Return to treatment counts within, days",
    "follow_up_days": "Full follow-up, days",
    "windows": "Windows of equal follow-up, days",
    "top_days": "Reporting period of the Treatment Outcomes Profile, days",
    "top_window_days": "A form belongs to a journey within, days",
    "opiates": "Opiates, drug codes",
    "non_opiates": "Non-opiates, drug codes",
    "alcohol": "Alcohol, drug codes",
    "no_drug": "No drug or not stated, drug codes",
    "discharge": "Discharge reasons by outcome",
    "fold": "The four published outcomes",
    "age_bands": "Age bands begin at",
    "ogrs_bands": "OGRS3 bands begin at",
    "rsr_bands": "RSR bands begin at",
    "references": "Reference categories of the models",
    "minimum_level": "Fewest cases of a level in a model",
}


def limits(view: View) -> Part:
    """What the figures cannot tell, and how well the linkage worked."""
    return Part(
        "limits",
        "Limits",
        text=["Whoever uses these figures should know that:"],
        bullets=[
            "the treatment data hold no names: people are linked by initials, date of birth, sex "
            "and place, so somebody who moved between areas may be missed",
            "part of what is missed cannot be seen in the data at all; the corrected figures "
            "rest on stated assumptions about it, and the bounds show how much depends on them",
            "only structured treatment is recorded; support outside it is not seen",
            "associations in the models are not effects of the characteristics",
            "later sentences were followed for a shorter time than earlier ones",
        ],
        children=[_linkage(view), _disclosure(view)],
    )


def _linkage(view: View) -> Part:
    return Part(
        "linkage",
        "How good is the linkage?",
        text=[
            "Precision is the share of links that are right, recall the share of true pairs that "
            "were found. Both are estimates from the scores, as nobody holds the truth.",
        ],
        open=[view.get("linkage_quality", "Quality of the linkage")],
        tables=view.some("linkage_methods", "link_counts"),
    )


def _disclosure(view: View) -> Part:
    policy = view.audit.policy
    rounding = policy["rounding"]
    text = (
        f"Counts below {policy['threshold']} are withheld, and further counts so that no total "
        "reveals them; shares, intervals and estimates that rest on a withheld count are withheld "
        "with it. "
        + (f"Counts are rounded to {rounding}. " if rounding else "Counts are not rounded. ")
        + f"In this release {view.audit.protected} numbers are protected, and whoever knows every "
        "published figure still cannot tell any of them closer than within "
        f"{view.audit.narrowest if view.audit.narrowest is not None else policy['threshold']} "
        "units."
    )
    return Part(
        "disclosure",
        "Disclosure control",
        text=[text, "Shorthand in the tables:"],
        facts=list(SHORTHAND.items()),
    )


def definitions(view: View) -> Part:
    """Every parameter of the analysis by name and value."""
    values = view.settings.definitions.model_dump(mode="json")
    return Part(
        "definitions",
        "Definitions",
        text=["Every choice behind a figure has a name and a value and can be set differently:"],
        facts=[(MEANING.get(name, name), _words(value)) for name, value in values.items()],
    )


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, int) and item > 999 for item in value):
            return f"{value[0]} to {value[1]}"
        return ", ".join(_words(item) for item in value)
    return str(value)


def contact(view: View) -> Part:
    """Whom to ask, and with which versions the report was made."""
    settings = view.settings
    text = [
        f"Questions about these statistics: {settings.contact}."
        if settings.contact
        else "The publisher has not named a contact for these statistics."
    ]
    used = ", ".join(f"{name} {number}" for name, number in versions().items())
    facts = [
        ("Published by", settings.publisher or "not stated"),
        ("Made on", f"{view.now:%d %B %Y}".lstrip("0")),
        ("Project", str(view.info.get("project", "not stated"))),
        ("Software", used),
        ("Disclosure policy", view.audit.policy_digest),
    ]
    return Part(
        "contact",
        "Who can answer questions? Contact, versions and files",
        text=text,
        facts=facts,
        after=[
            "Beside this page: report.xlsx holds all tables as an accessible spreadsheet, the "
            "folder tables holds each as CSV with a data dictionary, and run.json says with which "
            "inputs, versions and parameters they were made."
        ],
    )


def further(view: View, shown: set[str]) -> Part | None:
    """Tables that no section has shown."""
    rest = [table for name, table in view.tables.items() if name not in shown]
    if not rest:
        return None
    return Part("further", "Further tables", tables=rest)
