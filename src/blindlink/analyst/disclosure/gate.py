"""The disclosure gate: tables go in, tables that may be published come out, with an audit record.

Nothing leaves the analyst but ``SafeTable``s, and only ``release`` makes them. In order: curves are
coarsened, what discloses is withheld, then what would give it away (``suppress``), then everything
that derives from a withheld count; the rest is rounded. At the end a reader of what is left works
out every secret in whole numbers (``attack``), and the gate refuses a release in which one is known
more closely than the policy allows, or in which that could not be shown.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blindlink.analyst.disclosure import suppress
from blindlink.analyst.disclosure.attack import Range
from blindlink.analyst.disclosure.curves import coarsen
from blindlink.analyst.disclosure.differencing import Earlier, differences
from blindlink.analyst.disclosure.methods import shown
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.publishing import TableAudit, published
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.disclosure.suppress import Pattern, Secret
from blindlink.analyst.disclosure.variables import Variables, variables_of
from blindlink.analyst.publish.tables import Table
from blindlink.errors import DisclosureError


@dataclass(frozen=True)
class Withheld:
    """A withheld cell: its place, why, and the populations that it protects; never a count."""

    table: str
    row: int
    column: str
    reason: str
    protects: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """The record of one release: the policy, every table, and the reader's best results.

    ``narrowest`` is the width that the reader's knowledge of any protected number has at least,
    None when there is none to protect; ``counts`` says how many counts are withheld for which
    reason; ``withheld`` lists each withheld cell with its reason and what it protects.
    """

    policy: dict[str, object]
    policy_digest: str
    tables: tuple[TableAudit, ...]
    counts: dict[str, int]
    protected: int
    exposed: int
    narrowest: int | None
    relations: int
    withheld: tuple[Withheld, ...] = ()


def release(
    tables: Sequence[Table],
    policy: Policy,
    *,
    earlier: Sequence[Earlier] = (),
    secret: bytes = b"",
) -> tuple[list[SafeTable], Audit]:
    """Everything that may be published of ``tables``, and the audit of how that was decided.

    ``earlier`` are releases already out, for the differencing guard; ``secret`` draws the noise of
    a policy that has any: the same for everything of one cohort, and known to nobody else. Raises
    DisclosureError when the tables contradict their declarations or cannot be protected.
    """
    _check_ids(tables)
    if policy.curve_steps:
        tables = [coarsen(table, policy.threshold) for table in tables]
    made = variables_of(tables)
    pattern = suppress.primary(tables, made, policy)
    if policy.differencing:
        pattern.add(differences(tables, made, earlier, policy))
    floor = suppress.floors(tables, made, policy)
    prints = shown(made, policy, secret)
    if policy.secondary:
        suppress.Suppressor(tables, made, floor, policy, prints.behind).protect(pattern)
    ranges = audit(made, pattern, floor, prints.behind, policy.width)
    exposed = sum(
        secret.exposed(ends, policy.width) or not ends.proven for secret, ends in ranges.items()
    )
    if exposed and policy.secondary:
        raise DisclosureError(
            f"{exposed} protected counts can be worked out from the tables",
            hint="leave a table out, or ask the data controller for a policy that rounds",
        )
    results = [published(table, made, pattern, policy, prints) for table in tables]
    return [table for table, _ in results], Audit(
        policy=policy.document(),
        policy_digest=policy.digest(),
        tables=tuple(record for _, record in results),
        counts=suppress.tally(pattern),
        protected=len(ranges),
        exposed=exposed,
        narrowest=min(
            (
                round(ends.width)
                for secret, ends in ranges.items()
                if secret.reason != suppress.HIDDEN
            ),
            default=None,
        ),
        relations=len(made.relations),
        withheld=tuple(_reasons(made, pattern)),
    )


def audit(
    made: Variables,
    pattern: Pattern,
    floor: dict[int, int],
    behind: Mapping[int, tuple[int, int]],
    width: int,
) -> dict[Secret, Range]:
    """What a reader can infer about each secret, in whole counts, afresh from the final pattern.

    Not ``proven`` where no set of whole counts could be found in time: that is not protected.
    """
    who = suppress.reader(made, pattern, floor, behind)
    who.least_together(who.open())
    secrets = list(pattern.secrets.values())
    found = {
        s: who.exact(s.terms, width) for s in suppress.doubtful(who, secrets, width, whole=True)
    }
    return {s: found.get(s) or who.seen(s.terms, whole=True) for s in secrets}


def _reasons(made: Variables, pattern: Pattern) -> list[Withheld]:
    rows = []
    for v, reason in pattern.reasons.items():
        protects = {str(made.key[w]) for terms in pattern.protects.get(v, ()) for w, _ in terms}
        rows += [Withheld(*place, reason, tuple(sorted(protects))) for place in made.places[v]]
    return rows


def _check_ids(tables: Sequence[Table]) -> None:
    twice = [name for name, n in Counter(table.id for table in tables).items() if n > 1]
    if twice:
        raise DisclosureError(f"table {twice[0]} comes twice", hint="give every table its own id")


__all__ = ["Audit", "Policy", "SafeTable", "TableAudit", "release"]
