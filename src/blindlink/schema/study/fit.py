"""Whether the payload rules of an agreement leave a study what its measures need.

Asked before anybody signs: a rule that cuts a date to its month makes "within three weeks" a guess,
and after the only run nothing can be done about it.
"""

from collections.abc import Iterator, Mapping

from blindlink.schema.study.declaration import Cells, Declaration

Rule = str | tuple[str, ...]
Payload = Mapping[str, Mapping[str, Mapping[str, Rule]]]

_DATES = ("keep", "month", "year")


def misfits(study: Declaration, payload: Payload) -> list[str]:
    """What an agreement's ``payload`` (owner, table, column: rule) takes from a study, in words."""
    return list(dict.fromkeys((*_lacking(study, payload), *_ruined(study, payload))))


def _lacking(study: Declaration, payload: Payload) -> Iterator[str]:
    for owner in study.owners:
        if owner not in payload:
            yield f"owner {owner}: is none of the agreement"
    for owner, table, column, cells in study.columns:
        if owner not in payload or not cells.needed:
            continue
        if table not in payload[owner]:
            yield f"{owner}, table {table}: is not in the agreement"
        elif column not in payload[owner][table]:
            yield f"{owner}, table {table}: column {column} is not in the agreement"


def _ruined(study: Declaration, payload: Payload) -> Iterator[str]:
    for owner, table, column, cells in study.columns:
        rule = payload.get(owner, {}).get(table, {}).get(column)
        if rule is not None and (why := _why_not(rule, cells)):
            yield f"{owner}, table {table}, column {column}: {why}"


def _why_not(rule: Rule, cells: Cells) -> str:
    """Why a rule leaves too little; empty where it does not."""
    if not isinstance(rule, str):
        cut = sorted(set(cells.labels) - set(rule))
        return f"the agreement's labels lack {', '.join(cut)}" if cut else ""
    asked, _, size = rule.partition(":")
    allowed, _, most = cells.coarsest.partition(":")
    if rule == "keep" or rule == cells.coarsest:
        return ""
    if asked in _DATES and allowed in _DATES:
        fine = _DATES.index(asked) <= _DATES.index(allowed)
    else:
        # Bands nest in wider ones of a multiple; a longer beginning says all that a shorter says.
        fine = asked == allowed and (
            int(most) % int(size) == 0 if asked == "band" else int(size) >= int(most)
        )
    return "" if fine else f"the rule {rule!r} leaves less than the study needs ({cells.coarsest})"
