"""Files as source systems write them, tried on the public layouts: nothing is lost in silence, and
nothing is let through by accident. Every person in ``tests/real_files`` is invented."""

import csv
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.errors import InputError
from blindlink.owner.tables.authorities import authority
from blindlink.owner.tables.findings import Findings
from blindlink.owner.tables.importing import Rules, import_folder, import_tables, read_raw
from blindlink.owner.tables.layouts import SYSTEMS, load_layout
from blindlink.owner.tables.permission import DELETED, REFUSED, UNCLEAR
from blindlink.owner.tables.raw_cells import PARTIAL, PLACEHOLDER
from blindlink.schema.quality import Limits
from blindlink.studies.probation_treatment.contract import EXTRACTS
from worlds.raw_layouts import SET_K, dumped, ndelius_tables, ndtms_whole
from worlds.synthetic import small_study

FILES = Path(__file__).parents[2] / "real_files"
ANYTHING = {"*": Limits(unreadable="1", unknown="1", placeholder="1", missing="1", unjoined="1")}
OWN = {name: Limits(missing="1", placeholder="1") for name in ("date_of_birth", "sex", "surname")}
LENIENT = Rules(unclear="leave-out", tolerant=True, limits=ANYTHING | OWN)
Tables = dict[str, list[dict[str, str]]]


def imported(
    system: str, folder: Path, out: Path, rules: Rules = LENIENT
) -> tuple[Tables, Findings]:
    made, findings = import_folder(system, folder, out, EXTRACTS, rules=rules)
    return {name: table.to_pylist() for name, table in made.items()}, findings


