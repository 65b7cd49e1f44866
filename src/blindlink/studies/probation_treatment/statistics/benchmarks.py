"""Outside figures beside ours: what is good enough is for the reader to say."""

from collections.abc import Sequence

import pandas as pd

from blindlink.analyst.publish.layout import count, estimate, impossible, label, make, share, text
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.studies.probation_treatment.definitions import Benchmark

COLUMNS: dict[str, Column] = {
    "benchmark": label("Outside figure"),
    "measure": label("Our figure beside it"),
    "value": text("The outside figure, %"),
    "units": count("Units of our figure"),
    "counted": count("Of these, counted"),
    **share("observed", "Our figure as observed", "counted", "units"),
    **estimate("corrected", "Our figure corrected for linkage error (%)", "counted"),
    "source": text("Source of the outside figure, and how it differs"),
}
TITLE = "Our figures beside outside figures"


def benchmarks(headlines: Table, asked: Sequence[Benchmark]) -> Table:
    """Each benchmark beside our figure of the same measure in ``headlines_corrected``."""
    ours = headlines.frame[headlines.frame["requirement"] == TOTAL].set_index("measure")
    figures = ours.to_dict("index")
    rows = [
        figures[each.measure]
        | {
            "benchmark": each.name,
            "measure": each.measure,
            "value": f"{100 * each.value:g}",
            "source": each.source,
        }
        for each in asked
        if each.measure in ours.index
    ]
    unknown = [each.measure for each in asked if each.measure not in ours.index]
    notes = ["Benchmarks are of other people and other periods: they are no verdict."]
    notes += [f"There is no figure of ours for the measure {name}." for name in unknown]
    if not rows:
        return impossible("benchmarks", TITLE, COLUMNS, notes[-1] if unknown else "None was given.")
    total = (headlines.frame["requirement"] == TOTAL).tolist()
    place = {m: i for i, m in enumerate(headlines.frame["measure"]) if total[i]}
    populations = {
        name: [headlines.populations[name][place[row["measure"]]] for row in rows]
        for name in ("units", "counted")
    }
    frame = pd.DataFrame(rows)
    return make("benchmarks", TITLE, frame, COLUMNS, notes, populations=populations)
