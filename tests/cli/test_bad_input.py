"""Bad input through the real command line: a clear error, its exit code, nothing written, no value.

Every case plants ``Zaphodine`` in the data; no message may repeat it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from blindlink.cli import run

HEADER = "record_id,forename,surname,date_of_birth,sex,postcode\n"
GOOD = "1,Zaphodine,Beeble,1980-02-03,F,LS7 4BT\n2,Bob,Jones,1955-12-31,M,SW1A 1AA\n"
CANARY = "Zaphodine"

DATA: dict[str, tuple[bytes, int, str]] = {
    "missing column": (b"record_id,forename\n1,Zaphodine\n", 10, "lacks"),
    "duplicate column": (f"sex,{HEADER}F,{GOOD}".encode(), 10, "has the name of column 1"),
    "ragged row": (f"{HEADER}{GOOD}3,Zaphodine,X\n".encode(), 10, "data row 3: not 6 cells"),
    "UTF-16": ((HEADER + GOOD).encode("utf-16"), 10, "is UTF-16, not UTF-8"),
    "latin-1": ((HEADER + GOOD.replace("Bob", "Zoë")).encode("latin-1"), 10, "not UTF-8"),
    "empty file": (b"", 10, "is empty"),
    "a date that is none": (
        (HEADER + GOOD.replace("1980-02-03", "03/02/1980")).encode(),
        10,
        "row 1, date_of_birth: is not a date",
    ),
    "duplicate record ids": (
        (HEADER + GOOD.replace("2,Bob", "1,Bob")).encode(),
        10,
        "row 2, record_id: stands in an earlier row",
    ),
}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, a schema, a key, another key, and the encodings of the table."""
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(HEADER + GOOD)
    for command in (
        "keygen --purpose linkage --out K",
        "keygen --purpose linkage --out K2",
        "schema new --profile names --from good.csv --out S",
        "schema new --profile weak --from good.csv --out S2",
        "clk encode good.csv --schema S --secret-file K --out A.parquet",
        "clk encode good.csv --schema S2 --secret-file K --out A2.parquet",
        "clk encode good.csv --schema S --secret-file K2 --out AK2.parquet",
    ):
        assert run(command.split()) == 0
    return tmp_path


def fails(command: str, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs a command that must fail with this code and message, and leave every file as it was."""
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    capsys.readouterr()
    assert run(command.split()) == code
    out, err = capsys.readouterr()
    assert out == ""
    *notes, error, hint = err.splitlines()
    assert not any(line.startswith("error: ") for line in notes)
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert says in error
    assert CANARY not in err
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize("case", DATA)
def test_a_table_that_cannot_be_encoded(
    room: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, code, says = DATA[case]
    Path("bad.csv").write_bytes(data)
    fails("clk encode bad.csv --schema S --secret-file K --out B.parquet", code, says, capsys)


def exposed() -> None:
    Path("K").chmod(0o644)


def cut() -> None:
    Path("K").write_text("blindlink-linkage-key-v1\n")
    Path("K").chmod(0o600)


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "command", "code", "says"),
    [
        (exposed, "clk encode good.csv --schema S --secret-file K --out B.parquet", 12, "read"),
        (cut, "clk encode good.csv --schema S --secret-file K --out B.parquet", 12, "K"),
        (nothing, "clk encode good.csv --schema S --secret-file none --out B.parquet", 12, "none"),
        (nothing, "clk encode good.csv --schema good.csv --secret-file K --out B.parquet", 11, ""),
        (nothing, "clk encode none.csv --schema S --secret-file K --out B.parquet", 10, "no such"),
        (nothing, "clk encode good.csv --schema S --secret-file K --out A.parquet", 13, "exists"),
        (nothing, "clk encode good.csv --schema S --secret-file K --out good.csv", 13, "input"),
        (
            nothing,
            "clk encode good.csv --schema S --secret-file K --out good.csv --force",
            13,
            "is also the input",
        ),
        (
            nothing,
            "clk encode good.csv --schema S --secret-file K --out no/B.parquet",
            13,
            "folder",
        ),
        (nothing, "clk link A.parquet A2.parquet --out links.csv", 11, "different linkage schemas"),
        (nothing, "clk link A.parquet AK2.parquet --out links.csv", 12, "different linkage keys"),
        (nothing, "clk link A.parquet good.csv --out links.csv", 14, "good.csv"),
        (nothing, "clk link A.parquet none.parquet --out links.csv", 10, "no such"),
        (nothing, "clk link A.parquet A.parquet --threshold 2 --out links.csv", 10, "threshold"),
        (nothing, "clk link A.parquet A.parquet --out A.parquet --force", 13, "is also the input"),
        (nothing, "clk evaluate good.csv --left good.csv --right good.csv --key sex", 10, ""),
        (nothing, "keygen --purpose linkage --out K", 13, "exists"),
        (nothing, "inspect good.csv", 14, ""),
    ],
)
def test_what_is_refused(
    room: Path,
    prepare: Callable[[], None],
    command: str,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare()
    fails(command, code, says, capsys)


@pytest.mark.needs("dev-full")
def test_a_full_disk(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every write of a table ends in ENOSPC, as on a full disk."""

    def full(*_: object, **__: object) -> None:
        Path("/dev/full").write_bytes(b"x" * 100_000)

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    command = "clk encode good.csv --schema S --secret-file K --out B.parquet"
    fails(command, 13, "no space left on device", capsys)
