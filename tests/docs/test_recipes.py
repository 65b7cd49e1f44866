"""Each recipe for a contributor is followed on a scratch copy of the repository, and works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.recipes import Recipe, apply, promised, recipes

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "schemas", "docs", "pyproject.toml", "Makefile")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc", "notebooks")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    yield tmp_path
    shutil.rmtree(tmp_path)


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for name in COPIED
        for path in ((root / name).rglob("*") if (root / name).is_dir() else [root / name])
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(command: str, root: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("HOME", "LC_ALL") if name in os.environ}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=root,
        env={
            **kept,
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(root / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_works_and_touches_what_it_says(recipe: Recipe, copy: Path) -> None:
    before = files_of(copy)
    done = run(next(line for line in recipe.commands if "pytest" in line), copy)
    assert done.returncode != 0, "the test of the recipe passes without it"
    apply(recipe, copy)
    for command in recipe.commands:
        done = run(command, copy)
        assert done.returncode == 0, f"$ {command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
    after = files_of(copy)
    touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    source = sum(path.startswith("src/") for path in touched)
    assert (source, len(touched) - source) == promised()[recipe.title.lower()], sorted(touched)


def test_every_recipe_changes_one_file_of_the_source() -> None:
    assert {recipe.title.lower() for recipe in recipes()} == set(promised())
    assert len(promised()) >= 5
    for recipe in recipes():
        assert sum(path.startswith("src/") for path, _, _ in recipe.files) == 1
        assert promised()[recipe.title.lower()][0] == 1
