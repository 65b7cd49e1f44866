"""The figures of the quality page: coarser than the linkage report, and true."""

import re
from itertools import pairwise

import pytest

from blindlink.messages.linkage_report import Bin, CurvePoint
from blindlink.service.console import charts, quality
from blindlink.service.console.charts import Series
from blindlink.service.console.render import moment, size


def point(threshold: float, links: int, precision: float | None = 0.5) -> CurvePoint:
    return CurvePoint(threshold=threshold, links=links, precision=precision, recall=0.5, f1=0.5)


class TestTheCurve:
    def test_is_read_at_whole_hundredths(self) -> None:
        """A threshold between two scores accepts what the higher one accepts."""
        found = quality.on_grid([point(0.8312, 40), point(0.8155, 55), point(0.8, 70)])
        assert [(each.threshold, each.links) for each in found] == [
            (0.80, 70),
            (0.81, 55),
            (0.82, 40),
            (0.83, 40),
        ]

    def test_has_no_point_where_nothing_is_known(self) -> None:
        assert quality.on_grid([]) == []
        assert quality.on_grid([point(0.8, 5, None)]) == []
        assert quality.on_grid([point(0.8001, 5)]) == []

    def test_never_rises(self) -> None:
        curve = [point(0.5 + 0.00137 * step, 1000 - step) for step in range(300)]
        found = quality.on_grid(curve)
        assert all(one.links > other.links for one, other in pairwise(found))
        assert len(found) == 41


class TestBins:
    def test_are_joined_and_lose_nothing(self) -> None:
        bins = [
            Bin(low=step / 60, high=(step + 1) / 60, observed=step, matches=1.0, non_matches=0.5)
            for step in range(60)
        ]
        found = quality.join(bins)
        assert len(found) == 12
        assert sum(each.observed for each in found) == sum(range(60))
        assert (found[0].low, found[-1].high) == (0.0, 1.0)
        assert all(one.high == other.low for one, other in pairwise(found))
        assert quality.join([Bin(low=0, high=1, observed=3)]) == []

    def test_do_not_tell_small_counts_apart(self) -> None:
        assert [quality.few(number) for number in (0, 0.4, 1, 9, 10, 1234)] == [
            "0",
            *["fewer than 10"] * 3,
            "10",
            "1,234",
        ]
        pictures = {
            str(
                quality._bars_chart(
                    [quality.Bar(0.5, 0.6, 500, 400, 90), quality.Bar(0.6, 0.7, count, 0, 0)], 0.5
                )
            )
            for count in (1, 5, 9)
        }
        assert len(pictures) == 1


class TestCharts:
    def test_draw_what_they_are_told(self) -> None:
        series = [Series("a<b", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])]
        text = str(charts.lines('A "title"', "x & y", series, mark=0.5))
        path = re.search(r'points="([^"]+)"', text)
        assert path is not None
        assert path[1] == "84.0,252.0 354.0,144.0 624.0,36.0"
        assert "a&lt;b" in text
        assert "x &amp; y" in text
        assert 'aria-label="A &#34;title&#34;"' in text
        assert "threshold 0.50" in text
        assert "style=" not in text

    def test_are_logarithmic_for_counts(self) -> None:
        series = [Series("pairs", [(0.0, 1000.0), (0.5, 10.0), (1.0, 0.0)])]
        text = str(charts.bars("t", "x", 0.5, series, mark=2.0))
        tops = [float(y) for y in re.findall(r'<rect x="[0-9.]+" y="([0-9.]+)" w', text)][:3]
        base, top = charts.HEIGHT - charts.BOTTOM, charts.TOP
        assert tops[0] == pytest.approx(base - (base - top) * 3 / 4, abs=0.06)
        assert tops[1] == pytest.approx(base - (base - top) * 1 / 4, abs=0.06)
        assert tops[2] == base
        assert "threshold" not in text


def test_bytes_and_moments_read_well() -> None:
    assert [size(number) for number in (0, 1023, 1024, 5 * 2**20, 3 * 2**40)] == [
        "0 bytes",
        "1023 bytes",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 TiB",
    ]
    assert moment(0) == "1 January 1970, 00:00 UTC"
    assert moment(None) == ""
