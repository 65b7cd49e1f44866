"""``blindlink clk encode``: the exact contract of the bare tool, its messages and exit codes."""

import base64
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from blindlink.cli import run
from blindlink.messages.encodings import read_encodings

ROWS = """record_id,entity_id,forename,surname,date_of_birth,sex,postcode,local_authority
1,x1,Anna,Canary,1980-02-03,F,LS7 4BT,Leeds
2,x1,Ann,Smith,1980-02-03,2,,
3,x2,Bob,Jones,1955-12-31,male,SW1A 1AA,Westminster
"""
PLAIN = {
    "version": 3,
    "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}},
    "features": [
        {"identifier": "record_id", "ignored": True},
        {
            "identifier": "surname",
            "format": {"type": "string"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": {"bitsPerToken": 5},
            },
        },
    ],
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(ROWS)
    here = str(tmp_path)
    for arguments in (
        ["keygen", "--purpose", "linkage", "--out", f"{here}/K"],
        ["schema", "new", "--profile", "weak", "--from", f"{here}/a.csv", "--out", f"{here}/S"],
    ):
        assert run(arguments) == 0
    (tmp_path / "plain.json").write_text(json.dumps(PLAIN))
    return tmp_path


def encode(files: Path, *more: str, data: str = "a.csv", schema: str = "S", out: str = "A") -> int:
    options = ["--schema", str(files / schema), "--secret-file", str(files / "K")]
    out_option = ["--out", str(files / out)]
    return run(["clk", "encode", str(files / data), *options, *out_option, *more])


def test_the_parquet_file_has_the_columns_of_the_contract(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert encode(files) == 0
    assert capsys.readouterr().out == ""
    table = pq.read_table(files / "A")
    assert table.column_names[:3] == ["row", "entity", "clk"]
    assert table.column("row").to_pylist() == [0, 1, 2]
    assert table.column("entity").to_pylist() == ["x1", "x1", "x2"]
    assert pa.types.is_fixed_size_binary(table.schema.field("clk").type)
    known = {name.decode() for name in table.schema.metadata}
    assert {"blindlink.format", "blindlink.schema", "blindlink.key_check"} <= known
    assert b"Canary" not in (files / "A").read_bytes()


def test_json_is_clkhash_s_form_and_both_backends_agree(files: Path) -> None:
    assert encode(files, "--format", "json", out="A.json") == 0
    assert encode(files, "--format", "json", "--backend", "clkhash", out="B.json") == 0
    assert (files / "A.json").read_bytes() == (files / "B.json").read_bytes()
    clks = json.loads((files / "A.json").read_text())["clks"]
    assert {len(base64.b64decode(clk)) for clk in clks} == {1024}


def test_every_kind_of_table_gives_the_same_encodings(files: Path) -> None:
    table = pyarrow.csv.read_csv(files / "a.csv")
    pq.write_table(table, files / "a.parquet")
    pa.feather.write_feather(table, str(files / "a.arrow"))
    (files / "a.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    assert encode(files) == 0
    for name in ("a.parquet", "a.arrow", "a.csv.gz"):
        assert encode(files, "--force", data=name, out="B") == 0
        assert pq.read_table(files / "B").equals(pq.read_table(files / "A"))


def test_a_text_secret_is_refused_except_for_compatibility(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "K").chmod(0o600)
    (files / "K").write_text("correct horse")
    assert encode(files, schema="plain.json") == 12
    assert "correct horse" not in capsys.readouterr().err
    assert encode(files, "--compat", "clkhash", schema="plain.json") == 0
    assert b"blindlink.key_check" not in pq.read_table(files / "A").schema.metadata
    assert encode(files, "--compat", "clkhash", schema="S", out="B") == 11


def test_compatible_encodings_are_the_reference_s(files: Path) -> None:
    from clkhash.clk import generate_clk_from_csv
    from clkhash.schema import from_json_dict

    (files / "p.csv").write_text("record_id,surname\n1,Canary\n2,O'Neil\n")
    (files / "K").write_text("correct horse")
    arguments = ("--compat", "clkhash", "--format", "json")
    assert encode(files, *arguments, data="p.csv", schema="plain.json", out="P.json") == 0
    with (files / "p.csv").open() as file:
        clks = generate_clk_from_csv(
            file, "correct horse", from_json_dict(PLAIN), progress_bar=False, max_workers=1
        )
    expected = [base64.b64encode(clk.tobytes()).decode() for clk in clks]
    assert json.loads((files / "P.json").read_text())["clks"] == expected


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 10, "is empty"),
        ("surname\n1,2\n", 10, "1 cells"),
        ("surname,surname\n1,2\n", 10, "column 2 has the name of column 1"),
        ("surname\nX\n", 10, "which the table lacks"),
        (ROWS.replace("1980-02-03", "03/02/1980"), 10, "1, 2, date_of_birth: is not a date"),
        (ROWS.replace("male", "canary"), 10, "row 3, sex: is not a sex code"),
        (ROWS.replace("\n2,", "\n1,"), 10, "row 2, record_id: stands in an earlier row"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    files: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, said: str
) -> None:
    (files / "bad.csv").write_text(text)
    assert encode(files, data="bad.csv") == code
    err = capsys.readouterr().err
    assert said in err
    assert not {"canary", "03/02/1980"} & set(err.lower().split())
    assert not (files / "A").exists()


def test_outputs_are_protected(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert encode(files, out="a.csv") == 13
    assert encode(files) == 0
    assert encode(files) == 13
    assert encode(files, "--force") == 0
    assert (files / "a.csv").read_text() == ROWS
    (files / "K").chmod(0o644)
    capsys.readouterr()
    assert encode(files, "--force") == 12


def test_bad_cells_may_count_as_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("forename,surname,date_of_birth\nAnn,Lee,03/02/1980\n")
    (tmp_path / "b.csv").write_text("forename,surname,date_of_birth\nAnn,Lee,\n")
    for arguments in (
        ["keygen", "--purpose", "linkage", "--out", "K"],
        ["schema", "new", "--profile", "names", "--from", "a.csv", "--out", "S"],
        ["clk", "encode", "b.csv", "--schema", "S", "--secret-file", "K", "--out", "b.parquet"],
    ):
        assert run([str(tmp_path / x) if "." in x or x in "KS" else x for x in arguments]) == 0
    encode = ["clk", "encode", str(tmp_path / "a.csv"), "--schema", str(tmp_path / "S")]
    encode += ["--secret-file", str(tmp_path / "K"), "--out", str(tmp_path / "a.parquet")]
    capsys.readouterr()
    assert run(encode) == 10
    assert "row 1, date_of_birth: is not a date" in capsys.readouterr().err
    assert run([*encode, "--bad-cells", "missing"]) == 0
    assert "column date_of_birth: 1 unreadable" in capsys.readouterr().err
    a, b = (read_encodings(tmp_path / f"{name}.parquet") for name in "ab")
    assert (a.filters[0] == b.filters[0]).all()
