"""Kernels are compiled wherever blindlink runs, also where nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

_PROGRAM = """
import sys
from numba.core import caching
if sys.argv[1:] == ["nowhere"]:
    caching.CacheImpl._locator_classes = []
import numpy as np
from blindlink.linker.model.assignment import assign
from blindlink.linker.join.compiled import kernel, wait

@kernel
def twice(x):
    return 2 * x

print(wait(twice))
assert twice(21) == 42
print(wait(twice))
"""


def said(folder: Path, *arguments: str) -> list[str]:
    """What a user is told before and after the first call, in a process of its own."""
    program = folder / "program.py"
    program.write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, program, *arguments],
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\n")[:2]


def test_a_kernel_is_compiled_on_first_use_only(tmp_path: Path) -> None:
    assert said(tmp_path) == ["compiles for some seconds on first use", ""]
    assert said(tmp_path) == ["", ""]


def test_without_a_folder_for_the_cache_a_kernel_is_compiled_each_time(tmp_path: Path) -> None:
    before, after = said(tmp_path, "nowhere")
    assert (
        before == "compiles for some seconds each time: let NUMBA_CACHE_DIR name a writable folder"
    )
    assert after == before
    assert not (tmp_path / "cache").exists()
