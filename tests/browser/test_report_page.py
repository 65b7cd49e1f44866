"""The report in a real browser: Chromium, headless, without a network.

The accessibility rules of axe-core run when ``BLINDLINK_AXE`` names its ``axe.min.js`` (of the npm
package axe-core, which is not part of this repository).
"""

import datetime as dt
import html
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from blindlink.analyst.disclosure.policy import Policy
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from chrome import QUIET
from machine import lacking
from sample_tables import study

RESULT = re.compile(r'<script id="result" type="application/json">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "out"
    settings = Settings(title="Pathways (synthetic data)", contact="statistics@example.org")
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    publish(study(), folder, settings=settings, policy=Policy(), seed=1, now=now)
    return folder / "report.html"


def browse(chromium, tmp_path, *arguments):
    command = [chromium, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def ask(chromium, tmp_path, page, script, *, width=1280, before=""):
    """What ``script`` puts into ``result`` on the page, with our own script allowed there."""
    text = page.read_text()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    probe = (
        '<script id="result" type="application/json"></script>'
        f"<script>{before}</script><script>(async () => {{ let result; {script}; "
        "document.getElementById('result').textContent = JSON.stringify(result); })()</script>"
    )
    path = tmp_path / "probe.html"
    path.write_text(text.replace("</body>", probe + "</body>"))
    window = f"--window-size={width},2000"
    dom = browse(
        chromium, tmp_path, window, "--virtual-time-budget=60000", "--dump-dom", path.as_uri()
    )
    found = RESULT.search(dom)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_the_page_has_one_heading_and_its_landmarks(chromium, tmp_path, page):
    script = """result = {
        h1: document.querySelectorAll('h1').length,
        landmarks: ['header', 'nav', 'main', 'footer'].map(
            name => document.querySelectorAll(name).length),
        captions: [...document.querySelectorAll('table')].every(table => table.caption),
        scopes: [...document.querySelectorAll('th')].every(cell => cell.scope),
        language: document.documentElement.lang }"""
    found = ask(chromium, tmp_path, page, script)
    assert found == {
        "h1": 1,
        "landmarks": [1, 1, 1, 1],
        "captions": True,
        "scopes": True,
        "language": "en-GB",
    }


def test_the_skip_link_comes_first_and_focus_can_be_seen(chromium, tmp_path, page):
    script = """
        const all = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')];
        all[0].focus();
        const box = all[0].getBoundingClientRect();
        result = { first: all[0].textContent, left: box.left, ring: all.slice(0, 12).map(each => {
            each.focus(); const style = getComputedStyle(each);
            return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; }) }"""
    found = ask(chromium, tmp_path, page, script)
    assert found["first"] == "Skip to main content"
    assert found["left"] == 0
    assert all(found["ring"])


@pytest.mark.parametrize("width", [500, 1280])
def test_nothing_is_wider_than_the_window(chromium, tmp_path, page, width):
    script = "result = [document.documentElement.scrollWidth, window.innerWidth]"
    inside, window = ask(chromium, tmp_path, page, script, width=width)
    assert inside <= window


def test_it_prints_with_every_table(chromium, tmp_path, page):
    out = tmp_path / "report.pdf"
    browse(chromium, tmp_path, f"--print-to-pdf={out}", "--no-pdf-header-footer", page.as_uri())
    data = out.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 6


def test_axe_finds_nothing(chromium, tmp_path, page):
    path = os.environ.get("BLINDLINK_AXE")
    if not path:
        lacking("needs axe-core: npm install axe-core, then BLINDLINK_AXE=.../axe.min.js")
    script = """
        document.querySelectorAll('details').forEach(each => { each.open = true; });
        const found = await axe.run(document, { resultTypes: ['violations'] });
        result = found.violations.map(
            each => [each.id, each.impact, each.nodes.slice(0, 5).map(node => node.html)])"""
    source = Path(path).read_text(encoding="utf-8")
    assert ask(chromium, tmp_path, page, script, before=source) == []
