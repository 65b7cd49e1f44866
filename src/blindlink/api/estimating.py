"""Estimates from anybody's links, corrected for their errors, that say what they rest on."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from blindlink.analyst.estimate.rates import ErrorRates
from blindlink.api.extras import needs
from blindlink.api.linking import Links
from blindlink.api.tables import Tabular, arrow, kind_of
from blindlink.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from blindlink.analyst.estimate.linked import Linked
    from blindlink.analyst.estimate.models import Model

GlmMethod = Literal["misclassification", "exchangeable", "pairs", "mixture", "imputation", "none"]
_THRESHOLD = 0.5


class LinkedData:
    """Two tables and the links between them, whoever made them.

    ``left``, ``right``: pandas, polars or pyarrow tables, or paths. ``links``: what ``link`` gave;
    Splink's predictions (a frame, or the object, with ``unique_id_l``, ``unique_id_r`` and
    ``match_probability``); recordlinkage's MultiIndex of the frames' labels, or a series or frame
    under one; or a table or path with ``left`` and ``right``, rows from 0, and perhaps a
    ``probability``. ``ids``: the column of both tables, or one of each, whose values the links name
    instead of rows. ``candidates``: further pairs with probabilities, for the methods that use
    them. ``threshold``: pairs of less are candidates and no links; 0.5 where all pairs have a
    probability and ``candidates`` is not given. ``cluster``: the column of the left table whose
    equal values are one person. Raises InputError.
    """

    @needs("analyst")
    def __init__(
        self,
        left: Any,
        right: Any,
        links: Any,
        *,
        candidates: Any = None,
        ids: str | tuple[str, str] | None = None,
        threshold: float | None = None,
        cluster: str | None = None,
    ) -> None:
        import numpy
        import pandas

        from blindlink.analyst.estimate.linked import Linked, pairs

        tables = _frame(left, "left"), _frame(right, "right")
        if isinstance(links, Links) and candidates is None:
            candidates = links.candidates
        both = (ids, ids) if isinstance(ids, str) else ids
        found = pairs(_pairs_frame(links, "links"), *tables, both)
        if candidates is not None:
            every = pairs(_pairs_frame(candidates, "candidates"), *tables, both)
        else:
            every = found
        known = len(found) > 0 and not numpy.isnan(found.probability).any()
        if threshold is None and known and candidates is None:
            threshold = _THRESHOLD
        if threshold is not None:
            found = found.where(~(found.probability < threshold))
        if cluster is None:
            person = numpy.arange(len(tables[0]))
        elif cluster in tables[0]:
            person = pandas.factorize(tables[0][cluster].astype(str))[0].astype(numpy.int64)
        else:
            raise InputError(f"left has no column {cluster}", hint="cluster= is a left column")
        self._linked = Linked(*tables, found, every, person)
        self._kind = kind_of(left)

    def __len__(self) -> int:
        return len(self._linked.links)

    def __repr__(self) -> str:
        linked = self._linked
        rule = "one-to-one" if linked.exclusive else "some rows with several"
        return (
            f"<LinkedData {len(linked.links):,} links ({rule}) of {len(linked.left):,} left and "
            f"{len(linked.right):,} right rows, {len(linked.candidates):,} candidates>"
        )


class Estimates(Tabular):
    """Estimates as a table; ``rests_on`` says what each rate behind them is: measured, assumed,
    bounded or unknown; ``notes`` what else to know. ``text()`` or ``print`` shows all of it.
    """

    def __init__(
        self, what: str, frame: "pd.DataFrame", rests_on: Sequence[str], notes: Sequence[str]
    ) -> None:
        self._what, self._frame = what, frame
        self.rests_on, self.notes = tuple(rests_on), tuple(notes)

    def to_arrow(self) -> "pa.Table":
        """The estimates as a pyarrow table."""
        import pyarrow

        return pyarrow.Table.from_pandas(self._frame, preserve_index=False)

    def text(self) -> str:
        """The whole of it for people."""
        table = _readable(self._frame).to_string(index=False)
        rests = [f"rests on {line}" for line in self.rests_on]
        return "\n".join([self._what, table, *rests, *(f"note: {line}" for line in self.notes)])

    def __len__(self) -> int:
        return len(self._frame)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Estimates {self._what}: {len(self)} rows>"


@needs("analyst")
def share(
    linked: LinkedData,
    outcome: str | None = None,
    *,
    by: str | Sequence[str] = (),
    rates: ErrorRates | None = None,
    counts_as: float | None = None,
    against: float | None = None,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 1,
) -> Estimates:
    """The share of left rows that have a counting partner, observed, corrected and bounded.

    A left row counts where a linked right row has a yes in the column ``outcome``; without
    ``outcome`` any linked row counts. ``by``: columns of the left table, each for itself.
    ``rates``: what is known of the errors; what is unknown there is bounded by 0 and 1.
    ``counts_as``: the share of strangers' records that would count, by default that of the right
    rows without link. ``against``: a share to compare the whole with. Estimator: Rogan and Gladen
    (1978); the estimand is the rate of the process that made the left rows. Raises InputError.

    Columns: by, level, rows, counted; observed, corrected and bound with their ends; clipped
    (whether the corrected share fell outside 0 to 1); difference from all other rows, with its
    ends; and tipping, the relative difference in how often the level's records are found at which
    the difference would be no longer clear: -0.09 means 9 % less often. Missing: it is not clear.
    """
    from blindlink.analyst.estimate import presence
    from blindlink.analyst.estimate.seen import grouping, seen

    core, known = _core(linked), rates or ErrorRates()
    names = [by] if isinstance(by, str) else list(by)
    found = seen(core, outcome, known, counts_as)
    table = presence.shares(
        found,
        {name: grouping(core, name) for name in names},
        against=against,
        confidence=confidence,
        replicates=replicates,
        seed=seed,
    )
    what = f"share of left rows with {'a link' if outcome is None else outcome}"
    rests = known.rests_on("false_link", "sensitivity", "delta")
    return _estimates(linked, what, table, rests, presence.notes(found, table, confidence))


@needs("analyst")
def glm(
    formula: str,
    linked: LinkedData,
    *,
    family: str = "binomial",
    method: GlmMethod = "exchangeable",
    rates: ErrorRates | None = None,
    confidence: float = 0.95,
    draws: int = 20,
    seed: int = 1,
) -> Estimates:
    """A generalised linear model across links: ``"outcome ~ age + C(sex)"``.

    ``family``: binomial, gaussian, poisson or gamma (with log link). ``method``:

    * ``misclassification``: the outcome is whether a left row has a counting partner (a yes/no
      column of the right table, or ``linked``); it is seen with the errors of ``rates``, by row
      where these differ ``by`` a column. Binomial only.
    * ``exchangeable``: the outcome is of one table, the terms of the other; a wrong link takes
      anybody's outcome (Chambers 2009; Chambers and others 2023). Needs precision in ``rates``, or
      match probabilities, or, one-to-one, false links.
    * ``pairs``: likewise, with each candidate's own probability (Lahiri and Larsen 2005).
    * ``mixture``: likewise, as a two-component mixture (Slawski and others 2025). lambda is
      estimated where neither rates nor probabilities have it.
    * ``imputation``: ``draws`` linkages drawn with the model from the candidates, pooled by Rubin's
      rules (Gutman and others 2016).
    * ``none``: as if every link were right.

    Fits are those of statsmodels, formulas of formulaic, standard errors of a sandwich over
    clusters. Uncertain rates are drawn ``draws`` times. Raises InputError, also where a model
    cannot be fitted.

    Columns: term; believed with its ends (as if every link were right); estimate with its ends;
    ratio with its ends where the link is a log or a logit; and, for misclassification, tipping: for
    a term of two values, the relative difference in how often its rows' records are found at which
    the estimate would be no longer clear.
    """
    from blindlink.analyst.estimate import models

    known = rates or ErrorRates()
    ask = models.Asked(formula, family, known, draws, seed)
    if method not in models.METHODS:
        raise InputError(
            f"no method is called {method}", hint=f"there are {', '.join(models.METHODS)}"
        )
    made = models.METHODS[method](_core(linked), ask)
    return _model(linked, f"{formula}, {family}, {method}", made, confidence)


@needs("analyst")
def cox(
    formula: str,
    linked: LinkedData,
    *,
    rates: ErrorRates | None = None,
    confidence: float = 0.95,
    replicates: int = 200,
    seed: int = 1,
) -> Estimates:
    """Cox regression across links: ``"Surv(days, died) ~ age + C(sex)"``, errors exchangeable.

    Time and event are of one table, all terms of the other. A wrong link takes anybody's terms; the
    score is made unbiased for that, as Vo and others (2024) do, with a bootstrap variance over
    clusters. Precision as for ``glm``. Columns as there. Raises InputError.
    """
    from blindlink.analyst.estimate import models

    ask = models.Asked(formula, "cox", rates or ErrorRates(), replicates, seed)
    return _model(linked, f"{formula}, Cox", models.cox(_core(linked), ask), confidence)


@needs("analyst")
def crosstab(
    linked: LinkedData,
    left: str,
    right: str,
    *,
    rates: ErrorRates | None = None,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 1,
) -> Estimates:
    """Shares of linked pairs by a left and a right column, observed and corrected for wrong links.

    Errors exchangeable, precision as for ``glm``. Columns: row, column, links; observed and
    corrected share with their ends; clipped. For two by two levels a note gives the odds ratio.
    It is about pairs that were linked: of missed ones it knows nothing. Raises InputError.
    """
    from blindlink.analyst.estimate import models

    ask = models.Asked("", "crosstab", rates or ErrorRates(), replicates, seed)
    table, rests, notes = models.crosstab(_core(linked), left, right, ask, confidence)
    return _estimates(linked, f"linked pairs by {left} and {right}", table, rests, notes)


def _readable(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Each estimate and its ends in one cell: 0.473 (0.431 to 0.520)."""
    names = [str(name) for name in frame]
    shown = frame[[name for name in names if not name.endswith(("_low", "_high"))]].copy()
    for name in names:
        if name.endswith("_low"):
            of = name.removesuffix("_low")
            ends = frame[name].map(_number) + " to " + frame[f"{of}_high"].map(_number)
            shown[of] = frame[of].map(_number) + " (" + ends + ")" if of in frame else ends
    for name in list(shown.columns[shown.dtypes == "float64"]):
        shown[name] = shown[name].map(_number)
    order = list(dict.fromkeys(name.removesuffix("_low").removesuffix("_high") for name in names))
    return shown[order]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def _core(linked: LinkedData) -> "Linked":
    if not isinstance(linked, LinkedData):
        raise InputError(
            f"linked is a {type(linked).__name__}, not linked data",
            hint="make it first: bl.LinkedData(left, right, links)",
        )
    return linked._linked


