"""The wheel carries everything that the installed package reads: schemas, profiles, templates."""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("src", "schemas", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")


def built(tree: Path, out: Path, *kinds: str) -> list[bytes]:
    """The files that a tree is built to, in the order of their names."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    for kind in kinds:
        command += ["--target", kind]
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}
    subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=120, env=environment)
    return [path.read_bytes() for path in sorted(out.iterdir())]


def test_two_builds_are_equal_to_the_byte(tmp_path: Path) -> None:
    """From copies in other folders, written at other times by somebody with another umask."""
    found = []
    for number, mode in enumerate((0o644, 0o600)):
        tree = tmp_path / f"tree{number}" / ("x" * number or "y")
        tree.mkdir(parents=True)
        for name in PARTS:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, tree / name, ignore=ignored)
            else:
                shutil.copy(source, tree / name)
        for path in tree.rglob("*"):
            os.utime(path, (time.time() - 9999 * number,) * 2)
            if path.is_file():
                path.chmod(mode)
        found.append(built(tree, tmp_path / f"out{number}", "wheel", "sdist"))
    assert len(found[0]) == 2
    assert found[0] == found[1]


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src" / "blindlink"
    wanted = {
        f"blindlink/{path.relative_to(source)}"
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted |= {f"blindlink/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    assert wanted <= inside
    assert not [name for name in inside if name.startswith("tests/")]
