"""The risk report, with its negative control: a stock CLK of weak identifiers must come out red."""

import inspect
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import InputError, RiskError
from blindlink.frames import write_table
from blindlink.messages.encodings import Encodings, write_clkhash, write_encodings
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk import RiskReport, assess, checked, measures
from blindlink.owner.risk.catalogue import OF_FILES, OF_VIEWS
from blindlink.owner.risk.files import assess_file
from blindlink.owner.risk.measures import whole_file
from blindlink.owner.risk.page import page
from blindlink.schema.profiles.making import new_schema
from worlds.risk_people import KEY, people, schema_of

ROWS = 1600


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return people(ROWS)


@pytest.fixture(scope="module")
def stock(table: pa.Table) -> RiskReport:
    schema, _ = new_schema("clkhash", [table.column_names])
    return assess(table, encode(table, schema, KEY, workers=1), graph_rows=600)


@pytest.fixture(scope="module")
def weak(table: pa.Table) -> RiskReport:
    schema, _ = new_schema("weak", [table.column_names])
    return assess(table, encode(table, schema, KEY, workers=1), graph_rows=600)


def lights(report: RiskReport, family: str) -> set[str]:
    return {metric.light for metric in report.metrics if metric.family == family}


def values(report: RiskReport, family: str, part: str = "") -> list[float]:
    return [m.value for m in report.metrics if m.family == family and part in m.part]


@pytest.mark.parametrize(
    ("family", "part", "least"),
    [
        ("principal components", "sex", 0.45),
        ("co-occurring bits", "sex", 0.4),
        ("naive Bayes", "birth month", 0.5),
        ("nearest known record", "sex", 0.2),
        ("learned", "first initial", 0.5),
        ("graph matching", "", 0.5),
        ("most frequent token", "", 0.3),
        ("most frequent bit", "", 0.3),
    ],
)
def test_a_stock_clk_of_weak_identifiers_falls_to_every_attack(
    stock: RiskReport, family: str, part: str, least: float
) -> None:
    assert max(values(stock, family, part)) > least
    assert "red" in lights(stock, family)
    assert stock.light == "red"


def test_the_weak_profile_stays_at_the_guess_rate(weak: RiskReport) -> None:
    attacks = {m.family for m in weak.metrics if "by guessing" in m.text}
    assert len(attacks) >= 6
    # Some 1,000 test rows: two standard errors more than the targets of 20,000 rows.
    assert max(value for name in attacks for value in values(weak, name)) < 0.07
    assert max(values(weak, "graph matching")) <= 0.02
    assert weak.red == ()


def test_every_measure_is_in_the_catalogue() -> None:
    folder = Path(measures.__file__).parent
    helpers = {"__init__", "known_pairs", "patterns"}
    files = {path.stem for path in folder.glob("*.py")} - helpers
    catalogue = (*OF_FILES, *OF_VIEWS)
    assert {measure.__module__.rpartition(".")[2] for measure in catalogue} == files
    whole = {name for name, made in vars(whole_file).items() if inspect.isgeneratorfunction(made)}
    assert whole <= {measure.__name__ for measure in catalogue}


def test_the_report_is_reproducible_and_holds_no_value(table: pa.Table) -> None:
    few = table.slice(0, 300)
    schema, _ = new_schema("weak", [table.column_names])
    encodings = encode(few, schema, KEY, workers=1)
    first, second = (assess(few, encodings) for _ in range(2))
    assert first.digest() == second.digest()
    assert first.digest() != assess(few, encodings, seed=2).digest()
    text = json.dumps(first.document()) + first.text() + page(first)
    assert "Town" not in text
    assert "LS1" not in text
    names = [metric.name for metric in first.metrics]
    assert len(set(names)) == len(names)


