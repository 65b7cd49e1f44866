"""How much of a field may be lost before an extract is refused: limits that owners agree on.

A loss is a share. Of the cells of a field with something in them: ``unreadable`` (no date, no
number, out of range), ``unknown`` (a code of no list) and ``placeholder`` (a default of the source
system). Of all rows: ``missing`` (nothing there) and ``unjoined`` (rows whose person is nobody's).
The agreement may set other limits for each owner and field; ``*`` stands for every field.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from blindlink.errors import InputError

Kind = Literal["unreadable", "unknown", "placeholder", "missing", "unjoined"]
KINDS: Final[tuple[Kind, ...]] = ("unreadable", "unknown", "placeholder", "missing", "unjoined")
OF_ALL: Final = ("missing", "unjoined")  # shares of all rows, the others of the filled cells
Share = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")]
ANY: Final = "*"


def _unsaid(value: object) -> bool:
    """Only what is stated is written: canonical bytes have one form."""
    return value is None


class Limits(BaseModel):
    """The most that may be lost of a field, as decimal fractions; None: no limit of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    unreadable: Share | None = Field(default=None, exclude_if=_unsaid)
    unknown: Share | None = Field(default=None, exclude_if=_unsaid)
    placeholder: Share | None = Field(default=None, exclude_if=_unsaid)
    missing: Share | None = Field(default=None, exclude_if=_unsaid)
    unjoined: Share | None = Field(default=None, exclude_if=_unsaid)


DEFAULTS: Final[Mapping[str, Limits]] = {
    ANY: Limits(unreadable="0.02", unknown="0.02", placeholder="0.5", unjoined="0.02"),
    "date_of_birth": Limits(missing="0.2", placeholder="0.2"),
    "sex": Limits(missing="0.2"),
    "forename": Limits(missing="0.2", placeholder="0.2"),
    "surname": Limits(missing="0.2", placeholder="0.2"),
    "first_initial": Limits(missing="0.2"),
    "last_initial": Limits(missing="0.2"),
}


@dataclass
class Loss:
    """What was lost of one field: ``rows`` in all, ``counts`` of them by kind.

    ``filled``: cells with something in them before; ``kept``: after. ``standard``: the name under
    which limits speak of it, where that is another.
    """

    field: str
    rows: int
    filled: int
    kept: int
    counts: dict[Kind, int] = dataclasses.field(default_factory=dict)
    standard: str = ""

    def share(self, kind: Kind) -> float:
        """The share that a limit speaks of; 0 where there is nothing to lose."""
        whole = self.rows if kind in OF_ALL else self.filled
        return self.counts.get(kind, 0) / whole if whole else 0.0

    def document(self) -> dict[str, object]:
        """The loss as JSON."""
        return {
            "field": self.field,
            "rows": self.rows,
            "filled_before": self.filled,
            "filled_after": self.kept,
            **{kind: self.counts.get(kind, 0) for kind in KINDS},
        }


def limit(name: str, kind: Kind, agreed: Mapping[str, Limits]) -> float | None:
    """The limit of a field: the agreement's for it, its own default, the agreement's and the
    default for any field, in this order."""
    for limits in (agreed.get(name), DEFAULTS.get(name), agreed.get(ANY), DEFAULTS[ANY]):
        share = getattr(limits, kind) if limits else None
        if share is not None:
            return float(share)
    return None


def exceeded(losses: list[Loss], agreed: Mapping[str, Limits]) -> list[str]:
    """Every field that has lost more than it may, in words."""
    found = []
    for loss in losses:
        for kind in KINDS:
            most = limit(loss.standard or loss.field, kind, agreed)
            if most is not None and loss.share(kind) > most:
                found.append(
                    f"{loss.field}: {loss.counts[kind]:,} of "
                    f"{loss.rows if kind in OF_ALL else loss.filled:,} {_WORDS[kind]} "
                    f"({loss.share(kind):.1%}, at most {most:.1%})"
                )
    return found


_WORDS: Final[dict[Kind, str]] = {
    "unreadable": "cells are unreadable",
    "unknown": "codes are in no list",
    "placeholder": "cells are defaults of their system",
    "missing": "cells are empty",
    "unjoined": "rows are of nobody in the file of people",
}


def check(losses: list[Loss], agreed: Mapping[str, Limits], where: str) -> None:
    """Raises InputError that names every field that has lost too much."""
    if found := exceeded(losses, agreed):
        raise InputError(
            f"{where}: too much is lost: {'; '.join(found)}",
            hint="mend the extract, or say with --map how its cells are spelled; the agreement may "
            "set other limits under [owner.NAME.quality]",
        )
