"""Waivers: who accepts which red metrics. Everything else stays refused."""

import datetime as dt
import json
from pathlib import Path

import pytest

from blindlink.errors import InputError, RiskError
from blindlink.owner.risk import Metric, RiskReport, read_waiver
from blindlink.owner.risk.page import page
from blindlink.owner.risk.waiver import Waiver, accepted

DAY = dt.date(2026, 4, 1)
SCHEMA = "ab" * 32
TEXT = f"""
format = "blindlink-risk-waiver-v1"
accepted_by = "A. Person"
role = "Senior information risk owner"
date = 2026-03-31
reason = "A benchmark on invented people"
schema = "{SCHEMA}"
metrics = ["naive Bayes", "graph matching: filter 1"]
"""
RED = (
    Metric("naive Bayes", "filter 1, sex, 500 known", 0.4, "red", "1.000 against 0.500"),
    Metric("graph matching", "filter 1", 0.9, "red", "90 %"),
    Metric("learned", "filter 1", 0.0, "green", "0.5"),
)


def waiver(tmp_path: Path, text: str = TEXT, name: str = "w.toml") -> Waiver:
    (tmp_path / name).write_text(text)
    return read_waiver(tmp_path / name)


def report(*metrics: Metric) -> RiskReport:
    return RiskReport(100, 90, SCHEMA, metrics)


def test_a_waiver_covers_what_it_names(tmp_path: Path) -> None:
    found = waiver(tmp_path)
    accepted(report(*RED), found, DAY)
    with pytest.raises(RiskError, match="beyond what the waiver accepts: graph matching: filter 2"):
        accepted(report(*RED, Metric("graph matching", "filter 2", 1, "red", "")), found, DAY)
    with pytest.raises(RiskError, match="is red: naive Bayes: filter 1, sex, 500 known; graph"):
        accepted(report(*RED), None, DAY)
    accepted(report(RED[2]), None, DAY)


def test_a_waiver_of_one_report_is_for_that_one(tmp_path: Path) -> None:
    known = report(*RED)
    named = TEXT.replace(TEXT[TEXT.index("metrics") :], f'report = "{known.digest()}"\n')
    accepted(known, waiver(tmp_path, named), DAY)
    with pytest.raises(RiskError, match="is for another report"):
        accepted(report(*RED[:2]), waiver(tmp_path, named), DAY)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("2026-03-31", "2026-04-02"), "dated in the future"),
        ((SCHEMA, "cd" * 32), "another linkage schema"),
        (("metrics =", "expires = 2026-03-31\nmetrics ="), "expired on 2026-03-31"),
    ],
)
def test_a_waiver_has_its_time_and_its_schema(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(RiskError, match=problem):
        accepted(report(*RED), waiver(tmp_path, TEXT.replace(*change)), DAY)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('role = "Senior information risk owner"\n', ""), "role"),
        (("A. Person", " "), "accepted_by"),
        (("metrics", "metric"), "metric"),
        (("waiver-v1", "waiver-v9"), "format"),
        (("2026-03-31", '"soon"'), "date"),
        (("metrics =", f'report = "{SCHEMA}"\nmetrics ='), "either metrics or report"),
        (("metrics =", "expires = 2026-01-01\nmetrics ="), "expires before"),
        (("format =", "format"), "is not TOML"),
    ],
)
def test_a_wrong_waiver_names_its_field(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        waiver(tmp_path, TEXT.replace(*change))


def test_json_says_the_same(tmp_path: Path) -> None:
    found = waiver(tmp_path)
    text = json.dumps(json.loads(found.model_dump_json(by_alias=True, exclude_none=True)))
    assert waiver(tmp_path, text, "w.json") == found
    with pytest.raises(InputError):
        read_waiver(tmp_path / "none.toml")


def test_the_waiver_is_shown_and_not_in_the_digest(tmp_path: Path) -> None:
    from dataclasses import replace

    plain = report(*RED)
    waived = replace(plain, waiver=waiver(tmp_path))
    assert waived.digest() == plain.digest()
    assert "A. Person, Senior information risk owner, 2026-03-31" in waived.text()
    assert "A. Person" in page(waived)


def test_text_folds_green_lines_of_a_family() -> None:
    green = [Metric("learned", f"part {i}", i / 100, "green", f"line {i}") for i in range(3)]
    text = report(*green, RED[0]).text()
    assert "learned: 3 times; highest part 2: line 2" in text
    assert "line 1" not in text
    assert text.startswith("RED")