def changed(tmp_path: Path, source: str, file: str, change: dict[str, str]) -> Path:
    """A copy of a folder of inputs with every cell of some columns replaced."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in (FILES / source).glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if path.stem == file:
            frame = frame.assign(**change)
        frame.to_csv(folder / path.name, index=False)
    return folder


# 1. Permission


def test_only_a_known_consent_lets_a_person_through(tmp_path: Path) -> None:
    made, findings = imported("ndtms", FILES / "consent", tmp_path / "out")
    assert {row["entity_id"] for rows in made.values() for row in rows} == {"1001"}
    assert findings.count("client", "CONSENT", REFUSED) == 3
    assert findings.count("client", "CONSENT", UNCLEAR) == 1
    with pytest.raises(InputError, match=r"consent is empty, in no list, or not stated at all"):
        imported("ndtms", FILES / "consent", tmp_path / "other", Rules())


@pytest.mark.parametrize(
    "word", ["", " ", "NA", "Yes", "true", "1", "1.0", "J", "y?", "YES", "Y N", "unknown"]
)
def test_a_word_of_no_list_is_no_consent(tmp_path: Path, word: str) -> None:
    folder = changed(tmp_path, "consent", "client", {"CONSENT": word})
    made, findings = imported("ndtms", folder, tmp_path / "out")
    assert not any(made.values())
    assert findings.count("client", "CONSENT", UNCLEAR) == 5
    with pytest.raises(InputError, match="consent"):
        imported("ndtms", folder, tmp_path / "other", Rules(tolerant=True, limits=ANYTHING | OWN))


@pytest.mark.parametrize("word", ["N", "n", "No", "0", "2", "Refused", "false", "0.0"])
def test_a_refusal_is_one_in_any_spelling(tmp_path: Path, word: str) -> None:
    folder = changed(tmp_path, "consent", "client", {"CONSENT": word})
    made, findings = imported("ndtms", folder, tmp_path / "out")
    assert not any(made.values())
    assert findings.count("client", "CONSENT", REFUSED) == 5


def test_consent_of_another_type_is_none(tmp_path: Path) -> None:
    raw = {p.stem: frames.read_table(p) for p in (FILES / "consent").glob("*.csv")}
    place = raw["client"].column_names.index("CONSENT")
    for values in ([True] * 5, [False] * 5, [1.0] * 5, [None] * 5):
        raw["client"] = raw["client"].set_column(place, "CONSENT", pa.array(values))
        made, _ = import_tables(load_layout("ndtms"), raw, EXTRACTS["treatment"], LENIENT)
        assert sum(table.num_rows for table in made.values()) == 0


def test_own_codes_add_and_cannot_open_what_is_closed(tmp_path: Path) -> None:
    codes = tmp_path / "codes.json"
    codes.write_text('{"CONSENT": {"source": "ours", "values": {"Yes": "Y", "Nein": "N"}}}')
    merged = load_layout("ndtms", codes).codes["CONSENT"].values
    assert merged["Yes"] == "Y"
    assert merged["N"] == merged["Nein"] == merged["Refused"] == "N"
    for closed in ("N", "refused", "0"):
        codes.write_text(json.dumps({"CONSENT": {"source": "x", "values": {closed: "Y"}}}))
        with pytest.raises(InputError, match="takes a refusal for a consent"):
            load_layout("ndtms", codes)


@pytest.mark.parametrize("spelling", ["01003", "1003.0", " 1003", "1,003", "1.003E+03"])
def test_a_refusal_reaches_every_spelling_of_the_person(tmp_path: Path, spelling: str) -> None:
    folder = changed(tmp_path, "consent", "client", {"CONSENT": "Y"})
    client = pd.read_csv(folder / "client.csv", dtype=str)
    refusal = client.iloc[[2]].assign(CLIENTID=spelling, CONSENT="N")
    pd.concat([client, refusal]).to_csv(folder / "client.csv", index=False)
    made, _ = imported("ndtms", folder, tmp_path / "out")
    ids = {row["entity_id"] for rows in made.values() for row in rows}
    assert ids == {"1001", "1002", "1004", "1005"}


def test_a_file_without_consent_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column CONSENT is missing, so nobody is known"):
        imported("ndtms", FILES / "floats", tmp_path / "out", Rules())
    with pytest.raises(InputError, match="consent was asked"):
        imported("ndtms", FILES / "consent", tmp_path / "out", Rules(unclear="not-asked"))


def test_deleted_rows_stay_where_they_are(tmp_path: Path) -> None:
    made, findings = imported("ndelius", FILES / "ndelius", tmp_path / "out")
    assert "X100003" not in {row["entity_id"] for row in made["identities"] if row["surname"]}
    deleted = sum(findings.count(f, "SOFT_DELETED", DELETED) for f in findings.read)
    with (FILES / "ndelius" / "requirement.csv").open() as file:
        gone = [row["RQMNT_ID"] for row in csv.DictReader(file) if row["SOFT_DELETED"] == "1"]
    assert not {row["requirement_id"] for row in made["events"]} & set(gone)
    assert deleted == 3 + len(gone)
    for word in ("2", "maybe", ""):
        (tmp_path / word).mkdir(exist_ok=True)
        folder = changed(tmp_path / word, "ndelius", "offender", {"SOFT_DELETED": word})
        with pytest.raises(InputError, match="neither live nor deleted"):
            imported("ndelius", folder, tmp_path / "other")


# 4. NDTMS


def test_the_one_file_of_a_provider(tmp_path: Path) -> None:
    made, findings = imported("ndtms", FILES / "ndtms-whole", tmp_path / "out", Rules())
    people = {row["entity_id"]: row for row in made["identities"]}
    assert set(people) == {"N0852:1", "N0853:1", "N0855:9"}
    assert people["N0852:1"]["postcode_outward"] == "SR1"
    assert people["N0852:1"]["local_authority"] == "Sunderland"
    assert people["N0852:1"]["region"] == "North East"
    assert people["N0855:9"]["postcode_outward"] == "NE33"
    assert people["N0853:1"]["sex"] == "2"
    ages = {row["entity_id"]: row["age_at_triage"] for row in made["events"]}
    assert ages == {"N0852:1": "39", "N0853:1": "30", "N0855:9": "35"}
    words = {(row["referral_source"], row["modality"]) for row in made["events"]}
    assert ("probation", "pharmacological") in words
    assert {row["discharge_reason"] for row in made["events"]} == {"80", "85", ""}
    assert {row["drug_1"] for row in made["events"]} == {"1011", "8799", "8300"}
    assert {row["stage"] for row in made["details"]} == {"start", "review", "after"}
    assert findings.count("client", "CONSENT", REFUSED) == 1


def test_a_client_number_is_one_person_within_an_agency_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one CLIENTID and different dates of birth: rows 1, 2"):
        imported("ndtms", FILES / "ndtms-split", tmp_path / "out")


def test_a_header_in_any_case_and_quotes_of_set_k(tmp_path: Path) -> None:
    text = (FILES / "ndtms-whole" / "ndtms.csv").read_text()
    head, rest = text.split("\n", 1)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "DAMS_EXPORT.CSV").write_text(head.lower() + "\n" + rest)
    made, _ = imported("ndtms", tmp_path / "raw", tmp_path / "out", Rules())
    assert len(made["identities"]) == 3


@pytest.mark.parametrize(
    ("cell", "outward"),
    [("SR1 2", "SR1"), ("NE8 1", "NE8"), ("M1 1", "M1"), ("NE33 5", "NE33"), ("NE335", "NE33"),
     ("EC1A 1", "EC1A"), ("SR1", "SR1"), ("sr1 2bb", "SR1"), ("NF1 1NF", ""), ("ZZ99 3VZ", "")],
)  # fmt: skip
def test_a_sector_gives_its_district(tmp_path: Path, cell: str, outward: str) -> None:
    folder = changed(tmp_path, "consent", "client", {"PC": cell, "CONSENT": "Y"})
    made, _ = imported("ndtms", folder, tmp_path / "out")
    assert {row["postcode_outward"] for row in made["identities"]} == {outward}


def test_authorities_have_one_name() -> None:
    for cells in (
        ("00CM", "E08000024", "Sunderland", "Sunderland City Council", "SUNDERLAND"),
        ("00HB", "E06000023", "Bristol, City of", "City of Bristol", "Bristol"),
        ("19UD", "E07000049", "East Dorset", "Dorset Council"),
        ("E10000008", "18", "Devon", "Devon County Council"),
    ):
        assert len({found.name for c in cells if (found := authority(c))}) == 1, cells
        assert all(authority(c) for c in cells)
    assert authority("London") is None
    assert authority("X1") is None


# 8. nDelius


def test_ndelius_as_its_schema_has_it(tmp_path: Path) -> None:
    made, findings = imported("ndelius", FILES / "ndelius", tmp_path / "out")
    rows = made["identities"]
    anna = [row for row in rows if row["entity_id"] == "X100001"]
    assert {(r["forename"], r["middle_name"], r["surname"], r["kind"]) for r in anna} == {
        ("Anna", "Maria", "Example", "main"),
        ("Anna", "Maria", "Sample", "alias"),
        ("Annie", "", "Sample", "alias"),
    }
    assert {r["date_of_birth"] for r in anna} == {"1965-07-19"}
    (ben,) = [row for row in rows if row["entity_id"] == "X100002"]
    assert (ben["date_of_birth"], ben["postcode"]) == ("", "")
    dora = [row for row in rows if row["entity_id"] == "X100004"]
    assert [(r["postcode"], r["kind"]) for r in dora] == [("HU1 1AA", "main")]
    events = {row["requirement_id"]: row for row in made["events"]}
    assert events["101"]["requirement"] == "mental_health_treatment"
    assert events["100"]["offence_category"] == "theft"
    assert events["102"]["offence_category"] == "drink_driving"
    assert events["102"]["accommodation_status"] == "rough_sleeping"
    assert events["103"]["order_type"] == "community_order"
    assert events["103"]["termination_reason"] == "early_good_progress"
    assert findings.count("offender", "DATE_OF_BIRTH_DATE", PLACEHOLDER) == 1


def test_oracles_spellings(tmp_path: Path) -> None:
    folder = changed(tmp_path, "ndelius", "", {})
    (folder / "requirement.csv").write_bytes((FILES / "oracle" / "requirement.csv").read_bytes())
    made, _ = imported("ndelius", folder, tmp_path / "out")
    events = {row["requirement_id"]: row for row in made["events"]}
    assert events["100"]["rsr_score"] == "0.35"
    assert events["100"]["ogrs3_score"] == "55"
    assert events["100"]["sentence_length_days"] == "1095"
    assert events["102"]["ogrs3_score"] == "55"
    assert events["102"]["sentence_length_days"] == "365"
    assert events["103"]["sentence_length_days"] == ""  # 12 months are no number of days
    days = {events[n]["sentence_date"] for n in ("100", "101", "102", "103")}
    assert days == {"2020-03-01"}


def test_names_of_files_in_capitals(tmp_path: Path) -> None:
    folder = changed(tmp_path, "ndelius", "", {})
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.upper())
    assert imported("ndelius", folder, tmp_path / "out")[0]["identities"]


# 9. Numbers


def test_integers_that_became_floats(tmp_path: Path) -> None:
    rules = Rules(unclear="not-asked", limits=ANYTHING)
    made, _ = imported("ndtms", FILES / "floats", tmp_path / "out", rules)
    first = next(row for row in made["events"] if row["episode_id"] == "11")
    assert (first["sex"], first["discharge_reason"], first["drug_1"]) == ("1", "80", "1011")
    folder = changed(tmp_path, "floats", "", {})
    (folder / "client.csv").write_bytes((FILES / "floats" / "ids" / "client.csv").read_bytes())
    made, findings = imported("ndtms", folder, tmp_path / "ids", rules)
    assert {row["entity_id"] for row in made["identities"]} == {"1001", "1002", "1003"}
    assert findings.count("episode", "person", "person without identity row") == 0


@pytest.mark.parametrize("ids", [("x1", "X1"), ("1001", "01001"), ("A 1", "A1")])
def test_ids_that_nearly_join_are_refused_or_joined_as_said(
    tmp_path: Path, ids: tuple[str, str]
) -> None:
    raw = {p.stem: frames.read_table(p).slice(0, 1) for p in (FILES / "floats").glob("*.csv")}
    one = {
        name: table.set_column(0, "CLIENTID", pa.array([ids[name != "client"]]))
        for name, table in raw.items()
    }
    layout, contract = load_layout("ndtms"), EXTRACTS["treatment"]
    with pytest.raises(InputError, match="only in zeros in front, case or blanks: rows 1"):
        import_tables(layout, one, contract, Rules(unclear="not-asked"))
    made, _ = import_tables(layout, one, contract, Rules(unclear="not-asked", ids="folded"))
    assert made["identities"].num_rows == 1


def test_folding_never_joins_two_people(tmp_path: Path) -> None:
    raw = {p.stem: frames.read_table(p) for p in (FILES / "floats").glob("*.csv")}
    raw["client"] = raw["client"].set_column(0, "CLIENTID", pa.array(["7", "007", "8"]))
    with pytest.raises(InputError, match="differ in zeros, case or blanks only"):
        import_tables(
            load_layout("ndtms"), raw, EXTRACTS["treatment"], Rules("not-asked", "folded")
        )


# 5. The gate


def test_a_column_that_is_lost_ends_the_import(tmp_path: Path) -> None:
    folder = changed(tmp_path, "consent", "client", {"CONSENT": "Y"})
    episode = pd.read_csv(folder / "episode.csv", dtype=str).assign(TRIAGED="soon")
    episode.to_csv(folder / "episode.csv", index=False)
    with pytest.raises(InputError, match=r"episode.TRIAGED: 5 of 5 cells are unreadable \(100"):
        imported("ndtms", folder, tmp_path / "out", Rules(limits={}))
    assert not (tmp_path / "out").exists()


def test_before_and_after_stand_in_the_report(tmp_path: Path) -> None:
    _, findings = imported("ndelius", FILES / "ndelius", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "data-quality.json").read_text())
    born = next(f for f in document["fields"] if f["field"] == "offender.DATE_OF_BIRTH_DATE")
    assert (born["rows"], born["filled_before"], born["filled_after"]) == (3, 3, 2)
    assert born["placeholder"] == 1
    text = findings.to_text()
    for each in findings.faults():
        assert each.text() in text
    page = (tmp_path / "out" / "data-quality.html").read_text()
    assert "Fields before and after" in page


def test_a_date_that_does_not_exist_keeps_its_parts(tmp_path: Path) -> None:
    folder = changed(tmp_path, "consent", "client", {"DOB": "1980-02-30", "CONSENT": "Y"})
    made, findings = imported("ndtms", folder, tmp_path / "out", Rules())
    assert {row["date_of_birth"] for row in made["identities"]} == {"1980-02-30"}
    assert findings.count("client", "DOB", PARTIAL) == 5


# The layouts


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_line_of_a_layout_has_a_source(system: str) -> None:
    layout = load_layout(system)
    text = Path(__file__).parents[3] / "src/blindlink/owner/tables/layouts" / f"{system}-codes.csv"
    for row in csv.DictReader(text.read_text().splitlines()):
        assert row["source"].partition(":")[0] in layout.sources, row
    contract = EXTRACTS.get(layout.extract)
    assert contract is not None or layout.tables is not None


def test_a_third_register_needs_data_only(tmp_path: Path) -> None:
    """A prison register with public names of columns, from its layout alone."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "OFFENDERS.csv").write_text(
        "OFFENDER_ID,LAST_NAME,FIRST_NAME,MIDDLE_NAME,BIRTH_DATE,SEX_CODE,ROOT_OFFENDER_ID\n"
        "1,DEMO,ANN,B,01-FEB-80,F,9\n2,DUPLICATE_DEMO,ANNIE,,01-FEB-80,F,9\n3,TRY,CAL,,,NK,10\n"
    )
    (raw / "offender_bookings.csv").write_text(
        "OFFENDER_BOOK_ID,BOOKING_BEGIN_DATE,BOOKING_END_DATE,AGY_LOC_ID,IN_OUT_STATUS,"
        "ACTIVE_FLAG,ROOT_OFFENDER_ID\n"
        "100,2020-01-01 00:00:00,,LEI,IN,Y,9.0\n101,2019-01-01,2019-05-01,MDI,OUT,N,10\n"
    )
    made, _ = imported("nomis", raw, tmp_path / "out")
    names = [(r["entity_id"], r["forename"], r["surname"]) for r in made["identities"]]
    assert names == [("9", "ANN", "DEMO"), ("9", "ANNIE", "DEMO"), ("10", "CAL", "TRY")]
    assert made["identities"][0]["date_of_birth"] == "1980-02-01"
    assert [(r["entity_id"], r["in_or_out"], r["active"]) for r in made["events"]] == [
        ("9", "in", "1"),
        ("10", "out", "0"),
    ]
    layout = json.loads(load_layout("nomis").model_dump_json())
    layout["system"] = "ours"
    (tmp_path / "ours.json").write_text(json.dumps(layout))
    again, _ = imported(str(tmp_path / "ours.json"), raw, tmp_path / "again")
    assert again == made


