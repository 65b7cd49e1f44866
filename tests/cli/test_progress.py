"""What the bar of long work says."""

import pytest
from rich.progress import Progress

from blindlink.cli.common import PAUSE, _Done, _Rate, lines_now_and_then


@pytest.mark.parametrize(
    ("unit", "done", "rate"),
    [
        ("records", "1,500 of 6,000 records", "750 records/s"),
        ("bytes", "1.5 kB of 6.0 kB", "750 bytes/s"),
        ("", "25 %", ""),
    ],
)
def test_a_quarter_done_in_two_seconds(unit: str, done: str, rate: str) -> None:
    now = 100.0
    bars = Progress(get_time=lambda: now, disable=True)
    number = bars.add_task("work", total=6000, unit=unit)
    now += 2
    bars.update(number, completed=1500)
    (task,) = bars.tasks
    assert _Done().render(task).plain == done
    assert _Rate().render(task).plain == rate


def test_nothing_is_said_before_the_size_is_known() -> None:
    bars = Progress(disable=True)
    bars.add_task("work", total=None, unit="records")
    assert _Done().render(bars.tasks[0]).plain == ""
    assert _Rate().render(bars.tasks[0]).plain == ""


def test_without_a_terminal_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    report = lines_now_and_then("Sealing", "records", clock=lambda: now[0])
    for second in range(31):
        now[0] = second * PAUSE / 10
        report(second * 100, 4000)
    assert capsys.readouterr().err.splitlines() == [
        "Sealing: 25 %, 1,000 records",
        "Sealing: 50 %, 2,000 records",
        "Sealing: 75 %, 3,000 records",
    ]
