"""Several filters per record, by the command line: from a schema to links, levels and charts."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from blindlink.cli import run
from blindlink.messages.linkage_report import parse_report

GROUPS = (
    ("first_initial", "last_initial", "birth_year"),
    ("birth_year", "birth_month", "birth_day"),
    ("first_initial", "birth_day", "outward"),
)
COLUMNS = ("record_id", "first_initial", "last_initial", "date_of_birth", "sex", "postcode_outward")
COMMON = 250


def person(rng: np.random.Generator) -> list[str]:
    letters = [chr(65 + number) for number in rng.integers(0, 26, 2)]
    born = np.datetime64("1950-01-01") + int(rng.integers(0, 18_000))
    return [*letters, str(born), "MF"[rng.integers(2)], f"B{rng.integers(1, 99)}"]


def write(path: Path, people: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows([str(number), *each] for number, each in enumerate(people))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("several"), np.random.default_rng(3)
    first = [person(rng) for _ in range(500)]
    second = [[*each[:4], f"B{rng.integers(1, 99)}"] if rng.random() < 0.2 else each
              for each in first[:COMMON]] + [person(rng) for _ in range(400)]  # fmt: skip
    write(folder / "a.csv", first)
    write(folder / "b.csv", second)
    made = ["schema", "new", "--profile", "weak", "--people", "5000"]
    made += ["--from", str(folder / "a.csv"), "--out", str(folder / "schema.json")]
    assert run(made) == 0
    schema = json.loads((folder / "schema.json").read_text())
    schema["blindlink"]["filters"] = [
        {"l": 1024, "composites": [{"fields": list(group), "bitsPerToken": 20}]} for group in GROUPS
    ]
    (folder / "schema.json").write_text(json.dumps(schema))
    assert run(["keygen", "--purpose", "linkage", "--out", str(folder / "key")]) == 0
    for name in "ab":
        paths = [str(folder / each) for each in (f"{name}.csv", "schema.json", "key")]
        encode = ["clk", "encode", paths[0], "--schema", paths[1], "--secret-file", paths[2]]
        assert run([*encode, "--out", str(folder / f"{name}.parquet")]) == 0
    return folder


def link(folder: Path, *options: str) -> int:
    files = [str(folder / "a.parquet"), str(folder / "b.parquet")]
    out = ["--out", str(folder / "links.csv"), "--force"]
    return run(["clk", "link", *files, *out, "--method", "probabilistic", *options])


def quality(folder: Path) -> float:
    with (folder / "links.csv").open() as file:
        links = [(int(row["left"]), int(row["right"])) for row in csv.DictReader(file)]
    return 2 * sum(a == b and a < COMMON for a, b in links) / (len(links) + COMMON)


def test_weights_are_found_and_shown_without_an_identity(folder: Path) -> None:
    assert link(folder, "--report", str(folder / "report.json")) == 0
    assert quality(folder) > 0.97
    report = parse_report((folder / "report.json").read_bytes())
    assert {level.filter for level in report.levels} == {1, 2, 3, 4}
    assert report.model["dependence_of_filters_among_matches"] > 0
    assert report.patterns
    for pattern in report.patterns:
        assert pattern.pairs >= 10
        chosen = []
        for number, rank in enumerate(pattern.levels, start=1):
            mine = [level for level in report.levels if level.filter == number]
            chosen.append(mine[rank - 1].weight)
        assert pattern.weight == pytest.approx(sum(chosen))
    assert report.patterns[0].probability > 0.9
    assert link(folder, "--report", str(folder / "report.html")) == 0
    html = (folder / "report.html").read_text()
    assert "Agreement levels" in html
    assert "u: non-matches" in html
    assert f"{report.patterns[0].pairs:,}" in html


def test_stated_levels_are_those_of_the_report(folder: Path) -> None:
    levels = ["--levels", "0.1,0.3", "--levels", "0.9", "--levels", "0.9", "--levels", "0.9"]
    assert link(folder, *levels, "--report", str(folder / "report.json")) == 0
    report = parse_report((folder / "report.json").read_bytes())
    assert [(each.filter, each.low) for each in report.levels] == [
        (1, 0.0), (1, 0.1), (1, 0.3), (2, 0.0), (2, 0.9), (3, 0.0), (3, 0.9), (4, 0.0), (4, 0.9)
    ]  # fmt: skip
    assert quality(folder) > 0.9


def test_levels_that_make_no_sense_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert link(folder, "--levels", "0.5") != 0
    assert "levels for 1 filters, a record has 4" in capsys.readouterr().err
    assert link(folder, "--levels", "0.5,0.4") != 0
    assert "must be rising lower edges" in capsys.readouterr().err


def test_all_methods_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert link(folder, "--method", "deterministic", "--method", "clk", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["methods"]
    assert [row["method"] for row in rows] == ["deterministic", "clk", "probabilistic"]
    assert all(row["used"] and row["accepted"] > 100 for row in rows)
    assert rows[0]["alone"] == rows[0]["accepted"]
