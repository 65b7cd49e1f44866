"""``blindlink estimate``: the figures of the library, from files, with what they rest on."""

import json
from pathlib import Path

import pandas as pd
import pytest

import blindlink as bl
from blindlink.cli import run
from worlds.linked_pairs import presence, shuffled


@pytest.fixture
def files(tmp_path: Path) -> Path:
    made = presence(1, rows=400)
    for name in ("left", "right", "links"):
        getattr(made, name).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def given(folder: Path) -> list[str]:
    return ["--left", str(folder / "left.csv"), "--right", str(folder / "right.csv")]


RATES = [
    *(
        "--controls",
        "54/2707",
        "--prior",
        "sensitivity=0.85:0.8:0.9",
        "--prior",
        "delta=0:-0.5:0.5",
    ),
    *("--source", "audit of 2024"),
]


def test_share_prints_the_figures_of_the_library(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = files / "out.csv"
    arguments = [
        "estimate",
        "share",
        str(files / "links.csv"),
        *given(files),
        "--outcome",
        "engaged",
    ]
    assert run([*arguments, "--by", "sex", *RATES, "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    made = presence(1, rows=400)
    rates = bl.ErrorRates.from_controls(54, 2707) | bl.ErrorRates.from_prior(
        source="audit of 2024", sensitivity=(0.85, 0.8, 0.9), delta=(0, -0.5, 0.5)
    )
    linked = bl.LinkedData(made.left, made.right, made.links)
    theirs = bl.share(linked, "engaged", by="sex", rates=rates)
    # The text of a table holds fewer digits of age than the table; nothing here is about age.
    assert [row["corrected"] for row in result["rows"]] == theirs.to_pandas()["corrected"].tolist()
    assert result["rests_on"] == list(theirs.rests_on)
    assert pd.read_csv(out)["level"].tolist() == ["all", "F", "M"]
    assert run([*arguments, *RATES]) == 0
    printed = capsys.readouterr().out
    assert "sensitivity: assumed: 0.85, 0.8 to 0.9 (audit of 2024)" in printed
    assert run([*arguments, *RATES, "--out", str(out)]) == 13


def test_models_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = shuffled(1, "cox", blocks=((300, 0.9),))
    made.left["high"] = made.left["x"] > 0
    made.left.to_parquet(tmp_path / "left.parquet")
    made.right.to_parquet(tmp_path / "right.parquet")
    made.links.to_parquet(tmp_path / "links.parquet")
    sides = ["--left", str(tmp_path / "left.parquet"), "--right", str(tmp_path / "right.parquet")]
    links = str(tmp_path / "links.parquet")
    for arguments in (
        ["glm", "died ~ x", links, "--clerical", "90/100"],
        ["glm", "days ~ x", links, "--family", "gaussian", "--method", "mixture"],
        ["cox", "Surv(days, died) ~ x", links, "--clerical", "90/100"],
        ["crosstab", links, "high", "died", "--clerical", "90/100"],
    ):
        assert run(["estimate", *arguments, *sides, "--json"]) == 0, arguments
        result = json.loads(capsys.readouterr().out)
        assert result["rows"]
        assert result["rests_on"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--controls", "many"], 2, "--controls takes two numbers"),
        (["--prior", "sensitivity=0.9"], 2, "--prior takes RATE=VALUE:LOW:HIGH"),
        (["--bounds", "sensitivity=0.9"], 2, "--bounds takes RATE=LOW:HIGH"),
        (["--prior", "sensitivity=0.9:0.8:0.95"], 10, "no source"),
        (["--ids", "a,b,c"], 2, "--ids takes one column"),
        (["--by", "nothing"], 10, "left has no column nothing"),
    ],
)
def test_mistakes(
    files: Path, options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["estimate", "share", str(files / "links.csv"), *given(files), *options]) == code
    assert says in capsys.readouterr().err
