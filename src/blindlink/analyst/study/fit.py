"""Whether a cohort is one of the study: refused by name before anything is computed.

A study's words on another study's numbers are a false publication, however right the numbers.
"""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.columns import texts
from blindlink.errors import MisfitError
from blindlink.schema.study.declaration import Cells, Declaration

_PARTS = {"month": 7, "year": 4}
_MOST = 8  # misfits that a message names


def check_cohort(study: Declaration, cohort: Cohort) -> None:
    """Raises MisfitError that names every table, column and label that do not fit."""
    found = [*_owners(study, cohort), *_tables(study, cohort)] or [*_kinds(study, cohort)]
    if found:
        more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise MisfitError(f"no cohort of the study {study.name}: {'; '.join(found[:_MOST])}{more}")


def _owners(study: Declaration, cohort: Cohort) -> Iterator[str]:
    for owner in study.owners:
        if owner not in cohort.info.get("owners", ()):
            yield f"it has no owner {owner}"


def _tables(study: Declaration, cohort: Cohort) -> Iterator[str]:
    lacking = set()
    for owner, name, column, cells in study.columns:
        table = cohort.tables.get((owner, name))
        if table is None:
            if cells.needed and (owner, name) not in lacking:
                lacking.add((owner, name))
                yield f"{owner} has no table {name}"
        elif column not in table.columns:
            if cells.needed:
                yield f"{owner}.{name} has no column {column}"
        elif why := _cells(table[column], cells):
            yield f"{owner}.{name}.{column} {why}"


def _cells(column: pd.Series, cells: Cells) -> str:
    """What is wrong with a column; empty where nothing is. No value is ever told."""
    words = pd.Series(texts(column))
    values = set(words.unique()) - {"", *cells.missing}
    if cells.labels and cells.unknown == "refuse":
        rows = int(words.isin(values - set(cells.labels)).sum())
        return f"has undeclared labels in {rows} rows" if rows else ""
    kept, _, size = cells.coarsest.partition(":")
    if kept == "truncate" and values and max(map(len, values)) < int(size):
        return f"is cut to fewer than the {size} characters that the study needs"
    if cells.type == "date":
        least = _PARTS.get(kept, 10)
        short = [value for value in values if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", value)]
        if any(len(value) < least for value in short):
            return "holds months or years where the study needs days"
    if cells.type == "number" and kept == "keep" and any(_band(value) for value in values):
        return "holds bands where the study needs numbers"
    return ""


def _band(value: str) -> bool:
    return re.fullmatch(r"-?[0-9]+\s*-\s*[0-9]+", value) is not None


def _kinds(study: Declaration, cohort: Cohort) -> Iterator[str]:
    """Each kind occurs; and no unit is of two where the declaration says that none is."""
    if study.kinds is None:
        return
    table = cohort.tables[study.unit.owner, study.unit.table]
    of = np.zeros(len(table), np.int64)
    for kind in study.kinds.kind:
        inside = pd.Series(texts(table[kind.column])).isin(kind.labels).to_numpy()
        of += inside
        if not inside.any():
            yield f"no {study.unit.name} is of the kind {kind.name}"
    if study.kinds.overlap is None and (of > 1).any():
        yield f"{int((of > 1).sum())} {study.unit.plural} are of several kinds, which are disjoint"
