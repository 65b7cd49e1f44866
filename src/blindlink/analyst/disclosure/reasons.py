"""Why figures are withheld, in plain words for the analyst.

The reader is told by the shorthand alone (``safe.SHORTHAND``), and not which figure is withheld for
its own sake: that would say that it is small.
"""

from collections import Counter
from collections.abc import Sequence

from blindlink.analyst.disclosure import suppress
from blindlink.analyst.disclosure.gate import Withheld
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.publishing import TableAudit
from blindlink.analyst.publish.tables import TOTAL, Table

WORDS = {
    suppress.SMALL: "counts 1 to {below}",
    suppress.COMPLEMENT: "leaves 1 to {below} who are not in it",
    suppress.EVERYBODY: "says the same of everybody in a group",
    suppress.NOBODY: "says of everybody in a group that they are the other of two",
    suppress.SECONDARY: "would let somebody work out a protected number",
    "derived from a withheld count": "rests on a withheld count",
    "no base count": "names no count that it rests on",
    "dominated by one unit": "is mostly of one unit",
    "minimum or maximum": "belongs to one unit",
    "withheld in an earlier release": "was withheld in an earlier release",
    "differs little from an earlier release": "differs from an earlier release by 1 to {below}",
}


def told(reason: str, policy: Policy) -> str:
    """A reason as the end of a sentence: "withheld because it ..."."""
    return WORDS.get(reason, reason).format(below=policy.threshold - 1)


def summary(audits: Sequence[TableAudit], policy: Policy) -> list[str]:
    """For the terminal: each table in which something is withheld, with the reasons."""
    lines = []
    for audit in audits:
        if audit.withheld:
            lines.append(f"{audit.id}: {audit.published} of {audit.cells} figures may be published")
            lines += totals([audit], policy)
    return lines


def totals(audits: Sequence[TableAudit], policy: Policy) -> list[str]:
    """How many figures are withheld for which reason, the most frequent first."""
    number: Counter[str] = Counter()
    for audit in audits:
        number.update(audit.withheld)
    return [f"{count:>7,}  {told(reason, policy)}" for reason, count in number.most_common()]


def joins(table: Table, withheld: Sequence[Withheld]) -> list[str]:
    """Which levels to join with others so that more can be published: the label under which most
    small counts of the table stand, and its levels with the most of them; never a count."""
    small = {suppress.SMALL, suppress.COMPLEMENT, suppress.EVERYBODY, suppress.NOBODY}
    rows = {each.row for each in withheld if each.table == table.id and each.reason in small}
    found: Counter[tuple[str, str]] = Counter()
    for name in table.labels():
        cells = table.frame[name].astype(str).tolist()
        if len(set(cells) - {TOTAL}) > 2:
            found.update((name, cells[row]) for row in rows if cells[row] != TOTAL)
    if not found:
        return []
    label = max(found.items(), key=lambda pair: pair[1])[0][0]
    levels = [level for (name, level), _ in found.most_common() if name == label][:3]
    return [f"{table.id}: joining {' or '.join(levels)} of {label} with another level shows more"]
