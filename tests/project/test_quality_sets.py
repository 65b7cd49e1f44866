"""The sets of benchmarks/quality.py at small size: what the linker says, beside the truth."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SETS = (
    ("census weak 1000 x 1875, 35%", "weak"),
    ("census full 1000 x 1875, 35%", "names"),
    ("census weak 1500 x 1500, 20%", "diffused"),
    ("census full 750 x 3000, 50%", "clkhash"),
    ("febrl4, 35%", "names"),
    ("febrl3 split", "names"),
    ("study, 5000 treatment people", "weak"),
)


@pytest.fixture
def quality(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.quality")


@pytest.mark.parametrize(("name", "profile"), SETS)
def test_auto_is_near_the_best_threshold_and_calibrated(
    quality: ModuleType, name: str, profile: str
) -> None:
    data = next(d for d in quality.every(0.25) if (d.name, d.profile) == (name, profile))
    found = quality.measure(data, seed=7)
    assert found is not None
    assert found.best_f1 - found.f1 <= 0.02  # seven of 350 pairs; .01 at full size
    assert found.f1 > 0.94
    assert abs(found.expected_f1 - found.f1) < 0.04
    # febrl3 is a known miss: its precision is stated too low (docs/reference/quality.md).
    assert found.deciles_off <= (2 if name == "febrl3 split" else 1)
    assert found.brier < 0.02
    assert found.recall_covered
