"""Withheld shares under another name: an estimate whose value is a withheld count over its whole.

A step "observed, 38.9 points" of 4,400 requirements is the engaged share. Where the engaged are
withheld, an estimate with that value and that base in any row is withheld as well.
"""

from blindlink.analyst.disclosure.cells import Cells, counts_of
from blindlink.analyst.disclosure.suppression import Pattern
from blindlink.analyst.publish.tables import Table


class Quotients:
    """The shares, in per cent, of withheld counts in each published count of one table's rows."""

    def __init__(self, table: Table, cells: Cells, pattern: Pattern) -> None:
        parts = _parts(cells, pattern)
        self.shares: list[list[float]] = []
        for row in range(len(table.frame)):
            found = (cells.at.get((table.id, row, name)) for name in counts_of(table))
            wholes = {cell for cell in found if cell is not None and cell not in pattern.reasons}
            self.shares.append(
                [
                    100 * cells.value[part] / cells.value[whole]
                    for whole in sorted(wholes)
                    for part in parts.get(whole, ())
                    if cells.value[whole] > 0 and cells.value[part] > 0
                ]
            )

    def holds(self, row: int, value: float, decimals: int) -> bool:
        """Whether a value as printed is one of the row's withheld shares."""
        half = 0.5 * 10.0**-decimals + 1e-9
        return any(abs(share - value) <= half for share in self.shares[row])


def _parts(cells: Cells, pattern: Pattern) -> dict[int, list[int]]:
    """The withheld cells that are known to be within each cell."""
    found: dict[int, list[int]] = {}
    for relation in cells.relations:
        if relation.high is None and len(relation.terms) == 2:
            (one, sign), (two, _) = relation.terms
            whole, part = (one, two) if sign > 0 else (two, one)
            if part in pattern.reasons:
                found.setdefault(whole, []).append(part)
    return found
