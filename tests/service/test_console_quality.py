"""The figures of the quality page: coarser than the linkage report, and true."""

from itertools import pairwise

from blindlink.messages.linkage_report import Bin, CurvePoint
from blindlink.service.console import quality
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
        bars = [quality.Bar(0.5, 0.6, 500, 400, 90), quality.Bar(0.6, 0.7, 3, 0, 0)]
        lengths = [quality.length(number, bars) for number in (0, 0.4, 1, 9, 10, 11, 500)]
        assert lengths[0] == 0
        assert len(set(lengths[1:5])) == 1
        assert lengths[4] < lengths[5] < lengths[6] == 1


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
