"""What owners lost of their identifiers before they encoded them: such people are linked less."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

DONE = {
    "unreadable": "no date, no number, or out of range: counted as missing in the linkage",
    "unknown": "a code of no list: counted as missing in the linkage",
    "placeholder": "a default of the source system: counted as missing in the linkage",
    "missing": "nothing there: compared by the other identifiers",
    "unjoined": "no such person: the row was left out",
}


def identifiers_lost(info: Mapping[str, Any]) -> pd.DataFrame:
    """Checks of identifiers, in the columns of the checks of the data: table, problem, rows,
    consequence; ``info`` is that of the cohort, whose owners counted their own rows."""
    rows = [
        (f"{owner}.identities", f"{loss['field']} {kind}", loss[kind], done)
        for owner, losses in info.get("losses", {}).items()
        for loss in losses
        for kind, done in DONE.items()
        if loss[kind]
    ]
    return pd.DataFrame(rows, columns=["table", "problem", "rows", "consequence"])
