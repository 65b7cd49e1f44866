"""The report's folder: what is in it, that it is whole or not there, and the same again."""

import csv
import datetime as dt
import html
import html.parser
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from blindlink.analyst.disclosure.differencing import load_earlier
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.publish.writing import agreed_policy
from blindlink.errors import DisclosureError, FormatError, InputError, OutputError, RefusedError
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from worlds.sample_tables import engagement, model, split, study

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def make(
    folder: Path, tables: list[Table] | None = None, policy: Policy | None = None, **more: Any
) -> Any:
    return publish(
        study() if tables is None else tables,
        folder,
        settings=Settings(contact="statistics@example.org"),
        policy=policy or Policy(),
        seed=1,
        now=NOW,
        **more,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out"
    make(path)
    return path


class Page(html.parser.HTMLParser):
    """What the tests ask of a page: ids, links, headings and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str | None] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found.get("href") or "")
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        if "src" in found or tag in {"link", "img", "iframe", "object", "embed", "base"}:
            self.loads.append(tag)


def test_the_folder_holds_everything(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "report.html",
        "report.xlsx",
        "tables",
        "run.json",
        "audit.json",
    }
    names = {path.stem for path in (folder / "tables").iterdir()}
    assert names == {table.id for table in study()} | {"data-dictionary"}


def test_the_page_stands_alone(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert page.loads == []
    assert re.search(r"default-src 'none'", text)
    assert all(link.startswith(("#", "data:text/csv")) for link in page.links)
    assert "unsafe" not in re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"url\((?!#)", own)
    assert not re.search(r"\sstyle=", own)


def test_ids_are_unique_links_lead_somewhere_and_headings_are_in_order(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert page.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_every_figure_has_a_name_and_a_description(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    figures = re.findall(r'<svg [^>]*aria-labelledby="([^"]+)" aria-describedby="([^"]+)"', text)
    assert len(figures) >= 7
    ids = set(Page(text).ids)
    assert all({name, alt} <= ids for name, alt in figures)


def test_the_main_points_are_in_the_page_with_the_released_figures(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "38.9% of 4,400 alcohol treatment requirements" in text
    assert "shares from 30.0 to 66.0% cannot be ruled out" in text
    for question in (
        "whole cohort or a subset",
        "three weeks",
        "successful completion",
        "good enough",
    ):
        assert question in text


def test_a_table_that_the_analysis_did_not_make_is_named_as_missing(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "Deaths per person-year: no figures are available. This analysis did not make" in text


def test_an_analysis_without_any_table_still_gives_a_report(tmp_path: Path) -> None:
    result = make(tmp_path / "out", tables=[])
    assert "No headline figure can be published." in result.page.read_text()
    assert not (tmp_path / "out" / "report.xlsx").exists()


def test_withheld_counts_are_in_no_file(tmp_path: Path) -> None:
    secret = 4
    result = make(tmp_path / "out", tables=[split("t", {"a": secret, "b": 20, "c": 500})])
    rows = list(csv.DictReader((tmp_path / "out/tables/t.csv").open()))
    assert [row["people"] for row in rows] == ["[c]", "[c]", "500", "524"]
    book = openpyxl.load_workbook(tmp_path / "out/report.xlsx")
    (sheet,) = (sheet for sheet in book if sheet.title.startswith("Table_"))
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert secret not in cells
    assert 20 not in cells
    assert f'<td class="n">{secret}</td>' not in result.page.read_text()


def test_the_workbook_is_accessible(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "report.xlsx")
    assert book.sheetnames[:3] == ["Cover", "Contents", "Notes"] or book.sheetnames[:2] == [
        "Cover",
        "Contents",
    ]
    for name in (name for name in book.sheetnames if name.startswith("Table_")):
        assert len(book[name].tables) == 1
        assert book[name]["A1"].value.startswith("Table ")
        assert book[name].merged_cells.ranges == set()
    counts = [sheet["C5"].value for sheet in book if str(sheet["A4"].value) == "Stage"]
    assert any(isinstance(value, int) for value in counts)


def test_page_and_workbook_number_the_tables_alike(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    book = openpyxl.load_workbook(folder / "report.xlsx")
    headings = [sheet["A1"].value for sheet in book if sheet.title.startswith("Table_")]
    assert len(headings) > 5
    for heading in headings:
        text = html.escape(re.sub(r"( \[note \d+\])+$", "", heading).strip(), quote=False)
        assert f">{text}</caption>" in page


def test_files_are_the_same_bytes_again(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "again")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            again = tmp_path / "again" / path.relative_to(folder)
            assert again.read_bytes() == path.read_bytes(), path.name


def test_no_member_of_the_workbook_has_a_date_of_today(folder: Path) -> None:
    with zipfile.ZipFile(folder / "report.xlsx") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_data_dictionary_describes_every_column(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "tables/data-dictionary.csv").open()))
    described = {(row["table"], row["column"]) for row in rows}
    for path in (folder / "tables").glob("*.csv"):
        if path.stem != "data-dictionary":
            header = path.read_text().splitlines()[0].split(",")
            assert {(path.stem, name) for name in header} <= described


def test_run_and_audit_records(folder: Path) -> None:
    run = json.loads((folder / "run.json").read_text())
    audit = json.loads((folder / "audit.json").read_text())
    assert run["seed"] == 1
    assert run["created"] == "2026-01-02T03:04:05+00:00"
    assert run["disclosure_policy_digest"] == Policy().digest() == audit["policy_digest"]
    assert "report.html" in run["outputs"]
    assert "tables/flow.csv" in audit["outputs"]
    assert run["settings"]["definitions"]["gap_days"] == 21
    assert {table["id"] for table in audit["tables"]} == {table.id for table in study()}
    assert audit["exposed"] == 0


def test_an_existing_report_is_replaced_only_when_forced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, tables=[engagement()])
    with pytest.raises(OutputError, match="exists already"):
        make(out, tables=[])
    assert (out / "report.xlsx").exists()
    make(out, tables=[], force=True)
    assert not (out / "report.xlsx").exists()


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="other files"):
        make(out, tables=[], force=True)
    assert (out / "thesis.txt").read_text() == "years of work"


def test_a_blocked_release_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DisclosureError):
        make(tmp_path / "out", tables=[engagement(), engagement()])
    assert list(tmp_path.iterdir()) == []


def test_the_agreed_policy_applies_and_only_a_stricter_one_may_replace_it() -> None:
    agreed = Policy(threshold=10).document()
    assert agreed_policy(agreed, None) == Policy(threshold=10)
    assert agreed_policy(agreed, Policy(threshold=20)).threshold == 20
    with pytest.raises(RefusedError, match="threshold"):
        agreed_policy(agreed, Policy())
    assert agreed_policy({}, None) == Policy()
    with pytest.raises(FormatError, match="the cohort's disclosure policy: threshold"):
        agreed_policy({"threshold": 0}, None)


def test_an_earlier_report_guards_the_next_one(tmp_path: Path) -> None:
    make(tmp_path / "first", tables=[split("t", {"a": 40, "b": 60, "c": 90})])
    earlier = load_earlier(tmp_path / "first")
    second = make(
        tmp_path / "second", tables=[split("t", {"a": 41, "b": 60, "c": 90})], earlier=[earlier]
    )
    assert second.table("t").printed()["people"].tolist()[0] == "[c]"
    assert second.audit.counts["differs little from an earlier release"] == 2
    with pytest.raises(InputError, match="no tables"):
        load_earlier(tmp_path)


def test_a_model_shows_its_references_and_withheld_levels(tmp_path: Path) -> None:
    result = make(tmp_path / "out", tables=[model()])
    table = result.table("access_atr")
    assert table.printed()["odds_ratio"].tolist() == ["0.90", "1.00", "0.80", "1.00", "[c]", "[c]"]
    assert table.printed()["odds_ratio_low"].tolist()[1] == "[z]"
