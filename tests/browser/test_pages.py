"""Every page that stands alone, in a real browser without a network: wide and as on a telephone.

The accessibility rules of axe-core run where it is: see ``needs``.
"""

import datetime as dt
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from blindlink.analyst.disclosure.policy import Policy
from blindlink.linker.model.link import link
from blindlink.messages.linkage_report import Level, Pattern
from blindlink.messages.plan import Plan
from blindlink.owner.risk import Metric, RiskReport
from blindlink.owner.risk.page import page as risk_page
from blindlink.owner.tables.findings import Findings
from blindlink.pages.linkage.page import page as linkage_page
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import publish
from chrome import QUIET, Chrome
from worlds.linked_files import linked_files
from worlds.sample_tables import study

pytestmark = pytest.mark.needs("chromium")

NAMES = ("study", "linkage", "risk", "quality")
CHARTS = {"study": 8, "linkage": 4, "risk": 0, "quality": 0}
WIDTHS = (400, 1200)

WATCH = """window.wrong = [];
addEventListener('securitypolicyviolation', one => wrong.push(one.violatedDirective));
addEventListener('error', one => wrong.push(one.message));
addEventListener('unhandledrejection', one => wrong.push(String(one.reason)));"""

SHAPE = """(() => ({
    h1: document.querySelectorAll('h1').length,
    landmarks: ['header', 'nav', 'main', 'footer'].map(
        name => document.querySelectorAll(name).length),
    captions: [...document.querySelectorAll('table')].every(one => one.caption),
    scopes: [...document.querySelectorAll('th')].every(one => one.scope),
    lights: [...document.querySelectorAll('.light')].every(one => one.textContent.trim()),
    language: document.documentElement.lang,
    wide: document.documentElement.scrollWidth > innerWidth }))()"""

# Words of a visible picture that stand outside it, or outside the window.
CUT = """(() => { const cut = [];
    for (const svg of document.querySelectorAll('figure svg')) {
        const frame = svg.getBoundingClientRect();
        if (!frame.width) continue;
        for (const text of svg.querySelectorAll('text')) {
            const box = text.getBoundingClientRect();
            if (!box.width) continue;
            const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1
                && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1
                && box.left >= 0 && box.right <= innerWidth;
            if (!inside) cut.push(svg.closest('figure').id + ': ' + text.textContent);
        }
    }
    return cut; })()"""

# Words of a visible picture that stand on other words.
CROSSED = """(() => { const crossed = [];
    for (const svg of document.querySelectorAll('figure svg')) {
        const boxes = [...svg.querySelectorAll('text')].map(
            one => [one.textContent, one.getBoundingClientRect()]).filter(one => one[1].width);
        boxes.forEach(([a, one], place) => boxes.slice(place + 1).forEach(([b, other]) => {
            const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
            const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
            if (wide > 2 && high > 4) crossed.push(svg.closest('figure').id + ': ' + a + ' / ' + b);
        }));
    }
    return crossed; })()"""


def _study(folder: Path) -> str:
    settings = Settings(title="Pathways (synthetic data)", contact="statistics@example.org")
    now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    made = publish(study(), folder, settings=settings, policy=Policy(), seed=1, now=now)
    return made.page.read_text("utf-8")


def _linkage() -> str:
    """A report of one filter with the levels and patterns that one of several filters has."""
    files = linked_files(500, 700, 250)
    report = link(files.left, files.right, Plan()).report
    levels = tuple(
        Level(filter=number, low=low, high=low + 0.2, m=0.4, u=0.0004, weight=weight)
        for number in (1, 2)
        for low, weight in ((0.3, -2.1), (0.7, 8.4))
    )
    patterns = tuple(
        Pattern(levels=ranks, pairs=12_345, weight=weight, probability=0.5)
        for ranks, weight in (((2, 2), 16.8), ((2, 1), 6.3))
    )
    changed = {"levels": levels, "patterns": patterns, "warnings": ("few records",)}
    return linkage_page(report.model_copy(update=changed))