def _model(linked: LinkedData, what: str, made: "Model", confidence: float) -> Estimates:
    from blindlink.analyst.estimate import models

    table = models.table(made, confidence)
    return _estimates(linked, what, table, made.rests_on, made.notes)


def _estimates(
    linked: LinkedData,
    what: str,
    frame: "pd.DataFrame",
    rests_on: Sequence[str],
    notes: Sequence[str],
) -> Estimates:
    made = Estimates(what, frame, rests_on, notes)
    made._kind = linked._kind
    return made


def _frame(table: Any, what: str) -> "pd.DataFrame":
    """A table as pandas; one that was read from text has numbers where it has nothing else."""
    import pandas

    from blindlink.analyst.estimate.linked import typed

    if isinstance(table, pandas.DataFrame):
        return table
    frame: pandas.DataFrame = arrow(table, what).to_pandas()
    return typed(frame) if isinstance(table, str | os.PathLike) else frame


def _pairs_frame(links: Any, what: str) -> Any:
    """Links as pandas: with a MultiIndex as they are, Splink's object as its frame."""
    import pandas

    if isinstance(links, pandas.MultiIndex | pandas.Series | pandas.DataFrame):
        return links
    if isinstance(links, Links):
        return links.to_pandas()[["left", "right", "probability"]]
    if hasattr(links, "as_pandas_dataframe"):  # Splink's
        return links.as_pandas_dataframe()
    return _frame(links, what)
