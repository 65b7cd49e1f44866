"""The disclosure gate: tables go in, tables that may be published come out, with an audit record.

Nothing leaves the analyst but ``SafeTable``s, and only ``release`` makes them. In order: minima and
maxima go, curves are coarsened, small counts and complements are withheld, then more until no total
gives one away, then everything that derives from a withheld count; the rest is rounded. At the end
the attacker reads the result, and the gate refuses it if a protected count is bounded too tightly.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blindlink.analyst.disclosure import suppression
from blindlink.analyst.disclosure.cells import Cells
from blindlink.analyst.disclosure.curves import coarsen
from blindlink.analyst.disclosure.differencing import Earlier, differences
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.publishing import TableAudit, published
from blindlink.analyst.disclosure.relations import collect
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.disclosure.suppression import Pattern, Secret
from blindlink.analyst.publish.tables import Table
from blindlink.errors import DisclosureError


@dataclass(frozen=True)
class Audit:
    """The record of one release: the policy, every table, and the attacker's best results.

    ``narrowest`` is the width that the attacker's knowledge of any protected number has at least,
    None when there is none to protect; ``counts`` says how many counts are withheld for which
    reason.
    """

    policy: dict[str, object]
    policy_digest: str
    tables: tuple[TableAudit, ...]
    counts: dict[str, int]
    protected: int
    exposed: int
    narrowest: int | None
    relations: int


def release(
    tables: Sequence[Table], policy: Policy, *, earlier: Sequence[Earlier] = ()
) -> tuple[list[SafeTable], Audit]:
    """Everything that may be published of ``tables``, and the audit of how that was decided.

    ``earlier`` are releases already out, for the differencing guard. Raises DisclosureError when
    the tables contradict themselves or cannot be protected.
    """
    _check_ids(tables)
    if policy.curve_steps:
        tables = [coarsen(table, policy.threshold) for table in tables]
    cells = collect(tables)
    pattern, found = _decide(tables, cells, policy, earlier, ())
    exposed = [secret for secret, width in found.items() if width < policy.width]
    if exposed and policy.secondary:
        # In a very small cohort so many counts are equal by chance that these coincidences alone
        # fix a number. Where both counts are withheld nobody sees that they are equal, so what was
        # withheld stays so and only the certain relations count.
        withheld = [where for where, cell in cells.at.items() if cell in pattern.reasons]
        cells = collect(tables, likely=False)
        pattern, found = _decide(tables, cells, policy, earlier, withheld)
        exposed = [secret for secret, width in found.items() if width < policy.width]
    if exposed and policy.secondary:
        raise DisclosureError(f"{len(exposed)} protected counts can be worked out from the tables")
    made = [published(table, cells, pattern, policy) for table in tables]
    audits = tuple(audit for _, audit in made)
    return [table for table, _ in made], _audit(policy, cells, pattern, found, len(exposed), audits)


def _decide(
    tables: Sequence[Table],
    cells: Cells,
    policy: Policy,
    earlier: Sequence[Earlier],
    withheld: Iterable[tuple[str, int, str]],
) -> tuple[Pattern, dict[Secret, int]]:
    """What is withheld, at least ``withheld``, and the width that protects each secret."""
    pattern = suppression.primary(tables, cells, policy)
    if policy.differencing:
        pattern.add(differences(tables, cells, earlier, policy))
    for where in withheld:
        pattern.reasons.setdefault(cells.at[where], "secondary")
    floor = suppression.floors(tables, cells, policy)
    if policy.secondary:
        pattern = suppression.secondary(cells, pattern, floor, policy)
    if pattern.hopeless:
        return pattern, dict.fromkeys(pattern.secrets, 0)
    return pattern, suppression.audit(cells, pattern, floor, policy)


def _audit(
    policy: Policy,
    cells: Cells,
    pattern: Pattern,
    found: dict[Secret, int],
    exposed: int,
    tables: tuple[TableAudit, ...],
) -> Audit:
    return Audit(
        policy=policy.document(),
        policy_digest=policy.digest(),
        tables=tables,
        counts=suppression.tally(pattern),
        protected=len(found),
        exposed=exposed,
        narrowest=min(found.values(), default=None),
        relations=len(cells.relations),
    )


def _check_ids(tables: Sequence[Table]) -> None:
    twice = [name for name, n in Counter(table.id for table in tables).items() if n > 1]
    if twice:
        raise DisclosureError(f"table {twice[0]} comes twice", hint="give every table its own id")


__all__ = ["Audit", "Policy", "SafeTable", "TableAudit", "release"]