def _risk() -> str:
    lights = (("500", "red", 0.4), ("4,000", "amber", 0.2), ("all", "green", 0.0))
    lines = [
        Metric("naive Bayes", f"sex, {known} known", gain, light, f"{gain} by guessing", "Why")
        for known, light, gain in lights
    ]
    short = Metric("empty fields", "", 0.0, "none", "none", "What is missing shows")
    return risk_page(RiskReport(6000, 6000, "ab" * 32, (short, *lines)))


def _quality() -> str:
    findings = Findings("nDelius", {"OFFENDER": 4000}, {"identities": 3990})
    findings.add("OFFENDER", "DATE_OF_BIRTH", "no date", np.arange(4000) < 12, "set to missing")
    findings.missing("OFFENDER", "POSTCODE", np.arange(4000) < 812)
    return findings.to_html()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "study": partial(_study, folder / "report"),
        "linkage": _linkage,
        "risk": _risk,
        "quality": _quality,
    }
    for name in NAMES:
        (folder / f"{name}.html").write_text(made[name](), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in NAMES}


@contextmanager
def opened(
    chromium: str, folder: Path, page: Path, width: int, *, script: bool = True
) -> Iterator[Chrome]:
    """The page as a reader has it who has scrolled through all of it."""
    with Chrome.started(chromium, folder, width=width, script=script) as chrome:
        chrome.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        chrome.open(page.as_uri())
        if script:
            for place in range(chrome.ask("document.querySelectorAll('figure.chart').length")):
                figure = f"document.querySelectorAll('figure.chart')[{place}]"
                chrome.ask(f"{figure}.scrollIntoView()")
                chrome.wait(f"'live' in {figure}.dataset")
            chrome.ask("scrollTo(0, 0)")
        else:  # the page ran without; the test may ask
            chrome.call("Emulation.setScriptExecutionDisabled", value=False)
        yield chrome


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
class TestEveryPage:
    def test_is_sound_keeps_its_policy_and_cuts_no_word(
        self, chromium: str, tmp_path: Path, pages: dict[str, Path], name: str, width: int
    ) -> None:
        with opened(chromium, tmp_path, pages[name], width) as chrome:
            assert chrome.ask(SHAPE) == {
                "h1": 1,
                "landmarks": [1, 1, 1, 1],
                "captions": True,
                "scopes": True,
                "lights": True,
                "language": "en-GB",
                "wide": False,
            }
            assert chrome.ask("wrong") == []
            assert chrome.ask("document.querySelectorAll('[data-live]').length") == CHARTS[name]
            assert chrome.ask(CUT) == []
            assert chrome.ask(CROSSED) == []

    @pytest.mark.needs("axe")
    def test_passes_axe(
        self,
        chromium: str,
        axe: str,
        tmp_path: Path,
        pages: dict[str, Path],
        name: str,
        width: int,
    ) -> None:
        with opened(chromium, tmp_path, pages[name], width) as chrome:
            chrome.ask("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            chrome.ask(f"{axe}; true")
            found = chrome.ask(
                """axe.run(document, { resultTypes: ['violations'] }).then(found =>
                found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(n => n.html)]))"""
            )
            assert found == []

    def test_shows_still_pictures_without_javascript(
        self, chromium: str, tmp_path: Path, pages: dict[str, Path], name: str, width: int
    ) -> None:
        with opened(chromium, tmp_path, pages[name], width, script=False) as chrome:
            shown = """[...document.querySelectorAll('figure.chart svg')].filter(
                one => one.getBoundingClientRect().width > 0).length"""
            assert chrome.ask(shown) == CHARTS[name]
            assert chrome.ask(CUT) == []
            assert chrome.ask(CROSSED) == []
            assert chrome.ask("[...document.querySelectorAll('.control')].every(one => one.hidden)")


def test_the_measures_of_words_see_what_is_wrong(chromium: str, tmp_path: Path) -> None:
    svg = (
        '<svg width="100" height="20"><text x="70" y="15">far too long</text>'
        '<text x="5" y="15">one</text><text x="9" y="15">other</text></svg>'
    )
    path = tmp_path / "cut.html"
    path.write_text(f"<!doctype html><figure id='f'>{svg}</figure>")
    with Chrome.started(chromium, tmp_path) as chrome:
        chrome.open(path.as_uri())
        assert chrome.ask(CUT) == ["f: far too long"]
        assert chrome.ask(CROSSED) == ["f: one / other"]


class TestByKeyboardAndPointer:
    def test_the_way_past_the_header_comes_first_and_focus_can_be_seen(
        self, chromium: str, tmp_path: Path, pages: dict[str, Path]
    ) -> None:
        ring = """(() => { const style = getComputedStyle(document.activeElement);
            return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()"""
        with opened(chromium, tmp_path, pages["study"], 1200) as chrome:
            chrome.press("Tab")
            assert chrome.focused() == "Skip to main content"
            assert chrome.ask("document.activeElement.getBoundingClientRect().left") == 0
            for _ in range(40):
                assert chrome.ask(ring), chrome.focused()
                chrome.press("Tab")

    def test_one_series_can_be_chosen(
        self, chromium: str, tmp_path: Path, pages: dict[str, Path]
    ) -> None:
        faint = """[...document.querySelectorAll('#headline .live path')].filter(
            one => Number(one.getAttribute('opacity') ?? 1) < .2).length"""
        with opened(chromium, tmp_path, pages["study"], 1200) as chrome:
            assert chrome.ask(faint) == 0
            chrome.focus("Show")
            assert chrome.ask("document.activeElement.id") == "headline-show"
            chrome.ask(
                """(() => { const one = document.activeElement; one.value = 'corrected';
                one.dispatchEvent(new Event('change')); })()"""
            )
            chrome.wait(f"{faint} >= 3")

    def test_a_mark_says_what_it_is(
        self, chromium: str, tmp_path: Path, pages: dict[str, Path]
    ) -> None:
        with opened(chromium, tmp_path, pages["study"], 1200) as chrome:
            chrome.ask("document.getElementById('headline').scrollIntoView()")
            x, y = chrome.ask(
                """(() => { const box = [...document.querySelectorAll(
                '#headline .live .mark-symbol.role-mark path')][1].getBoundingClientRect();
                return [box.left + box.width / 2, box.top + box.height / 2]; })()"""
            )
            for step in (3, 0):
                chrome.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + step, y=y)
            tip = "document.querySelector('#vg-tooltip-element.visible')"
            chrome.wait(f"{tip} !== null")
            assert re.match(r".*\d\.\d%", chrome.ask(f"{tip}.textContent"))


