"""The wheel carries everything that the installed package reads: schemas, profiles, templates."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
