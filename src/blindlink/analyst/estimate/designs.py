"""Formulas into matrices, through formulaic; which of the two tables each side of one is from."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import statsmodels.api as sm
from formulaic.errors import FormulaicError

from blindlink.analyst.estimate.linked import Linked, Pairs
from blindlink.arrays import Floats, Int64s
from blindlink.errors import InputError

FAMILIES = {
    "binomial": sm.families.Binomial,
    "gaussian": sm.families.Gaussian,
    "poisson": sm.families.Poisson,
    "gamma": lambda: sm.families.Gamma(sm.families.links.Log()),
}
_SURVIVAL = re.compile(r"^\s*Surv\(\s*([\w.]+)\s*,\s*([\w.]+)\s*\)\s*~(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Design:
    """X and y of pairs without a missing value, with clusters; shapes (n, p), (n,), (n,).

    ``row``: which of the given rows each is. ``spec`` makes X of other rows.
    """

    X: Floats
    y: Floats
    names: tuple[str, ...]
    cluster: Int64s
    row: Int64s
    spec: Any

    @cached_property
    def people(self) -> int:
        """How many clusters there are."""
        return len(np.unique(self.cluster))


def family(name: str) -> Any:
    """The family of statsmodels of this name. Raises InputError."""
    if name not in FAMILIES:
        raise InputError(f"no family is called {name}", hint=f"there are {', '.join(FAMILIES)}")
    return FAMILIES[name]()


def design(formula: str, frame: pd.DataFrame, cluster: Int64s) -> Design:
    """Matrices of a two-sided formula. Raises InputError for a formula that does not fit."""
    made = _matrices(formula, frame)
    if not hasattr(made, "rhs") or made.lhs.shape[1] != 1:
        raise InputError(f"formula {formula!r}: needs one outcome on its left, outcome ~ terms")
    row = frame.index.get_indexer(made.rhs.index)
    y, X = made.lhs.to_numpy(float)[:, 0], made.rhs.to_numpy(float)
    if len(y) <= X.shape[1]:
        raise InputError(f"formula {formula!r}: {len(y)} complete rows for {X.shape[1]} terms")
    names = tuple(str(name) for name in made.rhs.columns)
    return Design(X, y, names, cluster[row], row, made.rhs.model_spec)


def terms(spec: Any, frame: pd.DataFrame) -> tuple[Floats, Int64s]:
    """X of other rows by the same terms, and which rows are complete."""
    made = _try(lambda: spec.get_model_matrix(frame, context={}))
    return made.to_numpy(float), frame.index.get_indexer(made.index)


def survival(formula: str) -> tuple[str, str, str]:
    """Time, event and terms of ``Surv(time, event) ~ terms``. Raises InputError."""
    found = _SURVIVAL.match(formula)
    if found is None:
        raise InputError(f"formula {formula!r}: needs Surv(time, event) ~ terms")
    return found[1], found[2], found[3].strip()


def outcome_on_right(linked: Linked, outcome: set[str], covariates: set[str]) -> bool:
    """Whether outcome and covariates are of the right and left table, or the other way round.

    Raises InputError where they are not apart: then a wrong link does not mix one with the other.
    """
    left = {str(name) for name in linked.left}
    right = {name if name not in left else f"{name}_right" for name in map(str, linked.right)}
    unknown = sorted((outcome | covariates) - left - right)
    if unknown:
        raise InputError(
            f"no table has the column {unknown[0]}",
            hint="a right column whose name the left table has too ends in _right",
        )
    if outcome <= right and covariates <= left:
        return True
    if outcome <= left and covariates <= right:
        return False
    raise InputError(
        "outcome and terms of the formula are not in different tables",
        hint="this method needs the outcome from one table and all terms from the other",
    )


def sides(formula: str, linked: Linked) -> bool:
    """``outcome_on_right`` of a two-sided formula."""
    parsed = _try(lambda: formulaic.Formula(formula))
    if not hasattr(parsed, "lhs"):
        raise InputError(f"formula {formula!r}: needs one outcome on its left, outcome ~ terms")
    outcome, covariates = (
        {str(name) for name in side.required_variables} for side in (parsed.lhs, parsed.rhs)
    )
    return outcome_on_right(linked, outcome, covariates)


def pair_clusters(linked: Linked, pairs: Pairs) -> Int64s:
    """The cluster of each pair: that of its left row."""
    return np.asarray(linked.cluster[pairs.left])


def _matrices(formula: str, frame: pd.DataFrame) -> Any:
    return _try(lambda: formulaic.model_matrix(formula, frame, context={}))


def _try(make: Any) -> Any:
    """What formulaic makes; its own messages may quote cells."""
    try:
        return make()
    except (FormulaicError, ValueError, TypeError, KeyError, NameError) as error:
        raise InputError(
            f"the formula cannot be used ({type(error).__name__})",
            hint="terms are columns of the two tables, C(column), a:b, or functions such as log(x)",
        ) from None
