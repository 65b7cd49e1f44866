"""Invented people and small schemas for the tests of the risk report."""

from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.keys import LinkageKey
from blindlink.schema.document import LinkageSchema, parse_schema

KEY = LinkageKey(bytes(range(32)))
_COLUMNS = {
    "first": (["first_initial"], ["name"]),
    "last": (["last_initial"], ["name"]),
    "date": (["date_of_birth"], ["date"]),
    "sex": (["sex"], ["sex"]),
}


def people(rows: int) -> pa.Table:
    """Initials, date of birth, sex and place, independent and mostly even."""
    rng = np.random.default_rng(1)
    letters = np.array(list("ABCDEFGHJKLMNPRSTW"))
    days = rng.integers(0, 18000, rows).astype("datetime64[D]")
    return pa.table(
        {
            "first_initial": rng.choice(letters, rows).tolist(),
            "last_initial": rng.choice(letters, rows).tolist(),
            "date_of_birth": days.astype(str).tolist(),
            "sex": np.where(rng.random(rows) < 0.3, "F", "M").tolist(),
            "postcode_outward": [f"LS{i}" for i in rng.integers(1, 99, rows)],
            "local_authority": [f"Town {i}" for i in rng.integers(1, 60, rows)],
        }
    )


def schema_of(
    composites: list[dict[str, Any]],
    *,
    length: int = 1024,
    hardening: list[dict[str, Any]] | None = None,
    filters: list[dict[str, Any]] | None = None,
    match_keys: list[list[str]] | None = None,
) -> LinkageSchema:
    """Composites over the columns first, last, date and sex."""
    return parse_schema(
        {
            "version": 3,
            "clkConfig": {"l": length, "kdf": {"type": "HKDF", "keySize": 16}},
            "features": [],
            "blindlink": {
                "version": 1,
                "profile": "test",
                "columns": [
                    {"name": name, "from": sources, "steps": steps}
                    for name, (sources, steps) in _COLUMNS.items()
                ],
                "composites": composites,
                "hardening": hardening or [],
                "filters": filters or [],
                "matchKeys": match_keys or [],
            },
        }
    )