# Foreign hands


def texts(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return sorted(tuple(row.values()) for row in rows)


def test_a_study_in_the_file_of_set_k_gives_the_same_people(tmp_path: Path) -> None:
    """Column order, quotes and NA of a provider's own writer; what it cannot hold is stated."""
    study = small_study().tables
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "ndtms.csv").write_text(ndtms_whole(study))
    assert (raw / "ndtms.csv").read_text().count(",", 0, 2000) >= len(SET_K) - 1
    made, _ = imported("ndtms", raw, tmp_path / "out", Rules(limits=ANYTHING | OWN))
    agency = dict(
        zip(
            study["ohid/events"].column("entity_id").to_pylist(),
            study["ohid/events"].column("agency").to_pylist(),
            strict=True,
        )
    )
    true = study["ohid/identities"].to_pylist()
    # The file has no region: it comes from the authority, and where there is none it is lost. A
    # client without episode has no row.
    expected = [
        row
        | {"entity_id": f"{agency[row['entity_id']]}:{row['entity_id']}"}
        | ({} if row["local_authority"] else {"region": ""})
        for row in true
        if row["entity_id"] in agency
    ]
    assert texts(made["identities"]) == texts(expected)
    episodes = {(r["entity_id"].partition(":")[2], r["episode_id"]) for r in made["events"]}
    ids = study["ohid/events"].select(["entity_id", "episode_id"]).to_pylist()
    assert episodes == {(r["entity_id"], r["episode_id"]) for r in ids}


