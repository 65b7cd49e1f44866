"""Mapping, headerless files, delimiters, the dry run and names of outputs, at the command line."""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.keys import party as party_keys
from blindlink.messages.encodings import read_encodings
from worlds.files import STRETCHED, prepare, submit

PEOPLE = [
    ("1", "Ann", "Lee", "03/02/1980", "Woman", "LS1 1AA"),
    ("2", "Bob", "O'Neil", "25/12/1975", "Man", "M1 1AE"),
    ("3", "Cy", "Try", "01/02/1999", "Man", "SR1 2"),
]
CLEAN = "record_id,forename,surname,date_of_birth,sex,postcode\n" + "".join(
    f"{n},{a},{b},{d[6:]}-{d[3:5]}-{d[:2]},{s.replace('Woman', 'F').replace('Man', 'M')},{p}\n"
    for n, a, b, d, s, p in PEOPLE
)
MAP = """
[columns]
No = "record_id"
"First name" = "forename"
"Last Name" = "surname"
DOB = { name = "date_of_birth", format = "day first" }
Gender = { name = "sex", codes = { Man = "M", Woman = "F" } }
"#6" = "postcode"
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("clean.csv").write_text(CLEAN)
    Path("map.toml").write_text(MAP)
    head = "No;First name;Last Name;DOB;Gender;Post Code\r\n"
    rows = "\r\n\r\n".join(";".join(row) for row in PEOPLE)
    Path("theirs.csv").write_text(head + rows)
    Path("bare.csv").write_text(CLEAN.split("\n", 1)[1])
    assert run(["keygen", "--purpose", "linkage", "--out", "K"]) == 0
    assert run(["schema", "new", "--profile", "names", "--from", "clean.csv", "--out", "S"]) == 0
    assert encode("clean.csv", "clean.parquet") == 0
    return tmp_path


def encode(data: str, out: str, *more: str) -> int:
    return run(["clk", "encode", data, "--schema", "S", "--secret-file", "K", "--out", out, *more])


def same(one: str, other: str) -> bool:
    a, b = read_encodings(Path(one)), read_encodings(Path(other))
    return all((x == y).all() for x, y in zip(a.filters, b.filters, strict=True))


def test_a_file_in_another_hand_gives_the_same_encodings(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode("theirs.csv", "t.parquet", "--map", "map.toml") == 0
    assert "its cells are separated by a semicolon" in capsys.readouterr().err
    assert same("clean.parquet", "t.parquet")
    names = "record_id,forename,surname,date_of_birth,sex,postcode"
    assert encode("bare.csv", "b.parquet", "--columns", names) == 0
    assert same("clean.parquet", "b.parquet")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", ["First_Name", "FORENAME", " forename "])
def test_delimiters_and_letters_of_the_header(room: Path, mark: str, header: str) -> None:
    name = "forename" if header == "First_Name" else header
    text = CLEAN.replace("forename", name).replace(",", mark)
    Path("x.csv").write_text(text.rstrip("\n"))
    assert encode("x.csv", "x.parquet") == 0
    assert same("clean.parquet", "x.parquet")


def test_the_mapping_serves_every_command_that_takes_data(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = ["--map", "map.toml"]
    assert encode("theirs.csv", "t.parquet", *read) == 0
    assert run(["schema", "columns", "theirs.csv", "--out", "c.json", *read]) == 0
    assert json.loads(Path("c.json").read_text())["columns"] == [
        "record_id", "forename", "surname", "date_of_birth", "sex", "postcode",
    ]  # fmt: skip
    new = ["schema", "new", "--profile", "names", "--from", "theirs.csv", "--out", "S2", *read]
    assert run(new) == 0
    assert Path("S2").read_bytes() == Path("S").read_bytes()
    Path("links.csv").write_text("left,right\n0,0\n1.0,1.0\n")
    capsys.readouterr()
    pair = ["--left", "theirs.csv", "--right", "theirs.csv", "--key", "record_id"]
    assert run(["clk", "evaluate", "links.csv", *pair, *read, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["true_links"], found["true_pairs"]) == (2, 3)
    assess = ["clk", "assess", "t.parquet", "--data", "theirs.csv", "--graph-rows", "100", *read]
    assert run(assess) in (0, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[columns", "is not TOML"),
        ('[columns]\nA = { name = "sex", tipe = "x" }', "columns.A"),
        ('[columns]\nNope = "sex"', "has no column Nope"),
        ('[columns]\nNo = "sex"\nDOB = "sex"', "two columns are mapped to sex"),
        ('[columns]\nDOB = { name = "date_of_birth", format = "backwards" }', "must be one of"),
    ],
)
def test_a_bad_mapping_is_refused(
    room: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.toml").write_text(text)
    assert encode("theirs.csv", "t.parquet", "--map", "bad.toml") == 10
    assert says in capsys.readouterr().err


def test_the_form_of_a_whole_column_is_offered(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("d.csv").write_text(
        "record_id,forename,surname,date_of_birth,sex,postcode\n"
        + "".join(",".join(row) + "\n" for row in PEOPLE).replace("Woman", "F").replace("Man", "M")
    )
    assert encode("d.csv", "d.parquet") == 10
    err = capsys.readouterr().err
    assert "rows 1, 3, date_of_birth: is not a date" in err
    assert 'COLUMN = { name = "date_of_birth", format = "day first" }' in err
    assert not [row[3] for row in PEOPLE if row[3] in err]


def test_placeholders_and_impossible_dates_are_counted_and_end_no_run(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = {"1980-02-03": "1970-01-01", "1999-02-01": "1999-02-31", "M1 1AE": "NF1 1NF"}
    text = CLEAN.replace("Bob", "NOT ENTERED")
    for old, new in cells.items():
        text = text.replace(old, new)
    Path("p.csv").write_text(text)
    assert encode("p.csv", "p.parquet") == 0
    err = capsys.readouterr().err
    assert "column date_of_birth: 1 cells: says nothing" in err
    assert "column date_of_birth: 1 cells: is a date that does not exist" in err
    assert "column postcode: 1 cells: says nothing" in err
    assert "column forename: 1 cells: says nothing" in err
    blank = text.replace("1970-01-01", "").replace("NF1 1NF", "").replace("NOT ENTERED", "")
    Path("q.csv").write_text(blank)
    assert encode("q.csv", "q.parquet") == 0
    assert same("p.parquet", "q.parquet")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([["Ann"], ["Bob"], ["Cy"]]),
        pa.array([{"a": "Ann"}, {"a": "Bob"}, {"a": "Cy"}]),
        pa.array([b"Ann\xff", b"Bob", b"Cy"]),
        pa.array([[("a", "Ann")]] * 3, pa.map_(pa.string(), pa.string())),
    ],
    ids=["list", "struct", "bytes", "map"],
)
def test_a_column_that_can_be_no_cell_is_named_and_not_shown(
    room: Path, values: pa.Array, capsys: pytest.CaptureFixture[str]
) -> None:
    table = frames.read_table(Path("clean.csv"))
    pq.write_table(table.set_column(1, "forename", values), "x.parquet")
    assert encode("x.parquet", "y.parquet") == 10
    err = capsys.readouterr().err
    assert "column forename: holds" in err
    assert "Ann" not in err


def test_an_output_says_what_it_holds(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in ("x.csv", "x.csv.gz", "x.json", "x.arrow"):
        assert encode("clean.csv", out) == 13
        assert "would hold Parquet, which its name does not say" in capsys.readouterr().err
    assert encode("clean.csv", "x.parquet", "--format", "json") == 13
    assert encode("clean.csv", "x.json", "--format", "json") == 0
    pairs = ["clk", "pairs", "clean.parquet", "--threshold", "0.5", "--out"]
    assert run([*pairs, "p.csv"]) == 13
    assert run([*pairs, "p.parquet"]) == 0


def test_the_longest_name_that_a_folder_takes(room: Path) -> None:
    name = "x" * 247 + ".parquet"
    assert encode("clean.csv", name) == 0
    assert same("clean.parquet", name)


def test_a_path_that_is_no_text_is_refused(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    try:
        shutil.copy("clean.csv", name)
    except OSError:
        return  # this file system has names of text only
    assert encode(name, "x.parquet") == 10
    assert "a path is not UTF-8" in capsys.readouterr().err


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party_keys, "_stretch", STRETCHED)
        os.chdir(folder)
        try:
            prepare(folder)
        finally:
            os.chdir(here)
    return folder


def test_the_dry_run_says_everything_at_once(
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(study)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    check = ["owner", "check", "--agreement", "study.agreement", "--owner", "moj"]
    assert run([*check, "moj"]) == 0
    assert "the extract fits the agreement" in capsys.readouterr().out
    shutil.copytree("moj", tmp_path / "moj")
    people = frames.read_table(tmp_path / "moj/identities.csv").to_pydict()
    rows = len(people["entity_id"])
    people["date_of_birth"] = ["1970-01-01"] * (rows // 2) + people["date_of_birth"][rows // 2 :]
    frames.write_table(pa.table(people), tmp_path / "moj/identities.csv", force=True)
    events = frames.read_table(tmp_path / "moj/events.csv").to_pydict()
    events["entity_id"][0] = "nobody"
    for name in ("age", "age_at_sentence"):
        if name in events:
            events[name][1] = "old"
    frames.write_table(pa.table(events), tmp_path / "moj/events.csv", force=True)
    before = sorted(tmp_path.rglob("*"))
    assert run([*check, str(tmp_path / "moj"), "--json"]) == 10
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    wrong = "\n".join(found["wrong"])
    assert "date_of_birth: " in wrong
    assert "cells are defaults of their system" in wrong
    assert "1 rows whose entity_id is not among the identities: rows 1" in wrong
    assert "1 values do not fit" in wrong
    assert "nobody" not in captured.out + captured.err
    assert sorted(tmp_path.rglob("*")) == before
    assert run(["owner", "check", "moj", "--agreement", "study.agreement", "--owner", "x"]) == 16


def test_submit_stops_at_the_same_limits_and_writes_what_was_lost(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(study)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    assert submit("moj") == 0
    report = json.loads(Path("moj.submission.quality.json").read_text())
    born = next(each for each in report["fields"] if each["field"] == "date_of_birth")
    assert born["filled_before"] == born["filled_after"] > 0
    people = frames.read_table(Path("moj/identities.csv")).to_pydict()
    saved = Path("moj/identities.csv").read_bytes()
    people["date_of_birth"] = ["9999-12-31"] * len(people["entity_id"])
    frames.write_table(pa.table(people), Path("moj/identities.csv"), force=True)
    capsys.readouterr()
    assert submit("moj", "--force") == 10
    err = capsys.readouterr().err
    assert "submission: too much is lost: date_of_birth" in err
    Path("moj/identities.csv").write_bytes(saved)


def test_a_birth_to_come_is_missing(room: Path) -> None:
    late = f"{date.today().year + 5}-01-01"
    Path("f.csv").write_text(CLEAN.replace("1980-02-03", late))
    Path("g.csv").write_text(CLEAN.replace("1980-02-03", ""))
    assert encode("f.csv", "f.parquet") == encode("g.csv", "g.parquet") == 0
    assert same("f.parquet", "g.parquet")
