"""Raw extracts in, contract tables out: nothing lost, every fault counted, no value repeated."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator

from blindlink import frames
from blindlink.cli import run
from blindlink.errors import InputError, OutputError
from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.findings import Findings
from blindlink.owner.tables.importing import Rules, import_folder, import_tables
from blindlink.owner.tables.layouts import load_layout
from blindlink.owner.tables.permission import UNCLEAR
from blindlink.owner.tables.raw_cells import (
    IMPOSSIBLE,
    PARTIAL,
    RANGE,
    UNKNOWN,
    UNLISTED,
    UNREADABLE,
)
from blindlink.schema.quality import Limits
from blindlink.studies.probation_treatment.contract import EXTRACTS as CONTRACTS
from blindlink.studies.probation_treatment.contract import extract_schemas
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.pathways import build
from blindlink.studies.probation_treatment.statistics import flow
from blindlink.synthetic.demo import parties
from worlds.raw_layouts import ndelius_tables, ndtms_tables, write_raw
from worlds.synthetic import small_study

OWNERS = {"ndelius": "moj", "ndtms": "ohid"}
EXTRACTS = {"ndelius": "probation", "ndtms": "treatment"}
CANARY = "Zaphodine"
Row = dict[str, str]

CLIENT: Row = {
    "CLIENTID": "C1", "FINITIAL": "A", "SINITIAL": "B", "DOB": "02/03/1980", "SEX": "1",
    "CONSENT": "Y", "PC": "LS7", "LA": "Leeds", "REGION": "Yorkshire and The Humber",
}  # fmt: skip
EPISODE: Row = {
    "CLIENTID": "C1", "EPISODID": "E1", "AGNCY": "A0001", "REGION": "London", "SEX": "1",
    "AGE": "", "ETHNIC": "A", "RFLS": "self", "TRIAGED": "01/02/2020", "DISD": "01/05/2020",
    "DISRSN": "80", "DRUG1": "1011", "DRUG2": "", "DRUG3": "", "MODAL": "psychosocial",
    "MODST": "", "MODEND": "",
}  # fmt: skip
TOP: Row = {
    "CLIENTID": "C1", "EPISODID": "E1", "TOPDATE": "02/02/2020", "TRSTAGE": "S", "ALCUSE": "28",
    "OPIUSE": "0", "CRAUSE": "", "COCAUSE": "", "AMPHUSE": "", "CANNUSE": "", "OTDRGUSE": "",
    "IVDRGUSE": "",
}  # fmt: skip
OFFENDER: Row = {
    "CRN": "X1", "FIRST_NAME": CANARY, "SURNAME": "Beeble", "DATE_OF_BIRTH_DATE": "1980-03-02",
    "GENDER": "Female", "ETHNICITY": "A1", "DECEASED_DATE": "",
}  # fmt: skip
ALIAS: Row = {
    "CRN": "X1", "FIRST_NAME": CANARY, "SURNAME": "Brox", "DATE_OF_BIRTH_DATE": "1980-03-02",
    "GENDER": "Female",
}  # fmt: skip
ADDRESS: Row = {
    "CRN": "X1", "POSTCODE": "LS7 4BT", "NO_FIXED_ABODE": "N", "LOCAL_AUTHORITY": "Leeds",
    "REGION": "", "START_DATE": "", "END_DATE": "",
}  # fmt: skip
REQUIREMENT: Row = {
    "CRN": "X1", "EVENT_ID": "S1", "RQMNT_ID": "R1", "DISPOSAL_DATE": "2020-01-01 00:00:00",
    "DISPOSAL_TYPE": "Community Order", "RQMNT_TYPE_MAIN_CATEGORY": "Alcohol Treatment",
    "MAIN_OFFENCE": "Theft", "OGRS3_SCORE_2": "40", "DYNAMIC_RSR_SCORE": "2.5",
    "ACCOMMODATION": "Settled", "LENGTH_IN_DAYS": "365", "TERMINATION_DATE": "2020-06-01",
    "TERMINATION_REASON": "Expired", "IN_BREACH": "N", "REGION": "", "GENDER": "", "AGE": "",
}  # fmt: skip
GOOD: dict[str, dict[str, list[Row]]] = {
    "ndtms": {"client": [CLIENT], "episode": [EPISODE], "top": [TOP]},
    "ndelius": {
        "offender": [OFFENDER], "alias": [ALIAS], "offender_address": [ADDRESS],
        "requirement": [REQUIREMENT],
    },
}  # fmt: skip

# system, file, changed cells of one further row, field, problem
FAULTS: list[tuple[str, str, Row, str, str]] = [
    ("ndtms", "client", {"DOB": "30/02/1980"}, "DOB", PARTIAL),
    ("ndtms", "client", {"DOB": CANARY}, "DOB", UNREADABLE),
    ("ndtms", "client", {"DOB": "01/01/1066"}, "DOB", RANGE),
    ("ndtms", "client", {"SEX": CANARY}, "SEX", UNKNOWN),
    ("ndtms", "client", {"SEX": "9"}, "SEX", "recorded as not known"),
    ("ndtms", "client", {"FINITIAL": "AB"}, "FINITIAL", UNREADABLE),
    ("ndtms", "client", {"CLIENTID": ""}, "person", rows.NO_PERSON),
    ("ndtms", "client", {}, "person", rows.SAME_ROW),
    ("ndtms", "client", {"LA": "York"}, "person", rows.SAME_ID),
    ("ndtms", "client", {"CLIENTID": "C2", "CONSENT": "N"}, "CONSENT", "no consent to sharing"),
    ("ndtms", "episode", {"DISRSN": "42"}, "DISRSN", UNKNOWN),
    ("ndtms", "episode", {"DRUG1": "0012"}, "DRUG1", UNKNOWN),
    ("ndtms", "episode", {"DRUG1": "1012"}, "DRUG1", UNLISTED),
    ("ndtms", "episode", {"AGE": "7"}, "AGE", RANGE),
    ("ndtms", "episode", {"TRIAGED": ""}, "TRIAGED", "missing"),
    ("ndtms", "episode", {"DISD": "01/01/2020"}, "DISD", "before TRIAGED"),
    ("ndtms", "episode", {"DISRSN": ""}, "DISRSN", "discharge date without reason"),
    ("ndtms", "episode", {"DISD": ""}, "DISD", "discharge reason without date"),
    ("ndtms", "episode", {"CLIENTID": ""}, "person", rows.NO_PERSON),
    ("ndtms", "episode", {"CLIENTID": "C9"}, "CONSENT", UNCLEAR),
    ("ndtms", "episode", {}, "EPISODID", "duplicate id"),
    (
        "ndtms",
        "episode",
        {"EPISODID": "E2", "TRIAGED": "01/03/2020", "DISD": ""},
        "TRIAGED",
        "overlaps another episode of the client",
    ),
    ("ndtms", "episode", {"TRIAGED": "01/01/1970"}, "TRIAGED", "before DOB"),
    ("ndtms", "top", {"ALCUSE": "29"}, "ALCUSE", RANGE),
    ("ndtms", "top", {"ALCUSE": "-1"}, "ALCUSE", RANGE),
    ("ndtms", "top", {"ALCUSE": "many"}, "ALCUSE", UNREADABLE),
    ("ndtms", "top", {"TRSTAGE": "X"}, "TRSTAGE", UNKNOWN),
    ("ndtms", "top", {"EPISODID": "E9"}, "EPISODID", rows.NO_EVENT),
    ("ndtms", "top", {}, "TOPDATE", rows.SAME_ROW),
    ("ndelius", "offender", {"CRN": ""}, "person", rows.NO_PERSON),
    ("ndelius", "offender", {"SURNAME": "Other"}, "person", rows.SAME_ID),
    ("ndelius", "alias", {"CRN": "X9"}, "person", rows.UNKNOWN_PERSON),
    (
        "ndelius",
        "offender_address",
        {"POSTCODE": "YO1 1AA"},
        "END_DATE",
        "several current addresses",
    ),
    (
        "ndelius",
        "offender_address",
        {"NO_FIXED_ABODE": "Y"},
        "POSTCODE",
        "postcode with no fixed abode",
    ),
    ("ndelius", "requirement", {"CRN": ""}, "person", rows.NO_PERSON),
    ("ndelius", "requirement", {"CRN": "X9"}, "person", rows.UNKNOWN_PERSON),
    ("ndelius", "requirement", {}, "RQMNT_ID", "duplicate id"),
    ("ndelius", "requirement", {"OGRS3_SCORE_2": "101"}, "OGRS3_SCORE_2", RANGE),
    (
        "ndelius",
        "requirement",
        {"TERMINATION_DATE": "2019-12-31"},
        "TERMINATION_DATE",
        "before DISPOSAL_DATE",
    ),
    (
        "ndelius",
        "requirement",
        {"RQMNT_TYPE_MAIN_CATEGORY": CANARY},
        "RQMNT_TYPE_MAIN_CATEGORY",
        UNKNOWN,
    ),
    ("ndelius", "requirement", {"DISPOSAL_DATE": "31/11/2020"}, "DISPOSAL_DATE", IMPOSSIBLE),
]


def tables(raw: dict[str, list[Row]]) -> dict[str, pa.Table]:
    return {name: pa.Table.from_pylist(rows) for name, rows in raw.items()}


def texts(table: pa.Table) -> pd.DataFrame:
    frame = pd.DataFrame({name: frames.texts(table, name) for name in sorted(table.column_names)})
    return frame.sort_values(list(frame.columns), ignore_index=True)


def imported(system: str, raw: dict[str, list[Row]]) -> tuple[dict[str, pa.Table], Findings]:
    lenient = Rules(unclear="leave-out")
    return import_tables(load_layout(system), tables(raw), CONTRACTS[EXTRACTS[system]], lenient)


@pytest.mark.parametrize("system", ["ndelius", "ndtms"])
def test_the_study_comes_back_whole(system: str) -> None:
    study = small_study().tables
    raw = ndelius_tables(study) if system == "ndelius" else ndtms_tables(study)
    made, findings = import_tables(load_layout(system), raw, CONTRACTS[EXTRACTS[system]])
    for name, table in made.items():
        assert texts(table).equals(texts(study[f"{OWNERS[system]}/{name}"]))
        assert findings.written[name] == table.num_rows
    kept = {each.problem for each in findings.faults()}
    assert kept <= {
        "overlaps another episode of the client",
        "before DISPOSAL_DATE",
        "duplicate id",
    }


@pytest.mark.parametrize("system", ["ndelius", "ndtms"])
def test_good_rows_have_no_fault(system: str) -> None:
    made, findings = imported(system, GOOD[system])
    assert findings.faults() == []
    schema = extract_schemas()[f"extract-{EXTRACTS[system]}.json"]
    for name, table in made.items():
        for row in table.to_pylist():
            Draft202012Validator(schema["$defs"][name]).validate(row)


def test_what_a_good_requirement_becomes() -> None:
    made, _ = imported("ndelius", GOOD["ndelius"])
    assert made["events"].to_pylist() == [
        {
            "entity_id": "X1", "sentence_id": "S1", "requirement_id": "R1",
            "sentence_date": "2020-01-01", "order_type": "community_order", "requirement": "ATR",
            "offence_category": "theft", "ogrs3_score": "40", "rsr_score": "2.5",
            "accommodation_status": "settled", "sentence_length_days": "365",
            "termination_date": "2020-06-01", "termination_reason": "expired", "in_breach": "0",
            "region": "", "ethnicity": "asian", "sex": "F", "age_at_sentence": "39",
            "deceased_date": "",
        }
    ]  # fmt: skip
    assert [row["kind"] for row in made["identities"].to_pylist()] == ["main", "alias"]
    assert {row["postcode"] for row in made["identities"].to_pylist()} == {"LS7 4BT"}


@pytest.mark.parametrize(("system", "file", "changes", "field", "problem"), FAULTS)
def test_a_fault_is_counted_once(
    system: str, file: str, changes: Row, field: str, problem: str
) -> None:
    raw = {name: list(rows) for name, rows in GOOD[system].items()}
    _, before = imported(system, raw)
    raw[file].append(raw[file][0] | changes)
    made, findings = imported(system, raw)
    assert before.count(file, field, problem) == 0
    assert findings.count(file, field, problem) == 1
    for name, table in made.items():
        CONTRACTS[EXTRACTS[system]].check_table(name, table)
    for report in (findings.to_json(), findings.to_html(), findings.to_text()):
        assert CANARY not in report
        assert problem in report or problem in ("missing", "recorded as not known")


def test_a_row_is_left_out_only_without_person_or_consent() -> None:
    for system, file, changes, _, problem in FAULTS:
        raw = {name: list(rows) for name, rows in GOOD[system].items()}
        if file in ("client", "offender", "alias", "offender_address"):
            continue
        raw[file].append(raw[file][0] | changes)
        made, _ = imported(system, raw)
        table = made["details" if file == "top" else "events"]
        assert table.num_rows == (1 if problem in (rows.NO_PERSON, UNCLEAR) else 2)


def test_nobody_who_does_not_consent_is_handed_on() -> None:
    raw = {name: [r, r | {"CLIENTID": "C2"}] for name, (r,) in GOOD["ndtms"].items()}
    raw["client"][1]["CONSENT"] = "N"
    made, findings = imported("ndtms", raw)
    assert {row["entity_id"] for table in made.values() for row in table.to_pylist()} == {"C1"}
    assert findings.count("episode", "CONSENT", "no consent to sharing") == 1


def test_the_owners_own_code_list(tmp_path: Path) -> None:
    codes = tmp_path / "codes.json"
    codes.write_text('{"RFLS": {"source": "our release", "values": {"07": "probation"}}}')
    raw = GOOD["ndtms"] | {"episode": [EPISODE | {"RFLS": "07"}]}
    made, findings = import_tables(load_layout("ndtms", codes), tables(raw), CONTRACTS["treatment"])
    assert made["events"].column("referral_source").to_pylist() == ["probation"]
    assert findings.count("episode", "RFLS", UNKNOWN) == 0
    codes.write_text('{"SEX": {"source": "wrong", "values": {"1": "male"}}}')
    with pytest.raises(InputError, match="column sex: 1 different values break the contract"):
        import_tables(load_layout("ndtms", codes), tables(raw), CONTRACTS["treatment"])
    codes.write_text('{"NAMES": {"source": "x", "values": {}}}')
    with pytest.raises(InputError, match="NAMES is no code list of ndtms"):
        load_layout("ndtms", codes)
    codes.write_text('{"SEX": {}}')
    with pytest.raises(InputError, match="is not a file of code lists"):
        load_layout("ndtms", codes)


def write(folder: Path, raw: dict[str, list[Row]]) -> None:
    folder.mkdir()
    for name, table in tables(raw).items():
        frames.write_table(table, folder / f"{name}.csv")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    nobody = EPISODE | {"CLIENTID": " ", "EPISODID": "E7"}
    write(raw, GOOD["ndtms"] | {"episode": [EPISODE | {"DISRSN": CANARY}, nobody]})
    command = ["owner", "import", str(raw), "--system", "ndtms", "--out", str(out)]
    assert run(command) == InputError.exit_code
    printed = capsys.readouterr()
    assert "episode.DISRSN: unknown code: 1 rows (rows 1)" in printed.err
    assert "--bad-cells missing" in printed.err
    assert CANARY not in printed.out + printed.err
    assert not out.exists()
    command += ["--bad-cells", "missing"]
    assert run(command) == InputError.exit_code
    assert "1 of 2 codes are in no list (50.0%, at most 2.0%)" in capsys.readouterr().err
    for row in range(60):
        with (raw / "episode.csv").open("a") as file:
            file.write(",".join((EPISODE | {"EPISODID": f"F{row}"}).values()) + "\n")
    assert run(command) == 0
    printed = capsys.readouterr()
    assert "episode.DISRSN: unknown code: 1 rows (rows 1), value set to missing" in printed.out
    assert CANARY not in printed.out + printed.err
    assert sorted(path.name for path in out.iterdir()) == [
        "data-quality.html",
        "data-quality.json",
        "details.csv",
        "events.csv",
        "identities.csv",
        "left-out",
    ]
    assert "E7" in (out / "left-out" / "episode.csv").read_text()
    assert json.loads((out / "data-quality.json").read_text())["rows_read"]["episode"] == 62
    assert run(command) == OutputError.exit_code
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["no file", "no column"])
def test_a_folder_that_lacks_something_leaves_nothing_behind(tmp_path: Path, fault: str) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    write(raw, GOOD["ndtms"])
    if fault == "no file":
        (raw / "top.csv").unlink()
    else:
        (raw / "top.csv").write_text("CLIENTID\nC1\n")
    with pytest.raises(InputError, match=r"no file holds top|top: column EPISODID is missing"):
        import_folder("ndtms", raw, out, CONTRACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


# What each fault of a raw row becomes in the analyst's table "Checks of the data".
THROUGH: list[tuple[str, str, Row, str]] = [
    ("ndelius", "requirement", {"RQMNT_TYPE_MAIN_CATEGORY": "Unpaid work"}, "another requirement"),
    ("ndelius", "requirement", {"RQMNT_TYPE_MAIN_CATEGORY": "?"}, "unknown requirement"),
    ("ndelius", "requirement", {"DISPOSAL_DATE": "2020-02-31"}, "no sentence date"),
    ("ndelius", "requirement", {"DISPOSAL_DATE": "2023-01-01"}, "sentenced after the observation"),
    ("ndelius", "requirement", {"RQMNT_ID": "="}, "duplicate requirement"),
    (
        "ndelius",
        "requirement",
        {"TERMINATION_DATE": "2017-01-01"},
        "termination_date before the sentence",
    ),
    ("ndtms", "episode", {"TRIAGED": ""}, "no triage date"),
    (
        "ndtms",
        "episode",
        {"TRIAGED": "01/02/2020", "DISD": "01/01/2020"},
        "discharged before triage",
    ),
    ("ndtms", "episode", {"EPISODID": "="}, "duplicate episode"),
    ("ndtms", "episode", {"TRIAGED": "=", "EPISODID": "new"}, "overlaps another episode"),
    (
        "ndtms",
        "episode",
        {"DISRSN": "42", "TRIAGED": "01/02/2019", "DISD": "01/03/2019"},
        "discharged without a reason",
    ),
    ("ndtms", "top", {"TRSTAGE": "X"}, "unknown stage"),
]


def with_faults(frame: pd.DataFrame, file: str, people: set[str]) -> pd.DataFrame:
    """The raw file with each fault of THROUGH in one more row of each of these people."""
    key, number = ("CRN", "RQMNT_ID") if file == "requirement" else ("CLIENTID", "EPISODID")
    mine = frame[frame[key].isin(people)].drop_duplicates(key)
    parts = [frame]
    for i, changes in enumerate(changes for _, f, changes, _ in THROUGH if f == file):
        fresh = mine.assign(**{number: mine[number] + f"-{i}"})
        for name, value in changes.items():
            fresh[name] = mine[name] if value == "=" else value
        parts.append(fresh)
    return pd.concat(parts, ignore_index=True)


def test_faults_reach_the_analysts_table(tmp_path: Path) -> None:
    """Raw files with faults -> import -> submit -> link -> cohort -> data quality of the report."""
    study, play = small_study().tables, tmp_path / "play"
    true = study["truth/people"].to_pandas().head(30)
    people = {"ndelius": set(true["moj_entity_id"]), "ndtms": set(true["ohid_entity_id"])}
    write_raw(study, tmp_path / "raw")
    for system, file in {(system, file) for system, file, _, _ in THROUGH}:
        path = tmp_path / "raw" / system / f"{file}.csv"
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        faulty = with_faults(frame, file, people[system])
        if file == "requirement":
            stranger = frame.iloc[[0]].assign(CRN="X-unknown", RQMNT_ID="R-unknown")
            faulty = pd.concat([faulty, stranger])
        faulty.to_csv(path, index=False)
    play.mkdir()
    cast = {name: parties.make_party(name, play, 1) for name in parties.PROBATION.roles}
    parties.exchange_public(cast)
    written = {}
    for system, owner in OWNERS.items():
        anything = {"*": Limits(unreadable="1", unknown="1")}
        made, findings = import_folder(
            system,
            tmp_path / "raw" / system,
            tmp_path / owner,
            CONTRACTS,
            rules=Rules(tolerant=True, limits=anything),
        )
        written[owner] = findings.written
        for name, table in made.items():
            frames.write_table(table, play / owner / f"{name}.csv")
    parties.draw_up(cast)
    parties.share_secret(cast)
    for owner in parties.PROBATION.owners:
        parties.hand_in(cast[owner], cast["linker"])
    parties.link(cast["linker"], cast["analyst"])
    pathways = build(parties.open_cohort(cast["analyst"]), Settings())
    told = flow.data_quality(pathways).frame.set_index("problem")["rows"]
    for system, _, _, problem in THROUGH:
        least = len(people[system]) if system == "ndelius" else 5
        assert told[problem] >= least, problem
    received = flow.flow(pathways).frame.set_index("stage").loc["received", "requirements"]
    assert received == written["moj"]["events"]
