"""The risk report, with its negative control: a stock CLK of weak identifiers must come out red."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import InputError, RiskError
from blindlink.formats.encodings import write_encodings
from blindlink.keys import LinkageKey
from blindlink.owner.encode import encode
from blindlink.owner.profiles import new_schema
from blindlink.owner.risk import RiskReport, assess, checked_digest
from blindlink.owner.risk_files import as_html, assess_file

KEY = LinkageKey(bytes(range(32)))
ROWS = 1600


@pytest.fixture(scope="module")
def people() -> pa.Table:
    rng = np.random.default_rng(1)
    letters = np.array(list("ABCDEFGHJKLMNPRSTW"))
    days = rng.integers(0, 18000, ROWS).astype("datetime64[D]")
    return pa.table(
        {
            "first_initial": rng.choice(letters, ROWS).tolist(),
            "last_initial": rng.choice(letters, ROWS).tolist(),
            "date_of_birth": days.astype(str).tolist(),
            "sex": np.where(rng.random(ROWS) < 0.3, "F", "M").tolist(),
            "postcode_outward": [f"LS{i}" for i in rng.integers(1, 99, ROWS)],
            "local_authority": [f"Town {i}" for i in rng.integers(1, 60, ROWS)],
        }
    )


def report(people: pa.Table, profile: str) -> RiskReport:
    schema, _ = new_schema(profile, [people.column_names])
    return assess(people, encode(people, schema, KEY))


def gains(found: RiskReport, word: str) -> list[float]:
    return [metric.value for metric in found.metrics if word in metric.name]


@pytest.fixture(scope="module")
def weak(people: pa.Table) -> RiskReport:
    return report(people, "weak")


def test_a_stock_clk_of_weak_identifiers_is_red_and_the_attacks_succeed(people: pa.Table) -> None:
    found = report(people, "clkhash")
    assert found.light == "red"
    assert min(gains(found, "sex by")) > 0.2
    assert gains(found, "sex by principal")[0] > 0.45
    assert max(gains(found, "birth month by naive Bayes")) > 0.5
    assert any(m.name == "most frequent bit" and m.light == "red" for m in found.metrics)


def test_the_weak_profile_stays_at_the_guess_rate(weak: RiskReport) -> None:
    assert max(gains(weak, "by ")) < 0.07
    assert not [m for m in weak.metrics if m.light == "red"]


def test_the_report_is_reproducible_and_holds_no_value(people: pa.Table) -> None:
    first, second = (report(people.slice(0, 300), "weak") for _ in range(2))
    assert first.digest() == second.digest()
    text = json.dumps(first.document()) + first.text() + as_html(first)
    assert "Town" not in text
    assert "LS1" not in text
    assert len(first.digest()) == 64


def test_identical_encodings_of_one_entity_do_not_count(people: pa.Table) -> None:
    twice = pa.concat_tables([people.slice(0, 50)] * 6)
    schema, _ = new_schema("weak", [people.column_names])
    strangers = assess(twice, encode(twice, schema, KEY))
    entities = twice.append_column("entity_id", pa.array([str(i % 50) for i in range(300)]))
    same = assess(entities, encode(entities, schema, KEY))
    assert gains(strangers, "identical") == [1.0]
    assert gains(same, "identical") == [0.0]


def test_a_red_report_stops_a_submission(people: pa.Table) -> None:
    few = people.slice(0, 600)
    schema, _ = new_schema("clkhash", [people.column_names])
    with pytest.raises(RiskError, match="sex by principal components"):
        checked_digest(few, encode(few, schema, KEY))
    weak, _ = new_schema("weak", [people.column_names])
    assert len(checked_digest(few, encode(few, weak, KEY))) == 64


def test_a_table_that_was_not_the_one_is_refused(people: pa.Table) -> None:
    schema, _ = new_schema("weak", [people.column_names])
    encodings = encode(people.slice(0, 9), schema, KEY)
    with pytest.raises(InputError, match="rows of data but"):
        assess(people.slice(0, 10), encodings)


def test_the_command_exits_1_on_red_and_writes_a_page(
    people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from blindlink.cli.clk_assess import assess as command
    from blindlink.frames import write_table

    few = people.slice(0, 1100)
    write_table(few, tmp_path / "d.csv")
    schema, _ = new_schema("clkhash", [people.column_names])
    write_encodings(encode(few, schema, KEY), tmp_path / "A.parquet")
    data, page = str(tmp_path / "d.csv"), str(tmp_path / "R.html")
    arguments = [str(tmp_path / "A.parquet"), "--data", data, "--html", page, "--json"]
    assert command.main(arguments, standalone_mode=False) == 1
    assert json.loads(capsys.readouterr().out)["light"] == "red"
    assert "Disclosure-risk report: red" in (tmp_path / "R.html").read_text()
    write_table(people.slice(0, 5), tmp_path / "short.csv")
    with pytest.raises(InputError, match="fewer rows"):
        assess_file(tmp_path / "A.parquet", tmp_path / "short.csv")