def test_a_dump_of_the_database_gives_the_same_people(tmp_path: Path) -> None:
    """INSERT statements of the public schema, numbers for reference data, in any order."""
    study = small_study().tables
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "delius.sql").write_text(dumped(study))
    made, _ = imported("ndelius", raw, tmp_path / "out", Rules(limits=ANYTHING | OWN))
    whole, _ = import_tables(
        load_layout("ndelius"), ndelius_tables(study), EXTRACTS["probation"],
        Rules(limits=ANYTHING | OWN),
    )  # fmt: skip
    # The schema has no authority, region and accommodation; score and sex are the person's, not the
    # requirement's, and the age follows from the birth: that is the loss, and no more.
    gone = {"local_authority", "region", "accommodation_status"}
    twice = unclear_sentences(whole["events"])
    for name, table in whole.items():
        both = made[name], table.to_pylist()
        of_person = {"rsr_score", "sex", "age_at_sentence"} if name == "events" else set()
        lost = gone | of_person
        one, other = (
            [
                {k: v for k, v in r.items() if k not in lost}
                for r in rows
                if r.get("sentence_id") not in twice
            ]
            for rows in both
        )
        assert len(one) > 700
        assert texts(one) == texts(other), name
    scores = {(r["entity_id"], r["rsr_score"]) for r in whole["events"].to_pylist()}
    assert {(r["entity_id"], r["rsr_score"]) for r in made["events"]} <= scores


