"""What a section may look at: the released tables, the audit, the settings. Never the data."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from blindlink.analyst.disclosure.gate import Audit
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.studies.probation_treatment.definitions import Settings

NOT_MADE = "This analysis did not make the table."


@dataclass(frozen=True)
class View:
    """One release, seen from the report."""

    tables: Mapping[str, SafeTable]
    audit: Audit
    settings: Settings
    now: dt.datetime
    info: Mapping[str, Any]

    def get(self, name: str, title: str = "") -> SafeTable:
        """A table by its id, or an empty one that says that there is none."""
        missing = title or name.replace("_", " ").capitalize()
        empty = SafeTable(name, missing, pd.DataFrame(), pd.DataFrame(), {}, (NOT_MADE,))
        return self.tables.get(name, empty)

    def some(self, *names: str) -> list[SafeTable]:
        """Those of the tables that the analysis made."""
        return [self.tables[name] for name in names if name in self.tables]

    def text(self, name: str, column: str, **labels: object) -> str:
        """A figure as printed, [x] where there is none."""
        table = self.get(name)
        return table.text(table.row(**{k: str(v) for k, v in labels.items()}), column)

    def percent(self, name: str, column: str, **labels: object) -> str:
        """A percentage as printed, with its sign unless it is shorthand."""
        text = self.text(name, column, **labels)
        return text if text.startswith("[") else f"{text}%"

    def has(self, name: str, column: str, **labels: object) -> bool:
        """Whether there is a figure."""
        return not self.text(name, column, **labels).startswith("[")

    @cached_property
    def level(self) -> str:
        """The confidence level of the intervals: 95%."""
        return f"{100 * self.settings.confidence:g}%"

    @cached_property
    def benchmarks(self) -> list[tuple[str, float]]:
        """Outside figures for engagement: name and percentage."""
        return [
            (f"{b.name} {100 * b.value:g}%", 100 * b.value)
            for b in self.settings.benchmarks
            if b.measure == "engaged"
        ]
