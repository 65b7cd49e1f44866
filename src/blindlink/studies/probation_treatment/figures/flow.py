"""The cohort flow: every stage with its counts, who left before it, and by which rule."""

from blindlink.analyst.disclosure.safe import CONFIDENTIAL, SafeTable
from blindlink.pages.html import Stage, Stages

_WITHHELD = (
    f"{CONFIDENTIAL}: withheld, because the number or its difference from a neighbouring stage "
    "counts too few people."
)


def flow_diagram(table: SafeTable | None) -> Stages | None:
    """Stages from top to bottom with requirements and persons. None without rows."""
    if table is None or table.empty or "stage" not in table.columns:
        return None
    stages = [_stage(table, row) for row in range(len(table.frame))]
    withheld = any(CONFIDENTIAL in stage.counts for stage in stages)
    title = "From records received to people engaged with treatment"
    return Stages("flow-figure", title, stages, _WITHHELD if withheld else "")


def _stage(table: SafeTable, row: int) -> Stage:
    name = table.label(row, "stage")
    units = [unit for unit in ("requirements", "sentences", "persons") if unit in table.columns]
    return Stage(
        title=name[:1].upper() + name[1:],
        counts=", ".join(f"{table.text(row, unit)} {unit}" for unit in units),
        lost=_lost(table, row),
        rule=table.label(row, "rule") if "rule" in table.columns else "",
    )


def _lost(table: SafeTable, row: int) -> str:
    """How many did not come along into a stage."""
    before, now = (
        table.value(row - 1, "requirements") if row else None,
        table.value(row, "requirements"),
    )
    if before is None or now is None:
        return ""
    return f"{before - now:,.0f} requirements fewer" if before > now else "none fewer"
