"""A schema made ready to encode: its comparisons, cell rules, strategies, hardenings as objects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from blindlink.errors import SchemaError
from blindlink.owner.encoding import cells
from blindlink.owner.encoding.columns import steps_of
from blindlink.schema.comparators import CLKHASH, Comparison, comparison
from blindlink.schema.document import LinkageSchema
from blindlink.schema.hardenings import Hardening, hardening
from blindlink.schema.models import (
    BlakeHash,
    Composite,
    DoubleHash,
    Extension,
    Feature,
    IgnoredFeature,
    Kdf,
    Strategy,
)

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class FeaturePlan:
    """One encoded column. ``position`` is its place in the key derivation."""

    position: int
    column: str
    read: Callable[[str], str]
    comparison: Comparison
    strategy: Strategy
    hash: BlakeHash | DoubleHash
    encoding: str


@dataclass(frozen=True)
class CompositePlan:
    """Tokens that join columns; the first is cut by the comparison."""

    position: int
    fields: tuple[str, ...]
    comparison: Comparison
    strategy: Strategy


@dataclass(frozen=True)
class FilterPlan:
    """One filter: ``length`` bits before ``folds``; ``keys`` features in the key derivation."""

    number: int
    length: int
    folds: int
    kdf: Kdf
    keys: int
    features: tuple[FeaturePlan, ...]
    composites: tuple[CompositePlan, ...]
    hardening: tuple[Hardening, ...]

    @property
    def info(self) -> bytes:
        """What sets the keys of a further filter apart; the first has clkhash's own."""
        return b"" if self.number == 1 else f"/blindlink/clk_{self.number}".encode()

    @property
    def bits(self) -> int:
        """The length that comes out."""
        length = self.length >> self.folds
        for each in self.hardening:
            length = each.output(length)
        return length


def compile_schema(schema: LinkageSchema) -> tuple[FilterPlan, ...]:
    """One plan for each filter; raises SchemaError with every problem that has a meaning here."""
    problems: list[str] = []
    config = schema.model.clk_config
    extension = schema.extension or Extension(version=1, profile="clkhash")
    _gather(extension.columns, lambda _, column: steps_of(column), problems)
    features = [f for f in _gather(schema.model.features, _feature, problems) if f]
    shape = (config.l << config.xor_folds, config.xor_folds, config.kdf)
    more = (extension.composites, extension.hardening)
    plans = [_filter(1, shape, features, len(schema.model.features), more, problems)]
    for number, each in enumerate(extension.filters, start=2):
        shape, more = (each.l, 0, config.kdf), (each.composites, each.hardening)
        plans.append(_filter(number, shape, [], 0, more, problems))
    if problems:
        raise SchemaError("schema: " + "; ".join(problems))
    return tuple(plans)


def _filter(
    number: int,
    shape: tuple[int, int, Kdf],
    features: list[FeaturePlan],
    start: int,
    more: tuple[list[Composite], list[dict[str, Any]]],
    problems: list[str],
) -> FilterPlan:
    composites = _gather(more[0], lambda i, each: _composite(start + i, each), problems)
    hardenings = _gather(more[1], lambda _, each: hardening(each), problems)
    keys = start + len(more[0])
    plan = FilterPlan(number, *shape, keys, tuple(features), tuple(composites), tuple(hardenings))
    _gather([plan], lambda _, each: each.bits, problems)
    return plan


def _feature(position: int, feature: Feature | IgnoredFeature) -> FeaturePlan | None:
    if isinstance(feature, IgnoredFeature):
        return None
    hashing = feature.hashing
    try:
        compare, read = comparison(hashing.comparison), cells.reader(feature)
    except ValueError as error:
        raise ValueError(f"feature {position + 1} ({feature.identifier}): {error}") from None
    if not isinstance(compare, CLKHASH):
        raise ValueError(f"feature {position + 1} ({feature.identifier}): needs to be a composite")
    return FeaturePlan(
        position,
        feature.identifier,
        read,
        compare,
        hashing.strategy,
        hashing.hash,
        cells.encoding(feature),
    )


def _composite(position: int, each: Composite) -> CompositePlan:
    try:
        compare = comparison(each.comparison)
    except ValueError as error:
        raise ValueError(f"composite of {' + '.join(each.fields)}: {error}") from None
    return CompositePlan(position, tuple(each.fields), compare, each)


def _gather(items: Iterable[A], build: Callable[[int, A], B], problems: list[str]) -> list[B]:
    """What ``build`` makes of each item and its position; a ValueError becomes a problem."""
    built = []
    for position, item in enumerate(items):
        try:
            built.append(build(position, item))
        except ValueError as error:
            problems.append(str(error))
    return built
