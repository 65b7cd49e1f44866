"""Labels of an owner, in the files that a study publishes: nothing of them runs or hides.

Values of ``keep`` columns and the linker's words reach page, workbook and CSV files.
"""

import csv
import datetime as dt
import html.parser
import zipfile
from pathlib import Path

import pytest

from blindlink.analyst.disclosure.policy import Policy
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from worlds.sample_tables import count, label, split, study, table

HOSTILE = (
    '=HYPERLINK("http://evil","x")',
    "=1+1",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "{=1+1}",
    "http://evil.example/?leak",
    "mailto:evil@example.org",
    "internal:Table_1!A1",
    "external:\\\\evil\\share",
    '<script>alert("x")</script>',
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "]]></t><f>1+1</f>",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose labels, titles and notes are all of them hostile."""
    out = tmp_path_factory.mktemp("hostile") / "out"
    parts = {text: 100 + at for at, text in enumerate(HOSTILE)}
    tables = [*study(), split("hostile", parts)]
    for at, text in enumerate(HOSTILE):
        columns = {"kind": label(text), "people": count(text)}
        rows = [("a", 400), ("b", 500), ("All", 900)]
        tables.append(table(f"t{at}", text, columns, rows, text))
    publish(
        tables,
        out,
        settings=Settings(contact="statistics@example.org"),
        policy=Policy(),
        seed=1,
        now=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    )
    return out


def test_the_workbook_holds_no_formula_and_links_nowhere(folder: Path) -> None:
    with zipfile.ZipFile(folder / "report.xlsx") as archive:
        parts = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    sheets = [text for name, text in parts.items() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) > len(HOSTILE)
    assert any("HYPERLINK" in text for text in parts.values()), "the labels are in it"
    for text in sheets:
        assert "<f>" not in text
        assert "<f " not in text
    targets = "".join(text for name, text in parts.items() if name.endswith(".rels"))
    assert "evil" not in targets


def test_no_cell_of_a_csv_file_begins_a_formula(folder: Path) -> None:
    seen = 0
    for path in folder.rglob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                for cell in row:
                    number = cell.strip().replace(",", "").rstrip(" %")
                    plain = number.lstrip("+-").replace(".", "", 1).isdigit()
                    assert plain or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), path
                    seen += "HYPERLINK" in cell
    assert seen


class Tags(html.parser.HTMLParser):
    """What a page would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (name in ("src", "href") and "evil" in (value or "")):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and "alert(" in data:
            self.found.append("script")


def test_the_page_runs_and_loads_nothing_of_them(folder: Path) -> None:
    text = (folder / "report.html").read_text("utf-8")
    assert "HYPERLINK" in text
    assert Tags(text).found == []
