"""The linkage quality report as pages, with what the control records measured beside the model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from blindlink.analyst.estimate.intervals import wilson
from blindlink.messages.linkage_report import Estimate, LinkageReport
from blindlink.pages.linkage.page import Measured, page


def pages(info: Mapping[str, Any]) -> dict[str, str]:
    """File name and HTML for each pair of owners, from the description of a cohort."""
    made = {}
    for each in info["linkage_reports"]:
        owners = each["left"], each["right"]
        report = LinkageReport.model_validate(each["report"])
        measured = [_measured(owner, info["controls"][owner]) for owner in owners]
        made[f"linkage-{owners[0]}-{owners[1]}.html"] = page(report, measured, owners)
    return made


def _measured(owner: str, found: Mapping[str, Any]) -> Measured:
    linked, number = float(found["linked"]), float(found["number"])
    low, high = wilson(np.array([linked]), np.array([number]))
    rate = linked / number if number else 0.0
    return Measured(
        owner=owner,
        number=int(number),
        linked=int(linked),
        rate=Estimate(
            value=rate,
            low=float(np.nan_to_num(low[0])),
            high=float(np.nan_to_num(high[0], nan=1.0)),
        ),
        pairs=int(found["candidates"]),
        believed=float(found["probability"]),
    )
