"""How the demo is shown: stages as they happen on stderr, the headline as text on stdout."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    from blindlink.linker.model.evaluate import Evaluation, Figure
    from blindlink.messages.linkage_report import Estimate
    from blindlink.synthetic.demo.benchmark import BenchmarkResult
    from blindlink.synthetic.demo.score import Headline
    from blindlink.synthetic.demo.stages import Stage
    from blindlink.synthetic.demo.study import DemoResult
    from blindlink.synthetic.housing.demo import HousingResult

COLOURS = {
    "housing": "cyan",
    "employment": "magenta",
    "moj": "cyan",
    "ohid": "magenta",
    "owners": "cyan",
    "linker": "yellow",
    "analyst": "green",
    "checker": "bright_blue",
    "everybody": "blue",
}
INDENT = " " * 8


class Stalls:
    """The audience at the command line: colour and a bar on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        self._live = self._console.is_terminal
        self._bars: Bars | None = None
        self._head = Text()

    def begins(self, number: int, total: int, party: str, title: str) -> Progress:
        """Announce a stage."""
        self._head = Text.assemble(
            (f"[{number:>2}/{total}] ", "dim"), (f"{party} ", COLOURS.get(party, "bold")), title
        )
        if not self._live:
            return silent
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
        )
        self._bars = Bars(*columns, console=self._console, transient=True)
        self._bars.start()
        bars, task = self._bars, self._bars.add_task(self._head.markup, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        return report

    def ends(self, stage: "Stage") -> None:
        """Say what came of it."""
        self._stop()
        time = (f"  {stage.seconds:.1f} s", "dim")
        self._console.print(Text.assemble(self._head, time))
        for line in stage.lines:
            self._console.print(Text(INDENT + line), style="dim")

    def __enter__(self) -> "Stalls":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def study_text(result: "DemoResult") -> str:
    """The headline table, the linkage against the truth, and where the report is."""
    head = ("", "requirements", "observed", "corrected (95 % interval)", "true")
    rows = [head, *map(_row, result.headline)]
    return "\n".join(
        [
            "",
            "Engaged with treatment on or after the sentence date, % of requirements",
            "",
            *_aligned(rows),
            "",
            *_linkage(result.quality, result.expected.precision, result.expected.sensitivity),
            "",
            f"report   {result.page}",
            f"time     {result.seconds:.0f} s",
        ]
    )


def housing_text(result: "HousingResult") -> str:
    """The shares beside the true ones, the linkage against the truth, and where the report is."""
    head = ("", "applications", "observed", "corrected (95 % interval)", "true")
    rows = [
        (
            each.kind,
            f"{each.applications:,}",
            _number(each.observed),
            f"{_number(each.corrected)} ({' to '.join(map(_number, each.interval))})",
            f"{each.true:.1f}",
        )
        for each in result.shares
    ]
    quality = result.quality
    return "\n".join(
        [
            "",
            "Started a job within a year of the application, % of applications followed so long",
            "",
            *_aligned([head, *rows]),
            "",
            *_aligned(
                [
                    ("Linkage", "against the truth"),
                    ("precision", _percent(quality.precision)),
                    ("recall", _percent(quality.recall)),
                ]
            ),
            "",
            f"report   {result.page}",
        ]
    )


def benchmark_text(result: "BenchmarkResult") -> str:
    """The linkage of a benchmark against its truth."""
    left, right = result.records
    expected = result.expected
    return "\n".join(
        [
            "",
            f"Febrl 4: {left:,} and {right:,} records, overlap {result.overlap:.0%}, "
            f"threshold {expected.threshold:.3f} ({expected.threshold_method})",
            "",
            *_linkage(result.quality, expected.precision, expected.recall),
        ]
    )


def _linkage(
    found: "Evaluation", precision: "Estimate | None", recall: "Estimate | None"
) -> list[str]:
    rows = [
        ("Linkage", "against the truth", "expected by the linker"),
        ("precision", _percent(found.precision), _percent(precision)),
        ("recall", _percent(found.recall), _percent(recall)),
        ("F1", _percent(found.f1), ""),
    ]
    return _aligned(rows)


def _row(row: "Headline") -> tuple[str, ...]:
    low, high = row.interval
    interval = f"{_number(row.corrected)} ({_number(low)} to {_number(high)})"
    return (
        row.requirement,
        f"{row.requirements:,}",
        _number(row.observed),
        interval,
        f"{row.true:.1f}",
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns side by side: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "   ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]


def _number(value: float | None) -> str:
    return "[x]" if value is None else f"{value:.1f}"


def _percent(found: "Estimate | Figure | None") -> str:
    if found is None or found.value is None or found.low is None or found.high is None:
        return "[x]"
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"
