"""clkhash itself as a backend: the same plan, encoded by the reference. Why it is not a dependency:
docs/explanation/reference-encoders.md.
"""

import base64
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

import numpy as np

from blindlink.arrays import Bytes
from blindlink.errors import MissingExtraError, SchemaError
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.plan import CompositePlan, FeaturePlan, FilterPlan
from blindlink.owner.encoding.tokens import SEPARATOR
from blindlink.schema.models import BlakeHash


def version() -> str:
    """The version of clkhash. Raises MissingExtraError where it is not installed."""
    try:
        return installed("clkhash")
    except PackageNotFoundError:
        raise _missing() from None


def encode_filter(
    plan: FilterPlan,
    cells: Mapping[int, Coded],
    columns: Mapping[str, Coded],
    secret: bytes,
    rows: int,
) -> Bytes:
    """The filter of every row, (rows, ceil(bits / 8)), by clkhash. Raises SchemaError.

    The cells were checked and formatted before, so that the reference reads plain text: it stops
    at the first bad cell and prints it.
    """
    try:
        from clkhash.clk import generate_clks
        from clkhash.schema import from_json_dict
    except ImportError:
        raise _missing() from None
    kdf = plan.kdf
    info = (b"" if kdf.info is None else base64.b64decode(kdf.info)) + plan.info
    document = {
        "version": 3,
        "clkConfig": {
            "l": plan.folded,
            "xor_folds": plan.folds,
            "kdf": kdf.model_dump(by_alias=True, exclude_none=True)
            | {"info": base64.b64encode(info).decode()},
        },
        "features": _features(plan),
    }
    texts = [[""] * rows for _ in range(plan.keys)]
    for feature in plan.features:
        texts[feature.position] = _texts(cells[feature.position])
    for composite in plan.composites:
        parts = zip(*(_texts(columns[name]) for name in composite.fields), strict=True)
        texts[composite.position] = [SEPARATOR.join(p) if all(p) else "" for p in parts]
    records = list(zip(*texts, strict=True))
    clks = generate_clks(records, from_json_dict(document), secret, validate=False, max_workers=1)
    width = -(-plan.folded // 8)
    return np.frombuffer(b"".join(clk.tobytes() for clk in clks), np.uint8).reshape(rows, width)


def _missing() -> MissingExtraError:
    error = MissingExtraError("the reference encoder clkhash", "owner")
    error.hint = "install clkhash 0.18.3 beside blindlink: see docs/explanation/reference-encoders"
    return error


def _texts(column: Coded) -> list[str]:
    return [column.values[code] for code in column.codes.tolist()]


def _features(plan: FilterPlan) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = [
        {"identifier": f"ignored {position}", "ignored": True} for position in range(plan.keys)
    ]
    for feature in plan.features:
        features[feature.position] = _feature(feature)
    for composite in plan.composites:
        features[composite.position] = _composite(composite)
    return features


def _feature(feature: FeaturePlan) -> dict[str, Any]:
    return {
        "identifier": feature.column,
        "format": {"type": "string", "encoding": feature.encoding},
        "hashing": {
            "comparison": feature.comparison.model_dump(by_alias=True),
            "strategy": feature.strategy.model_dump(by_alias=True, exclude_none=True),
            "hash": _hash(feature),
        },
    }


def _hash(feature: FeaturePlan) -> dict[str, Any]:
    return feature.hash.model_dump()


def _composite(composite: CompositePlan) -> dict[str, Any]:
    if not composite.comparison.whole:
        raise SchemaError(
            "clkhash cannot encode a composite that is cut into tokens",
            hint="use the backend blindlink",
        )
    strategy = composite.strategy.model_dump(
        by_alias=True, exclude_none=True, include={"bits_per_token", "bits_per_feature"}
    )
    return {
        "identifier": SEPARATOR.join(composite.fields),
        "format": {"type": "string"},
        "hashing": {
            "comparison": {"type": "exact"},
            "strategy": strategy,
            "hash": BlakeHash().model_dump(),
        },
    }
