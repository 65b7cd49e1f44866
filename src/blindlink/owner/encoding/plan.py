"""A schema made ready to encode: its comparisons, cell rules, strategies, hardenings as objects."""

from collections.abc import Callable
from dataclasses import dataclass

from blindlink.owner.encoding import cells
from blindlink.schema.comparators import Comparison, comparison
from blindlink.schema.document import LinkageSchema
from blindlink.schema.meaning import FilterShape, filter_shapes
from blindlink.schema.models import BlakeHash, Composite, DoubleHash, Feature, Kdf, Strategy


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
class FilterPlan(FilterShape):
    """One filter and what is hashed into it; ``keys`` features in the key derivation."""

    kdf: Kdf
    keys: int
    features: tuple[FeaturePlan, ...]
    composites: tuple[CompositePlan, ...]

    @property
    def info(self) -> bytes:
        """What sets the keys of a further filter apart; the first has clkhash's own."""
        return b"" if self.number == 1 else f"/blindlink/clk_{self.number}".encode()


def compile_schema(schema: LinkageSchema) -> tuple[FilterPlan, ...]:
    """One plan for each filter. The schema was checked when it was read."""
    model, extension = schema.model, schema.extension
    features = tuple(
        _feature(position, each)
        for position, each in enumerate(model.features)
        if isinstance(each, Feature)
    )
    first, *further = filter_shapes(model)
    composites = extension.composites if extension else []
    kdf = model.clk_config.kdf
    plans = [_filter(first, kdf, features, len(model.features), composites)]
    for shape, each in zip(further, extension.filters if extension else [], strict=True):
        plans.append(_filter(shape, kdf, (), 0, each.composites))
    return tuple(plans)


def _filter(
    shape: FilterShape,
    kdf: Kdf,
    features: tuple[FeaturePlan, ...],
    start: int,
    composites: list[Composite],
) -> FilterPlan:
    made = tuple(
        CompositePlan(position, tuple(each.fields), comparison(each.comparison), each)
        for position, each in enumerate(composites, start=start)
    )
    return FilterPlan(
        shape.number,
        shape.length,
        shape.folds,
        shape.hardening,
        kdf=kdf,
        keys=start + len(made),
        features=features,
        composites=made,
    )


def _feature(position: int, feature: Feature) -> FeaturePlan:
    hashing = feature.hashing
    return FeaturePlan(
        position,
        feature.identifier,
        cells.reader(feature),
        comparison(hashing.comparison),
        hashing.strategy,
        hashing.hash,
        feature.format.encoding,
    )
