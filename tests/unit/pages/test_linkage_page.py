"""The linkage quality report as a page: complete, self-contained, and well-formed."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from blindlink.linker.model.link import link
from blindlink.messages.linkage_report import Estimate, Level, LinkageReport
from blindlink.messages.plan import Plan
from blindlink.pages.linkage.page import Measured, page
from worlds.linked_files import linked_files

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Collects texts and checks that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def report() -> LinkageReport:
    files = linked_files(500, 700, 250)
    return link(files.left, files.right, Plan()).report


def read(report: LinkageReport) -> tuple[str, list[str]]:
    html = page(report)
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return html, reader.texts


def test_the_page_shows_what_the_report_says(report: LinkageReport) -> None:
    html, texts = read(report)
    assert report.precision is not None
    assert f"{report.precision.value:.4f}" in texts
    assert f"threshold {report.threshold:.3f}" in texts
    assert html.count('<figure class="chart"') == 2
    assert html.count("<svg xmlns") == 2 * 2  # each laid out for a page and for a telephone
    assert "non-matches expected" in texts
    assert "for the best expected F1" in html


def test_the_page_needs_nothing_from_outside(report: LinkageReport) -> None:
    html, _ = read(report)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"]+", own)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\s(src|href)=\"(?!#|data:text/csv)", own)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert len(scripts) == 2


def test_without_a_model_nothing_is_claimed() -> None:
    files = linked_files(100, 100, 50)
    fixed = link(files.left, files.right, Plan(threshold="0.8")).report
    html, texts = read(fixed)
    assert "precision and recall are not known" in html
    assert "<svg" not in html
    assert "<script" not in html
    assert "was fixed by the plan" in html
    assert "not known" in texts


def test_warnings_and_levels_are_shown_as_text(report: LinkageReport) -> None:
    level = Level(filter=1, low=0.5, high=0.7, m=0.2, u=0.001, weight=7.6)
    changed = report.model_copy(
        update={"warnings": ("a <b> & c",), "levels": (level,), "target": "precision:0.95"}
    )
    html, texts = read(changed)
    assert "a <b> & c" in "".join(texts)
    assert "+7.6" in texts
    assert "for an expected precision of at least 0.95" in html


def test_control_records_stand_beside_the_model(report: LinkageReport) -> None:
    assert report.false_link_rate is not None
    model = report.false_link_rate

    def shown(low: float, high: float) -> str:
        rate = Estimate(value=(low + high) / 2, low=low, high=high)
        return page(report, [Measured("moj", 200, 7, rate, 12, 3.5)], ("moj", "ohid"))

    assert "7 of 200" in shown(model.low, model.high)
    assert "which agrees with the control records of moj" in shown(model.low, model.high)
    assert "less than the control records of moj show" in shown(model.high + 0.1, 0.9)
    assert "Control records" not in page(report)
