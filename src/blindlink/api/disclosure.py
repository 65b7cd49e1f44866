"""The disclosure gate for tables of your own.

    bl.disclosure.check       blindlink disclosure check       what of some tables may be published
    bl.disclosure.register    blindlink disclosure register    remember what went out

A table is a pandas, polars or Arrow frame, or a CSV, Parquet or Arrow file. Tables that are checked
together protect each other: give all that are to be published.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blindlink.api.extras import needs
from blindlink.api.schema import StrPath
from blindlink.api.tables import arrow, kind_of

if TYPE_CHECKING:
    from blindlink.analyst.disclosure.own import Checked as Made
    from blindlink.analyst.disclosure.own import Declaration
    from blindlink.analyst.disclosure.policy import Policy

__all__ = ["Checked", "Withheld", "check", "register"]


@dataclass(frozen=True)
class Withheld:
    """A count that may not be published. ``row``: its place from 0. ``protects``: the groups that
    could be worked out with it, where it is none itself."""

    table: str
    row: int
    column: str
    reason: str
    protects: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """What may be published of some tables.

    ``figures`` are all, ``withheld`` those that may not be published as they are; ``reasons`` says
    why for each count of these (other figures go with the counts that they rest on); ``advice``
    what to join to publish more.
    """

    figures: int
    withheld: int
    reasons: tuple[Withheld, ...]
    advice: tuple[str, ...]
    _made: "Made" = field(repr=False)
    _kinds: Mapping[str, str] = field(repr=False)

    def frame(self, table: str) -> Any:
        """A table as it may be published, all cells as text, withheld ones as [c]; of the kind
        that went in. Raises KeyError for no such table."""
        printed = {each.id: each for each in self._made.tables}[table].printed()
        if self._kinds[table] == "pandas":
            return printed
        import pyarrow

        made = pyarrow.Table.from_pandas(printed, preserve_index=False)
        if self._kinds[table] == "arrow":
            return made
        with needs("polars"):
            import polars
        return polars.DataFrame(made)

    def save(self, out: StrPath, *, agreement: StrPath | None = None) -> Path:
        """Write what may be published to a new folder: ``tables/*.csv``, a data dictionary,
        ``run.json``, and ``audit.json``, which is not to be published. Raises OutputError.

        With ``agreement`` an output checker can sign it: ``bl.study.approve``.
        """
        from blindlink.analyst.disclosure.own import write
        from blindlink.messages.agreement.document import load_agreement

        now = datetime.now(UTC)
        digest = load_agreement(Path(agreement), now=now).digest() if agreement else ""
        write(self._made, Path(out), agreement=digest, now=now)
        return Path(out)

    def summary(self) -> str:
        """How many figures of each table may be published, and why not the others."""
        from blindlink.analyst.disclosure.policy import parse_policy
        from blindlink.analyst.disclosure.reasons import summary

        audit = self._made.audit
        return "\n".join([*summary(audit.tables, parse_policy(audit.policy)), *self.advice])


@needs("analyst")
def check(
    tables: Mapping[str, Any] | Sequence[StrPath] | StrPath,
    *,
    policy: StrPath | Mapping[str, Any] | None = None,
    declare: StrPath | Mapping[str, Any] | None = None,
    register: StrPath | None = None,
    noise_secret: StrPath | None = None,
) -> Checked:
    """What of these tables may be published together, and why not more.

    ``tables``: frames by name, or files. ``policy``: the data controller's, a JSON file or its
    fields; the default withholds counts below 5. ``declare``: what columns and labels are, a TOML
    file or the same as a dictionary. ``register``: the folder of what is out already.
    ``noise_secret``: a file of 16 random bytes or more, for a policy with the method cell-key: the
    same for everything that is published of one cohort.
    Raises InputError for what is no table of figures, DisclosureError where counts contradict each
    other or cannot be protected.
    """
    from blindlink.analyst.disclosure import own
    from blindlink.analyst.disclosure.reasons import told
    from blindlink.analyst.disclosure.register import load
    from blindlink.files import read_bytes

    named = tables if isinstance(tables, Mapping) else _files(tables)
    rules = _policy(policy)
    frames = {name: arrow(frame, name).to_pandas() for name, frame in named.items()}
    earlier = load(Path(register)) if register is not None else []
    secret = read_bytes(Path(noise_secret), limit=1 << 16) if noise_secret is not None else b""
    made = own.check(frames, rules, _declaration(declare), earlier=earlier, secret=secret)
    reasons = [
        Withheld(each.table, each.row, each.column, told(each.reason, rules), each.protects)
        for each in made.audit.withheld
    ]
    kinds = {name: kind_of(frame) for name, frame in named.items()}
    return Checked(made.figures, made.withheld, tuple(reasons), made.advice, made, kinds)


@needs("analyst")
def register(output: StrPath, register: StrPath, *, name: str) -> None:
    """Remember a published folder: what is checked later is held against it.

    Raises InputError for an output with anything that cannot be read for certain, OutputError for
    a name that is taken, VerificationError where the register is not as it was.
    """
    from blindlink.analyst.disclosure.register import add

    add(Path(register), Path(output), name, now=datetime.now(UTC))


def _files(given: Sequence[StrPath] | StrPath) -> dict[str, Path]:
    from blindlink.analyst.disclosure.own import table_names

    paths = [Path(path) for path in ([given] if isinstance(given, str | os.PathLike) else given)]
    return dict(zip(table_names(paths), paths, strict=True))


def _policy(given: StrPath | Mapping[str, Any] | None) -> "Policy":
    from blindlink.analyst.disclosure.policy import Policy, load_policy, parse_policy

    if given is None:
        return Policy()
    return parse_policy(dict(given)) if isinstance(given, Mapping) else load_policy(Path(given))


def _declaration(given: StrPath | Mapping[str, Any] | None) -> "Declaration":
    from blindlink.analyst.disclosure.own import load_declaration, parse_declaration

    if given is None or isinstance(given, Mapping):
        return parse_declaration(dict(given or {}), "the declaration")
    return load_declaration(Path(given))