def test_data_of_a_chart_can_be_taken_along(
    chromium: str, tmp_path: Path, pages: dict[str, Path]
) -> None:
    """The link needs no script and no request."""
    with opened(chromium, tmp_path, pages["study"], 1200, script=False) as chrome:
        chrome.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        chrome.ask("document.querySelector('#headline .data a').click()")
        wanted = tmp_path / "headline.csv"
        for _ in range(100):
            if wanted.exists() and wanted.stat().st_size:
                break
            chrome.ask("new Promise(done => setTimeout(done, 50))")
        first, *rest = wanted.read_text("utf-8").splitlines()
    assert first == "heading,group,series,value,low,high"
    assert len(rest) == 9


def test_on_paper_there_are_still_pictures_and_every_table(
    chromium: str, tmp_path: Path, pages: dict[str, Path]
) -> None:
    with opened(chromium, tmp_path, pages["study"], 680) as chrome:
        chrome.call("Emulation.setEmulatedMedia", media="print")
        shown = chrome.ask(
            """[...document.querySelectorAll('figure.chart svg')].filter(
            one => one.getBoundingClientRect().width > 0).map(one => one.getAttribute('class'))"""
        )
        assert shown == ["wide-picture"] * CHARTS["study"]
    out = tmp_path / "report.pdf"
    command = [chromium, *QUIET, f"--user-data-dir={tmp_path / 'print'}", "--no-pdf-header-footer"]
    subprocess.run(
        [*command, f"--print-to-pdf={out}", pages["study"].as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    data = out.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 6
