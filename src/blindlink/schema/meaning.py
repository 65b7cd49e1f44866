"""What a linkage schema means: lengths of its filters, and problems that its shape does not show.

The lengths are worked out here and nowhere else: the encoder makes filters of them, the submission
terms and the linker compare with them, ``schema show`` and ``inspect`` print them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from blindlink.schema.comparators import comparison
from blindlink.schema.hardenings import Hardening, hardening
from blindlink.schema.limits import MAX_FILTER_BITS
from blindlink.schema.models import Column, Composite, Document, Feature
from blindlink.schema.steps import Step, step

T = TypeVar("T")


@dataclass(frozen=True)
class FilterShape:
    """One filter of a record: ``length`` bits are hashed into, folded ``folds`` times, hardened."""

    number: int
    length: int
    folds: int
    hardening: tuple[Hardening, ...]

    @property
    def folded(self) -> int:
        """The length that the first hardening gets."""
        return self.length >> self.folds

    @property
    def bits(self) -> int:
        """The length that leaves the owner. Raises ValueError where a hardening cannot be used."""
        length = self.folded
        for each in self.hardening:
            length = each.output(length)
        return length


def filter_shapes(model: Document) -> tuple[FilterShape, ...]:
    """The shape of each filter. Raises ValueError for a hardening that is none."""
    config, extension = model.clk_config, model.blindlink
    folds = config.xor_folds
    first = _hardenings(extension.hardening if extension else [])
    shapes = [FilterShape(1, config.l << folds, folds, first)]
    for number, each in enumerate(extension.filters if extension else [], start=2):
        shapes.append(FilterShape(number, each.l, 0, _hardenings(each.hardening)))
    return tuple(shapes)


def problems_of(model: Document) -> list[str]:
    """Every problem of a schema of the right shape; none where it can be encoded with."""
    return [text for text in (_caught(check) for check in _checks(model)) if text]


def _checks(model: Document) -> Iterator[Callable[[], Any]]:
    extension = model.blindlink
    if extension is not None:
        yield from (partial(steps_of, column) for column in extension.columns)
    for position, feature in enumerate(model.features, start=1):
        if isinstance(feature, Feature):
            yield partial(_check_feature, feature, position)
    yield from (partial(_check_composite, composite) for composite in composites(model))
    yield partial(_check_lengths, model)


def composites(model: Document) -> Iterable[Composite]:
    """The composites of every filter."""
    extension = model.blindlink
    if extension is not None:
        yield from extension.composites
        for each in extension.filters:
            yield from each.composites


def steps_of(column: Column) -> list[Step]:
    """The normalisation steps of a column. Raises ValueError naming the column."""
    return _named(f"column {column.name}", lambda: [step(each) for each in column.steps])


def _hardenings(documents: list[dict[str, Any]]) -> tuple[Hardening, ...]:
    return tuple(hardening(each) for each in documents)


def _check_lengths(model: Document) -> None:
    for shape in filter_shapes(model):
        if shape.bits > MAX_FILTER_BITS:
            raise ValueError(
                f"filter {shape.number} comes out with {shape.bits} bits; what is linked has at "
                f"most {MAX_FILTER_BITS}"
            )


def _check_feature(feature: Feature, position: int) -> None:
    name = f"feature {position} ({feature.identifier})"
    if not _named(name, lambda: comparison(feature.hashing.comparison)).clkhash:
        raise ValueError(f"{name}: needs to be a composite")
    missing, encoding = feature.hashing.missing_value, feature.format.encoding
    if missing is not None:
        try:
            missing.encoded.encode(encoding)
        except UnicodeEncodeError:
            raise ValueError(f"{name}: missingValue: has characters outside {encoding}") from None


def _check_composite(composite: Composite) -> None:
    name = f"composite of {' + '.join(composite.fields)}"
    _named(name, lambda: comparison(composite.comparison))


def _named(name: str, made: Callable[[], T]) -> T:
    try:
        return made()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _caught(check: Callable[[], Any]) -> str | None:
    try:
        check()
    except ValueError as error:
        return str(error)
    return None
