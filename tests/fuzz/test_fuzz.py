"""Nonsense that its sender signed: refused with an error of ours or harmless, never a traceback.

A few recipes of the corpus and a few new ones for every parser; a minute of more in CI, an hour by
``make fuzz``.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import FormatError
from fuzz.recipes import changed_bytes, changed_document
from fuzz.run import Fuzzer, corpus
from fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_ends_without_an_answer(name: str, tmp_path: Path) -> None:
    fuzzer = Fuzzer(TARGETS[name], random.Random(name))
    assert fuzzer.play([], tmp_path) == "accepted" or name == "inspect"
    for recipe in corpus(name)[:4]:
        fuzzer.play(recipe, tmp_path)
    assert [fuzzer.step(tmp_path) for _ in range(4)] == [None] * 4


def planted(value: Any, _: Path) -> None:
    """A reader that stumbles behind two of its checks: each step on the way has an answer."""
    count, rows = value.get("count"), value.get("rows")
    if not isinstance(count, int) or not isinstance(rows, list):
        raise FormatError("not of its form")
    if count < 0:
        if len(rows) > 3:
            rows[count * 100]  # no answer: IndexError
        raise FormatError("counts fewer than none")


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_fault_is_found(tmp_path: Path, seed: int) -> None:
    target = Target("planted", lambda: {"count": 3, "rows": [1, 2, 3], "x": {"y": "z"}}, planted)
    fuzzer = Fuzzer(target, random.Random(seed))
    assert any(fuzzer.step(tmp_path) for _ in range(4000))
    assert "FormatError: counts fewer than none" in fuzzer.found


def test_recipes_are_repeated_to_the_byte() -> None:
    for name in ("agreement", "submission-encodings"):
        one, other = (Fuzzer(TARGETS[name], random.Random(5)) for _ in range(2))
        for _ in range(20):
            recipe = one.recipe()
            assert recipe == other.recipe()
            change = changed_bytes if isinstance(one.seed, bytes) else changed_document
            assert change(one.seed, recipe) == change(other.seed, recipe)
