"""Kernels are compiled wherever blindlink runs, also where nothing can be written."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import blindlink

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


_JOIN = """
import numpy as np
import blindlink.linker.join.kernels as kernels
from blindlink.linker.join import engines
assert kernels.__file__.startswith({folder!r})
filters = np.random.default_rng(1).integers(0, 256, (40, 8)).astype(np.uint8)
print(len(engines.load("sliced").pairs(filters, filters, 1.0)))
"""


def pairs_of_copy(folder: Path) -> int:
    """How many of 40 filters the copy's engine finds equal to themselves."""
    done = subprocess.run(
        [sys.executable, "-c", _JOIN.format(folder=str(folder))],
        env=os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.slow
def test_a_warm_cache_does_not_run_old_code(tmp_path: Path) -> None:
    """A helper that the sieve inlines is edited, so that it drops every pair."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(blindlink.__file__).parent, tmp_path / "blindlink", ignore=ignored)
    assert pairs_of_copy(tmp_path) == 40
    (path,) = (p for p in tmp_path.rglob("linker/join/*.py") if "def without(" in p.read_text())
    text = path.read_text()
    path.write_text(text.replace("    return a & (b ^ every(-1))\n", "    return every(0)\n", 1))
    assert path.read_text() != text
    assert pairs_of_copy(tmp_path) == 0


def test_all_that_a_kernel_inlines_stands_in_its_own_file() -> None:
    """numba asks only the file of a kernel whether the kernel has changed."""
    found = 0
    for path in (Path(blindlink.__file__).parent / "linker").rglob("*.py"):
        text = path.read_text()
        if "@kernel" not in text or path.name == "compiled.py":
            continue
        tree = ast.parse(text)
        imported = {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("blindlink")
            for alias in node.names
        }
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and function.decorator_list:
                found += 1
                used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
                outside = (used & set(imported)) - {"kernel"}
                assert not outside, f"{path.name}, {function.name}: {outside}"
    assert found > 30