def test_rows_of_one_person_are_no_strangers(table: pa.Table) -> None:
    twice = pa.concat_tables([table.slice(0, 50)] * 5)
    schema, _ = new_schema("weak", [table.column_names])
    encodings = encode(twice, schema, KEY, workers=1)
    strangers = assess(twice, encodings)
    assert values(strangers, "identical encodings") == [1.0]
    assert values(strangers, "accidental neighbours")[0] > 3.9
    entity = np.array([str(row % 50) for row in range(250)], object)
    same = assess(twice, replace(encodings, entity=entity))
    assert values(same, "identical encodings") == [0.0]
    assert values(same, "accidental neighbours")[0] < 1
    assert same.digest() == checked(twice, encodings, entity=entity).digest()


def test_several_filters_are_attacked_alone_and_together(table: pa.Table) -> None:
    composite = {"fields": ["first", "last", "date"], "bitsPerToken": 20}
    extra = {"l": 256, "composites": [{"fields": ["sex", "first"], "bitsPerToken": 20}]}
    schema = schema_of([composite], filters=[extra], match_keys=[["first", "last"]])
    few = table.slice(0, 900)
    report = assess(few, encode(few, schema, KEY, workers=1), graph_rows=300)
    together = "all filters and match keys"
    parts = {m.part.partition(",")[0] for m in report.metrics if m.family == "naive Bayes"}
    assert parts == {"filter 1", "filter 2", together}
    sex = {m.part.partition(",")[0]: m.value for m in report.metrics if "sex, 500" in m.part}
    assert values(report, "naive Bayes", "filter 1, sex")[0] < 0.1
    assert values(report, "naive Bayes", "filter 2, sex")[0] > 0.4
    assert values(report, "naive Bayes", f"{together}, sex")[0] > 0.4
    assert set(sex) == parts
    assert {m.part for m in report.metrics if m.family == "graph matching"} == parts


def test_a_lone_frequent_token_is_caught_by_its_frequency(table: pa.Table) -> None:
    joined = {"fields": ["first", "last", "date"], "bitsPerToken": 60}
    alone = {"fields": ["sex"], "bitsPerToken": 10}
    for composites, red in (([joined], False), ([joined, alone], True)):
        schema = schema_of(composites)
        few = table.slice(0, 900)
        report = assess(few, encode(few, schema, KEY, workers=1), graph_rows=100)
        assert (values(report, "frequent bits", "sex")[0] > 0.4) is red
        assert ("red" in lights(report, "most frequent token")) is red


def test_frequent_match_keys_are_caught(table: pa.Table) -> None:
    joined = {"fields": ["first", "last", "date"], "bitsPerToken": 60}
    few = table.slice(0, 400)
    for fields, red in ((["first", "last", "date", "sex"], False), (["first"], True)):
        schema = schema_of([joined], match_keys=[fields])
        report = assess(few, encode(few, schema, KEY, workers=1), graph_rows=100)
        assert ("red" in lights(report, "most frequent match key")) is red
        assert ("red" in lights(report, "frequency alignment")) is red


def test_a_table_that_was_not_the_one_is_refused(table: pa.Table) -> None:
    schema, _ = new_schema("weak", [table.column_names])
    encodings = encode(table.slice(0, 9), schema, KEY, workers=1)
    with pytest.raises(InputError, match="rows of data but"):
        assess(table.slice(0, 10), encodings)
    other, _ = new_schema("diffused", [table.column_names])
    with pytest.raises(InputError, match="schema is not the one"):
        assess(table.slice(0, 9), encodings, other)


def test_a_red_report_stops_a_submission(table: pa.Table) -> None:
    few = table.slice(0, 400)
    schema, _ = new_schema("clkhash", [table.column_names])
    with pytest.raises(RiskError, match="most frequent token"):
        checked(few, encode(few, schema, KEY, workers=1))
    schema, _ = new_schema("weak", [table.column_names])
    assert len(checked(few, encode(few, schema, KEY, workers=1)).digest()) == 64


