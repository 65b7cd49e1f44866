"""The disclosure-risk report in a real browser, red and with every kind of line."""

import os
from pathlib import Path

import pytest
from test_report_page import ask

from blindlink.owner.risk import Metric, RiskReport
from blindlink.owner.risk.page import page as as_html
from machine import lacking

LINES = [
    Metric("naive Bayes", f"filter 1, sex, {known} known", 0.4, light, "1.000 against 0.500", "Why")
    for known, light in (("500", "red"), ("4,000", "amber"), ("all", "green"))
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("risk") / "risk.html"
    short = Metric("empty fields", "", 0.0, "none", "none", "What is missing shows")
    path.write_text(as_html(RiskReport(6000, 6000, "ab" * 32, (short, *LINES))))
    return path


def test_headings_tables_and_lights_can_be_read_aloud(
    chromium: str, tmp_path: Path, page: Path
) -> None:
    script = """result = {
        h1: document.querySelectorAll('h1').length,
        captions: [...document.querySelectorAll('table')].every(table => table.caption),
        scopes: [...document.querySelectorAll('th')].every(cell => cell.scope),
        words: [...document.querySelectorAll('.light')].every(each => each.textContent.trim()),
        language: document.documentElement.lang,
        wide: document.documentElement.scrollWidth > window.innerWidth }"""
    expected = {"h1": 1, "captions": True, "scopes": True, "words": True, "language": "en"}
    assert ask(chromium, tmp_path, page, script, width=500) == expected | {"wide": False}


def test_axe_finds_nothing(chromium: str, tmp_path: Path, page: Path) -> None:
    path = os.environ.get("BLINDLINK_AXE")
    if not path:
        lacking("needs axe-core: npm install axe-core, then BLINDLINK_AXE=.../axe.min.js")
    script = """
        const found = await axe.run(document, { resultTypes: ['violations'] });
        result = found.violations.map(
            each => [each.id, each.impact, each.nodes.slice(0, 5).map(node => node.html)])"""
    source = Path(path).read_text(encoding="utf-8")
    assert ask(chromium, tmp_path, page, script, before=source) == []
