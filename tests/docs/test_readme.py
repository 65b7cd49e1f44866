"""The figures of the README are those of the page on quality; an index shows no link to a file."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUALITY = (ROOT / "docs" / "reference" / "quality.md").read_text(encoding="utf-8")
# A row of the README: the rows of the page that it stands for.
ROWS = {
    "census-like people, initials only": (r"census weak .*", "weak"),
    "census-like people, names": (r"census full .*", "names"),
    "Febrl 4, 20 to 50 % overlap": (r"febrl4, .*", "names"),
    "Febrl 4, plain clkhash schema": (r"febrl4, .*", "clkhash"),
    "pseudopeople, files full of errors, initials only": (r"pseudopeople weak, .*", "weak"),
    "pseudopeople, names": (r"pseudopeople full, .*", "names"),
    "synthetic study, 20,000 people, initials only": (r"study, 20000 .*", "weak"),
    "synthetic study, 150,000 people, initials only": (r"study, 150000 .*", "weak"),
}


def tables(text: str) -> list[dict[str, str]]:
    """Every row of every table, by the heads of its columns."""
    found: list[dict[str, str]] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif not set(line) <= set("|-: "):
            found.append(dict(zip(head, cells, strict=True)))
    return found


def spread(name: str, profile: str, *columns: str) -> str:
    """The least and the largest figure of the first of these columns that has one."""
    rows = [row for row in tables(QUALITY) if re.fullmatch(name, row.get("data", ""))]
    values = [
        next(row[column] for column in columns if column in row)
        for row in rows
        if row.get("profile") == profile and any(column in row for column in columns)
    ]
    ends = [f"{float(value):.3f}".lstrip("0") for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


@pytest.mark.parametrize("label", ROWS)
def test_a_figure_is_that_of_the_page(label: str) -> None:
    (row,) = [each for each in tables(README) if each.get("data") == label]
    name, profile = ROWS[label]
    assert row["profile"] == f"`{profile}`"
    assert row["F1, automatic threshold"] == spread(
        name, profile, "F1 at auto", "blindlink F1 at auto"
    )
    assert row["best F1 of any threshold"] == spread(name, profile, "best F1", "blindlink best F1")
    if row["Splink on the plain text, at .95"].startswith("."):
        assert row["Splink on the plain text, at .95"] == spread(name, profile, "Splink F1 at .95")


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_what_a_package_index_shows_leads_to_no_file_of_ours(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, tmp_path], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        shown = archive.read(name).decode()
    assert "## How good it is" in shown
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert links
    assert all(link.startswith("https://") for link in links)


def test_what_is_published_as_source_is_small_and_has_no_tests(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory"]
    subprocess.run([*command, tmp_path], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.stat().st_size < 2_000_000
    with tarfile.open(archive) as file:
        names = file.getnames()
    assert not [name for name in names if "/tests/" in name or "/docs/" in name]
    assert [name for name in names if name.endswith("/src/blindlink/__init__.py")]
