"""`blindlink clk link` and `blindlink clk evaluate`, from files to files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from blindlink.cli import run
from blindlink.frames import read_table
from blindlink.messages.encodings import write_encodings
from blindlink.messages.linkage_report import parse_report
from worlds.linked_files import encodings, filters, linked_files, people

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    made = linked_files(500, 700, 250)
    write_encodings(made.left, tmp_path / "a.parquet")
    write_encodings(made.right, tmp_path / "b.parquet")
    partner = dict(made.truth)
    names = {right: left for left, right in partner.items()}
    (tmp_path / "a.csv").write_text("id\n" + "".join(f"p{row}\n" for row in range(500)))
    right = (f"p{names[row]}\n" if row in names else f"q{row}\n" for row in range(700))
    (tmp_path / "b.csv").write_text("id\n" + "".join(right))
    return tmp_path


def link(folder: Path, *options: str) -> int:
    names = [str(folder / "a.parquet"), str(folder / "b.parquet")]
    return run(["clk", "link", *names, "--out", str(folder / "links.csv"), *options])


def rows(folder: Path) -> list[list[str]]:
    with (folder / "links.csv").open() as file:
        return list(csv.reader(file))


def test_auto_links_and_evaluates(files: Path, capsys: Captured) -> None:
    assert link(files) == 0
    text = capsys.readouterr().out
    assert "threshold 0." in text
    assert "expected precision" in text
    header, *body = rows(files)
    assert header == ["left", "right", "score", "probability"]
    keys = [(-float(score), int(left), int(right)) for left, right, score, _ in body]
    assert keys == sorted(keys)
    assert all(0 < float(row[3]) <= 1 for row in body)
    tables = ["--left", str(files / "a.csv"), "--right", str(files / "b.csv")]
    assert run(["clk", "evaluate", str(files / "links.csv"), *tables, "--key", "id", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["true_pairs"] == 250
    assert result["f1"]["value"] > 0.95
    assert result["f1"]["low"] < result["f1"]["value"] <= result["f1"]["high"]


def test_optimal_links_have_the_highest_sum_of_scores(tmp_path: Path) -> None:
    """Two links of .85 and .8 instead of one of .95, which leaves none for the others."""
    bits = np.zeros((4, 40), bool)
    bits[0, :20] = True  # left
    bits[1, 4:24] = True
    bits[2, 1:21] = True  # right: .95 with the first, .85 with the second
    bits[3, :16], bits[3, 36:] = True, True  # .8 with the first, .6 with the second
    filters = np.packbits(bits, axis=1)
    write_encodings(encodings(filters[:2]), tmp_path / "a.parquet")
    write_encodings(encodings(filters[2:]), tmp_path / "b.parquet")
    assert link(tmp_path, "--threshold", "0.7") == 0
    assert [row[:3] for row in rows(tmp_path)[1:]] == [["0", "0", "0.95"]]
    assert link(tmp_path, "--threshold", "0.7", "--optimal", "--force") == 0
    assert [row[:3] for row in rows(tmp_path)[1:]] == [["1", "0", "0.85"], ["0", "1", "0.8"]]


def test_the_default_engine_says_why(files: Path, capsys: Captured) -> None:
    assert link(files, "--threshold", "0.8") == 0
    assert "engine reference: 500 x 700 filters are few\n" in capsys.readouterr().err
    assert link(files, "--threshold", "0.8", "--engine", "sliced", "--force") == 0
    assert "engine" not in capsys.readouterr().err


def test_a_fixed_threshold_has_no_probability(files: Path, capsys: Captured) -> None:
    assert link(files, "--threshold", "0.8", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["threshold"] == 0.8
    assert result["precision"] is None
    body = rows(files)[1:]
    assert len(body) == result["counts"]["links"]
    assert all(row[3] == "" for row in body)
    assert all(float(row[2]) >= 0.8 for row in body)


def test_links_carry_record_ids_and_go_into_parquet(files: Path, capsys: Captured) -> None:
    a, b = str(files / "a.csv"), str(files / "b.csv")
    out = files / "links.parquet"
    names = [str(files / "a.parquet"), str(files / "b.parquet")]
    ids = ["--left-id", a, "id", "--right-id", b, "id"]
    assert run(["clk", "link", *names, "--out", str(out), *ids]) == 0
    table = read_table(out)
    assert table.column_names == ["left", "right", "left_id", "right_id", "score", "probability"]
    first = table.slice(0, 1).to_pylist()[0]
    assert first["left_id"] == first["right_id"] == f"p{first['left']}"
    (files / "short.csv").write_text("id\np0\n")
    more = ["--out", str(files / "x.csv"), "--left-id", str(files / "short.csv"), "id"]
    assert run(["clk", "link", *names, *more]) == 10
    assert "has 1 rows, its encodings 500" in capsys.readouterr().err
    assert not (files / "x.csv").exists()


def test_a_report_alone_needs_no_links(files: Path, capsys: Captured) -> None:
    names = [str(files / "a.parquet"), str(files / "b.parquet")]
    assert run(["clk", "link", *names, "--report", str(files / "q.html")]) == 0
    assert (files / "q.html").exists()
    assert "written to" not in capsys.readouterr().out
    assert run(["clk", "link", *names]) == 2


def test_the_report_is_written_on_request(files: Path) -> None:
    assert link(files, "--report", str(files / "report.json")) == 0
    report = parse_report((files / "report.json").read_bytes())
    assert report.threshold_method == "auto"


def test_nothing_is_written_where_auto_fails(tmp_path: Path, capsys: Captured) -> None:
    made = linked_files(400, 500, 0)
    write_encodings(made.left, tmp_path / "a.parquet")
    write_encodings(made.right, tmp_path / "b.parquet")
    assert link(tmp_path) == 18
    assert not (tmp_path / "links.csv").exists()
    assert "--fallback-threshold" in capsys.readouterr().err
    assert link(tmp_path, "--fallback-threshold", "0.9") == 0
    assert "auto was not possible" in capsys.readouterr().err
    assert (tmp_path / "links.csv").exists()


@pytest.mark.parametrize(
    "options",
    [("--threshold", "1.5"), ("--threshold", "high"), ("--target", "x"), ("--engine", "magic")],
)
def test_options_without_sense_are_bad_input(
    files: Path, options: tuple[str, ...], capsys: Captured
) -> None:
    assert link(files, *options) == 10
    assert not (files / "links.csv").exists()
    assert capsys.readouterr().err.startswith("error: ")


def test_an_existing_output_stays(files: Path) -> None:
    (files / "links.csv").write_text("mine")
    assert link(files) == 13
    assert (files / "links.csv").read_text() == "mine"
    assert link(files, "--force") == 0


def test_files_of_other_schemas_and_keys_are_refused(files: Path) -> None:
    bits = filters(people(9, np.random.default_rng(1)))
    write_encodings(encodings(bits, schema_fingerprint="other"), files / "b.parquet", force=True)
    assert link(files) == 11
    write_encodings(encodings(bits, key_check="fedcba9876543210"), files / "b.parquet", force=True)
    assert link(files) == 12


def test_a_file_that_is_no_encodings_is_refused(files: Path) -> None:
    (files / "b.parquet").write_text("hello")
    assert link(files) == 14


def test_evaluate_names_the_missing_column(files: Path, capsys: Captured) -> None:
    assert link(files) == 0
    tables = ["--left", str(files / "a.csv"), "--right", str(files / "b.csv")]
    assert run(["clk", "evaluate", str(files / "links.csv"), *tables, "--key", "name"]) == 10
    assert "has no column name" in capsys.readouterr().err
