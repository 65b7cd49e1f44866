"""The self-check passes here, and notices what it is there to notice."""

from typing import Any

import numpy as np
import pytest

from blindlink import selfcheck
from blindlink.errors import MissingExtraError, SelfCheckError
from blindlink.linker.join import engines
from blindlink.linker.join.pairs import Pairs
from blindlink.selfcheck import Result


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return selfcheck.run()


def test_every_check_passes_here(results: list[Result]) -> None:
    assert [result.name for result in results if result.state == "failed"] == []
    selfcheck.demand(results)


def test_one_line_each_as_it_ends(results: list[Result]) -> None:
    heard: list[Result] = []
    assert selfcheck.run(heard.append) == heard
    assert [result.line() for result in heard] == [result.line() for result in results]
    assert heard[0].line() == "ok      encodings have the published digest: 120 records"


def test_a_wrong_engine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sliced = engines.load("sliced")
    right = sliced.pairs

    def wrong(*arguments: Any, **options: Any) -> Pairs:
        found = right(*arguments, **options)
        return Pairs(found.left, found.right, np.nextafter(found.score, 2))

    monkeypatch.setattr(sliced, "pairs", wrong)
    results = selfcheck.run()
    failed = [result for result in results if result.state == "failed"]
    assert [result.name for result in failed] == ["engine sliced equals the reference"]
    assert failed[0].detail == "pairs differ"
    with pytest.raises(SelfCheckError, match=r"1 of \d+ checks failed: engine sliced"):
        selfcheck.demand(results)


def test_a_fault_is_reported_by_its_type_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise ValueError("a value that must not show")

    monkeypatch.setattr(selfcheck, "_checks", lambda: [("broken", broken)])
    assert selfcheck.run() == [Result("broken", "failed", "ValueError")]


def test_what_is_not_installed_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise MissingExtraError("clkhash", "owner")

    monkeypatch.setattr(selfcheck, "_checks", lambda: [("missing", missing)])
    results = selfcheck.run()
    assert results[0].line() == "skipped missing: clkhash is not installed"
    selfcheck.demand(results)