def test_the_command_exits_1_on_red_and_writes_a_page(
    table: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from blindlink.cli.clk.assess import assess as command

    few = table.slice(0, 400)
    write_table(few, tmp_path / "d.csv.gz")
    schema, _ = new_schema("clkhash", [table.column_names])
    write_encodings(encode(few, schema, KEY, workers=1), tmp_path / "A.parquet")
    data, html = str(tmp_path / "d.csv.gz"), str(tmp_path / "R.html")
    arguments = [str(tmp_path / "A.parquet"), "--data", data, "--html", html, "--json"]
    assert command.main(arguments, standalone_mode=False) == 1
    assert json.loads(capsys.readouterr().out)["light"] == "red"
    text = (tmp_path / "R.html").read_text()
    assert "red" in text
    assert "src=" not in text
    write_table(table.slice(0, 5), tmp_path / "short.csv")
    with pytest.raises(InputError, match="fewer rows"):
        assess_file(tmp_path / "A.parquet", tmp_path / "short.csv")


def test_encodings_that_carry_no_schema_need_it_given(table: pa.Table, tmp_path: Path) -> None:
    few = table.slice(0, 200)
    schema, _ = new_schema("weak", [table.column_names])
    write_table(few, tmp_path / "d.parquet")
    write_clkhash(encode(few, schema, KEY, workers=1), tmp_path / "A.json")
    (tmp_path / "S.json").write_text(schema.to_json())
    files = (tmp_path / "A.json", tmp_path / "d.parquet")
    without = assess_file(*files)
    assert lights(without, "graph matching") == {"none"}
    assert lights(without, "most frequent token") == {"none"}
    given = assess_file(*files, schema=tmp_path / "S.json")
    assert lights(given, "most frequent token") == {"green"}


def test_a_sample_sparser_than_the_file_cannot_be_green(table: pa.Table) -> None:
    few = table.slice(0, 300)
    schema = schema_of([{"fields": ["first", "last", "sex"], "bitsPerToken": 2}])
    encodings = encode(few, schema, KEY, workers=1)
    dense = assess(few, encodings, people=10**6)
    found = [m for m in dense.metrics if m.family == "graph matching"]
    assert all("neighbours each in the sample" in metric.text for metric in found)
    assert {metric.light for metric in found} <= {"amber", "red"}


def expanded(encodings: Encodings, bits: int, t: int) -> Encodings:
    """Every output bit the XOR of ``t`` bits: our own diffusion refuses to expand."""
    rng = np.random.default_rng(1)
    before = np.unpackbits(encodings.filters[0], axis=1, count=encodings.bits[0])
    chosen = np.array([rng.permutation(encodings.bits[0])[:t] for _ in range(bits)])
    after = np.bitwise_xor.reduce(before[:, chosen], axis=2)
    packed = np.packbits(after, axis=1)
    return replace(encodings, filters=(packed,), bits=(bits,), schema_document=None)


def test_the_rank_gives_an_expanding_diffusion_away(table: pa.Table) -> None:
    few = table.slice(0, 700)
    schema = schema_of([{"fields": ["first", "last", "date"], "bitsPerToken": 90}], length=256)
    encodings = encode(few, schema, KEY, workers=1)
    grown = assess(few, expanded(encodings, 512, 10))
    assert values(grown, "GF(2) rank")[0] == pytest.approx(0.5, abs=0.01)
    assert lights(grown, "GF(2) rank") == {"red"}
    assert lights(grown, "graph matching") == {"none"}
    same = assess(few, expanded(encodings, 240, 10))
    assert lights(same, "GF(2) rank") == {"green"}


@pytest.mark.parametrize(("t", "red"), [(2, True), (12, False)])
def test_xors_give_a_diffusion_of_few_bits_away(table: pa.Table, t: int, red: bool) -> None:
    few = table.slice(0, 900)
    parts = ["sex", "first", "last", "date"]
    schema = schema_of([{"fields": [name], "bitsPerToken": 120} for name in parts])
    report = assess(few, expanded(encode(few, schema, KEY, workers=1), 512, t), graph_rows=100)
    assert ("red" in lights(report, "XORs of two bits")) is red
    assert (lights(report, "biased XORs") == {"green"}) is not red
