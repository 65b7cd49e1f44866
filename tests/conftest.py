"""What all tests share: fixed Hypothesis settings, and the needs of tests (see ``needs``)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import needs

HERE = Path(__file__).parent

settings.register_profile(
    "blindlink",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("blindlink")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needs.demand(needs.asked(item))


class Hidden:
    """While a test is made ready and runs, it sees the needs that it asks for and no other."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        with needs.only(needs.asked(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        with needs.only(needs.asked(item)):
            return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``BLINDLINK_ONLY`` leaves the tests of one need: for ``hidden_needs``."""
    only = os.environ.get("BLINDLINK_ONLY")
    if only:
        others = [item for item in items if only not in needs.asked(item)]
        items[:] = [item for item in items if only in needs.asked(item)]
        config.hook.pytest_deselected(items=others)


class Slow:
    """Marks what ``slow.txt`` lists as slow, and measures what belongs there.

    ``BLINDLINK_SECONDS`` names a file for the processor seconds of setting up and running each
    test, with those of its children: ``make slow`` makes the list of it.
    """

    def __init__(self) -> None:
        self.listed = set((HERE / "slow.txt").read_text(encoding="utf-8").splitlines())
        self.file = os.environ.get("BLINDLINK_SECONDS")

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        name = item.nodeid.partition("[")[0]
        if name in self.listed or name.partition("::")[0] in self.listed:
            item.add_marker(pytest.mark.slow)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        yield from self._measured("setup", item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        yield from self._measured("call", item)

    def _measured(self, phase: str, item: pytest.Item) -> Iterator[None]:
        before = sum(os.times()[:4])
        try:
            yield
        finally:
            if self.file:
                with Path(self.file).open("a", encoding="utf-8") as out:
                    out.write(f"{sum(os.times()[:4]) - before:.3f}\t{phase}\t{item.nodeid}\n")


class Skipped:
    """Writes which tests were skipped to the file that ``BLINDLINK_SKIPPED`` names.

    ``pytest @file`` runs them again, once what they need is there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.names.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        with self.file.open("a", encoding="utf-8") as lines:
            lines.writelines(f"{name}\n" for name in sorted(self.names))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Hidden())
    config.pluginmanager.register(Slow())
    file = os.environ.get("BLINDLINK_SKIPPED")
    if file and not hasattr(config, "workerinput"):  # the process that hears of all workers
        config.pluginmanager.register(Skipped(Path(file)))


@pytest.fixture(autouse=True)
def control_c() -> Iterator[None]:
    """Control-C interrupts as on a terminal: the processes of xdist would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def chromium() -> str:
    """The path of headless Chromium; for tests that ask for ``needs("chromium")``."""
    return needs.program("chromium")


@pytest.fixture
def nginx() -> str:
    """The path of nginx; for tests that ask for ``needs("nginx")``."""
    return needs.program("nginx")


@pytest.fixture
def axe() -> str:
    """The script of axe-core; for tests that ask for ``needs("axe")``."""
    assert os.environ.get("BLINDLINK_AXE"), "the test does not ask for axe: see tests/needs.py"
    return Path(os.environ["BLINDLINK_AXE"]).read_text(encoding="utf-8")
