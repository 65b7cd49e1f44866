"""What ``analyst report`` says at the end: what was withheld and why, what could not be used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blindlink.analyst.disclosure.gate import Audit
    from blindlink.analyst.disclosure.safe import SafeTable
    from blindlink.analyst.publish.writing import ReportResult

QUALITY = "data_quality"
SHOWN = 5


def report_text(made: "ReportResult") -> str:
    """A few lines for a terminal."""
    from blindlink.analyst.disclosure.policy import parse_policy
    from blindlink.analyst.disclosure.reasons import totals

    tables, policy = made.audit.tables, parse_policy(made.audit.policy)
    cells = sum(table.cells for table in tables)
    withheld = sum(sum(table.withheld.values()) for table in tables)
    lines = [
        f"{made.page}",
        f"{len(made.tables)} tables, {cells:,} figures, {withheld:,} withheld because each",
        *totals(tables, policy),
        *_nothing_left(made.audit),
        *_unused(made.table(QUALITY)),
    ]
    if made.audit.narrowest is not None:
        lines.append(
            f"{made.audit.protected:,} withheld counts are protected: who adds and subtracts all "
            f"that is published learns none of them to within fewer than {made.audit.narrowest} "
            "units"
        )
    return "\n".join(lines)


def _nothing_left(audit: "Audit") -> list[str]:
    bare = [table.id for table in audit.tables if table.cells and not table.published]
    hint = "join rare labels, or take coarser columns: the notes under each table say more"
    return [f"nothing can be published of: {', '.join(bare)}; {hint}"] if bare else []


def _unused(table: "SafeTable | None") -> list[str]:
    """The largest counts of rows that could not be used as they were, as they are published."""
    if table is None or table.empty:
        return []
    rows = table.frame[table.frame["rows"] > 0].sort_values("rows", ascending=False)
    found = [
        f"  {row['table']}: {row['problem']}: {row['rows']:,.0f} rows, {row['consequence']}"
        for _, row in rows.head(SHOWN).iterrows()
    ]
    more = f" (the largest {SHOWN} of {len(rows)})" if len(rows) > SHOWN else ""
    return [f"not used as it was{more}:", *found] if found else []