def unclear_sentences(events: pa.Table) -> set[str]:
    """Sentences that the study's faulty rows have in two versions: a database holds one."""
    of_sentence = ["sentence_date", "order_type", "offence_category", "ogrs3_score",
                   "sentence_length_days", "in_breach", "entity_id"]  # fmt: skip
    frame = events.to_pandas()[["sentence_id", *of_sentence]].drop_duplicates()
    return set(frame.loc[frame.duplicated("sentence_id"), "sentence_id"])


@pytest.mark.parametrize(
    "text", ["", "select 1;", "insert into A (X, Y) values (1);", "insert into A (X) values (1"]
)
def test_what_is_no_dump_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.sql").write_text(text)
    with pytest.raises(InputError):
        read_raw(load_layout("ndelius"), tmp_path)


# 2. Side doors


CANARIES = ["Exampleson", "9990000018", "LS12", "1985-12-10"]


@pytest.mark.parametrize("name", ["nohead.csv", "dup.csv"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_nothing_of_a_first_line_leaves(
    name: str, ending: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A person in the place of the header: no command prints or writes it as if it were public."""
    data = tmp_path / name
    data.write_bytes((FILES / "headerless" / name).read_bytes())
    if ending == ".parquet":
        cells = next(csv.reader(data.open()))
        named = {f"{cell} {n}": pa.array(["x"]) for n, cell in enumerate(cells)}
        data = tmp_path / "people.parquet"
        pq.write_table(pa.table(named), data)
    good = tmp_path / "good.csv"
    good.write_text("forename,surname,date_of_birth,sex,postcode\nA,B,1980-01-01,F,LS1 1AA\n")
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in ("client", "episode", "top"):
        (raw / f"{file}{data.suffix}").write_bytes(data.read_bytes())
    t = str(tmp_path)
    before = set(tmp_path.rglob("*"))
    for command in (
        ["keygen", "--purpose", "linkage", "--out", f"{t}/K"],
        ["schema", "new", "--profile", "weak", "--from", str(good), "--out", f"{t}/S"],
        ["schema", "columns", str(data), "--out", f"{t}/cols.json"],
        ["schema", "new", "--profile", "weak", "--from", str(data), "--out", f"{t}/S2"],
        ["clk", "encode", str(data), "--schema", f"{t}/S", "--secret-file", f"{t}/K",
         "--out", f"{t}/A.parquet"],
        ["clk", "evaluate", str(data), "--left", str(data), "--right", str(data), "--key", "id"],
        ["owner", "import", str(raw), "--system", "ndtms", "--out", f"{t}/out"],
    ):  # fmt: skip
        run(command)
    said = "".join(capfd.readouterr())
    made = [p for p in set(tmp_path.rglob("*")) - before if p.is_file()]
    written = b"".join(path.read_bytes() for path in made).decode("latin-1")
    assert not [word for word in CANARIES if word in said + written]
    assert not (tmp_path / "cols.json").exists()


def test_unknown_headers_of_raw_files_are_counted_not_named(tmp_path: Path) -> None:
    folder = changed(tmp_path, "consent", "client", {"Exampleson Ada": "x", "CONSENT": "Y"})
    _, findings = imported("ndtms", folder, tmp_path / "out", Rules())
    everything = findings.to_json() + findings.to_html() + findings.to_text()
    assert "Exampleson" not in everything
    assert "1 not in the layout" in findings.to_json()
