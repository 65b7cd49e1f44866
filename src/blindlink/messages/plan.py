"""The linkage plan: how pairs are scored, which are links, and what the linker must deliver.

It stands in the signed agreement, so it holds no floats: fractions are decimal strings, which have
one spelling in canonical JSON.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from blindlink import validation
from blindlink.errors import FormatError

Cardinality = Literal["one-to-one", "one-to-many", "many-to-many"]
Method = Literal["deterministic", "clk", "probabilistic"]
Assignment = Literal["greedy", "optimal"]

AUTO: Final = "auto"
CARDINALITIES: Final = ("one-to-one", "one-to-many", "many-to-many")
METHODS: Final = ("deterministic", "clk", "probabilistic")


def fraction(text: str) -> str:
    """A decimal fraction between 0 and 1 in its plain spelling, such as 0.95; raises ValueError."""
    whole, dot, digits = text.partition(".")
    plain = whole in ("0", "1") and (not dot or (digits.isdigit() and digits.isascii()))
    if not plain or len(text) > 12 or Decimal(text) > 1:
        raise ValueError("must be a decimal fraction from 0 to 1, written like 0.95")
    return text


def _threshold(text: str) -> str:
    return text if text == AUTO else fraction(text)


def _target(text: str) -> str:
    name, colon, value = text.partition(":")
    if text == "f1":
        return text
    if not colon or name not in ("precision", "false_link_rate"):
        raise ValueError("must be f1, precision:x or false_link_rate:x with x such as 0.95")
    return f"{name}:{fraction(value)}"


def _distinct(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    if not methods or len(set(methods)) != len(methods):
        raise ValueError("must name at least one method, each once")
    return methods


def _rising(edges: tuple[str, ...]) -> tuple[str, ...]:
    numbers = [Decimal(edge) for edge in edges]
    if not numbers or numbers[0] <= 0 or numbers != sorted(set(numbers)):
        raise ValueError("must be rising lower edges above 0, such as 0.4, 0.7")
    return edges


Fraction = Annotated[str, AfterValidator(fraction)]
Threshold = Annotated[str, AfterValidator(_threshold)]
Target = Annotated[str, AfterValidator(_target)]
Edges = Annotated[tuple[Fraction, ...], AfterValidator(_rising)]
Methods = Annotated[tuple[Method, ...], AfterValidator(_distinct)]


class Plan(BaseModel):
    """What the parties agreed about the linkage. Frozen; every field has a sound default.

    ``threshold``: ``auto`` (chosen from the scores alone) or a fixed Dice score.
    ``fallback_threshold``: used where ``auto`` cannot separate matches from non-matches; without it
    the linker refuses.
    ``target``: what ``auto`` aims at: the best expected F1, or the lowest threshold whose expected
    precision is at least (or whose expected false-link rate is at most) the given value.
    ``cardinality``: ``one-to-many`` lets one left entity have many right entities.
    ``assignment``: for one-to-one, ``greedy`` (the best pair first) or ``optimal`` (the highest sum
    of scores; a threshold ``auto`` is chosen for greedy links all the same).
    ``methods``: a pair is a link when one of these accepts it; what every method that the encodings
    allow would add stands in the linkage report in any case.
    ``levels``: for each filter, the scores at which its second, third ... agreement level begins;
    none: where the mix of matches and non-matches changes. Only for the probabilistic method.
    ``collapse_duplicates``: entities of one file whose encodings are equal are one entity.
    ``candidate_floor``: pairs of at least this match probability are released as candidates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    threshold: Threshold = AUTO
    fallback_threshold: Fraction | None = None
    target: Target = "f1"
    cardinality: Cardinality = "one-to-one"
    methods: Methods = ("clk",)
    # Left out at their defaults, so that a plan without them keeps the bytes that were signed.
    assignment: Assignment = Field(default="greedy", exclude_if=lambda how: how == "greedy")
    levels: tuple[Edges, ...] = Field(default=(), exclude_if=lambda edges: not edges)
    collapse_duplicates: bool = Field(default=False, exclude_if=lambda on: not on)
    candidate_floor: Fraction = "0.01"
    engine: str = AUTO

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: Any) -> Any:
        # JSON has no tuples and the model is strict.
        if not isinstance(data, dict):
            return data
        return data | {name: _tuples(data[name]) for name in ("methods", "levels") if name in data}

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Self:
        if self.levels and "probabilistic" not in self.methods:
            raise ValueError("levels need the method probabilistic")
        if self.assignment == "optimal" and self.cardinality != "one-to-one":
            raise ValueError("assignment optimal needs the cardinality one-to-one")
        return self

    @property
    def fixed(self) -> float | None:
        """The fixed threshold, or None where it is chosen from the scores."""
        return None if self.threshold == AUTO else float(self.threshold)

    @property
    def fallback(self) -> float | None:
        """The threshold to use where the scores do not separate, if the plan allows one."""
        return None if self.fallback_threshold is None else float(self.fallback_threshold)

    @property
    def edges(self) -> tuple[tuple[float, ...], ...]:
        """The stated levels as numbers."""
        return tuple(tuple(float(edge) for edge in edges) for edges in self.levels)

    @property
    def aim(self) -> tuple[str, float]:
        """The target as its name and value; the value is 1 for ``f1``."""
        name, _, value = self.target.partition(":")
        return name, float(value or 1)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def parse_plan(document: dict[str, Any]) -> Plan:
    """A plan from its JSON object, strictly read. Raises FormatError naming the field."""
    try:
        return Plan.model_validate(document)
    except ValidationError as error:
        wrong = validation.first(error, Plan)
        raise FormatError(f"linkage plan, {wrong}", hint="correct the plan") from None
