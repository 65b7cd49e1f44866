"""What stands on the page: main points, coverage, method, results, limits, definitions, contact."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from blindlink.analyst.disclosure.gate import Audit
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish.page import SYNTHETIC, Frontmatter, Part, in_order
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.sections import closing, opening
from blindlink.studies.probation_treatment.sections.results import results
from blindlink.studies.probation_treatment.sections.view import View


def contents(
    tables: Sequence[SafeTable],
    audit: Audit,
    settings: Settings,
    *,
    now: dt.datetime,
    info: Mapping[str, Any],
) -> tuple[Frontmatter, list[Part]]:
    """The front matter and the parts of the page, in their order."""
    view = View({table.id: table for table in tables}, audit, settings, now, info)
    parts = [
        opening.main_points(view),
        opening.coverage(view),
        opening.method(view),
        results(view),
        closing.limits(view),
    ]
    further = closing.further(view, {table.id for table in in_order(parts)})
    parts += [further] if further else []
    return _front(view), [*parts, closing.definitions(view), closing.contact(view)]


def _front(view: View) -> Frontmatter:
    settings = view.settings
    rules = settings.definitions
    named = f"{settings.title} {settings.publisher}".lower()
    synthetic = "synthetic" in named or bool(view.info.get("synthetic"))
    facts = [
        ("Made as of" if synthetic else "Published", f"{view.now:%d %B %Y}".lstrip("0")),
        ("Period", f"{rules.observation_start:%B %Y} to {rules.observation_end:%B %Y}"),
        ("Area", "England"),
        ("Publisher", settings.publisher or "not stated"),
        ("Contact", settings.contact or "not stated"),
    ]
    return Frontmatter(
        title=settings.title,
        kind="Invented figures" if synthetic else "Statistics in development",
        description="People sentenced to an alcohol treatment requirement or a drug rehabilitation "
        "requirement: how many engage with treatment, how it ends, and how sure linked records can "
        "be of it.",
        facts=facts,
        footer="Made with blindlink. All figures passed the disclosure gate of the data "
        "controller's policy.",
        warning=SYNTHETIC if synthetic else None,
    )
