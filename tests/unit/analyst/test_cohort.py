"""The analyst's cohort: complete by policy, joined on pseudonyms, controls counted and gone."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from blindlink.analyst.cohort.folder import load_cohort
from blindlink.analyst.cohort.losses import identifiers_lost
from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    OutputError,
    VerificationError,
)
from blindlink.messages.plan import Plan
from worlds.flow import IDENTIFIERS, NOW, World, finished, keys


def entities(world: World, name: str) -> dict[str, str]:
    """The owner's entity id of every row id."""
    sent = world.submit(name).rows_of
    return dict(zip(sent["row_id"].to_pylist(), sent["entity_id"].to_pylist(), strict=True))


def test_each_person_has_its_own_rows(tmp_path: Path) -> None:
    """Through pseudonyms, what the analyst reads of a matched pair is what the two owners hold."""
    world = World(tmp_path)
    names = {name: entities(world, name) for name in world.owners}
    done = world.link()
    cohort = world.cohort()
    for side, name in (("left", "moj"), ("right", "ohid")):
        of = {
            pseudonym: names[name][row]
            for row, pseudonym in zip(
                done.matches[f"{side}_row_id"].to_pylist(),
                done.matches[f"{side}_pseudonym"].to_pylist(),
                strict=True,
            )
        }
        table = cohort.tables[name, "events"]
        column = "sentence_date" if name == "moj" else "triage_date"
        found = table[table.person.isin(of)]
        found = found.assign(entity=found.person.map(of))
        got = sorted(zip(found.entity, found[column].astype(str).str[:7], strict=True))
        sent = world.tables[name]["events"].to_pandas()
        sent = sent[sent.entity_id.isin(set(of.values()))]
        assert got == sorted(zip(sent.entity_id, sent[column].str[:7], strict=True))


def test_policy_all_gives_the_denominator_and_candidates_gives_rivals(tmp_path: Path) -> None:
    cohort = finished(tmp_path).cohort(out="c")
    people = cohort.people.groupby("owner").person.nunique()
    assert people["moj"] == 60
    named = set(cohort.candidates.right) | set(cohort.links.right)
    assert set(cohort.people[cohort.people.owner == "ohid"].person) == named
    assert set(cohort.tables["ohid", "events"].person) <= named


def test_policy_matched_gives_payload_of_links_only(tmp_path: Path) -> None:
    policies = {"moj": "matched", "ohid": "matched"}
    plan = Plan(threshold="0.05")
    cohort = World(tmp_path, policies=policies, controls=0, terms={"plan": plan}).played()
    for side, name in (("left", "moj"), ("right", "ohid")):
        linked = set(cohort.links[side])
        assert set(cohort.tables[name, "events"].person) <= linked
        assert set(cohort.people[cohort.people.owner == name].person) >= linked
    assert cohort.info["counts"]["moj"]["released"] == len(cohort.links)


def test_controls_are_counted_under_every_policy(tmp_path: Path) -> None:
    policies = {"moj": "matched", "ohid": "candidates"}
    terms = {"plan": Plan(threshold="0.05")}
    cohort = World(tmp_path, policies=policies, controls=20, terms=terms).played()
    for name in ("moj", "ohid"):
        measured = cohort.info["controls"][name]
        assert measured["number"] == 20
        assert 0 < measured["linked"] <= 20


def test_controls_are_counted_and_gone(tmp_path: Path) -> None:
    world = World(tmp_path, controls=20, terms={"plan": Plan(threshold="0.05")})
    cohort = world.played()
    counts = cohort.info["counts"]["moj"]
    measured = cohort.info["controls"]["moj"]
    assert (counts["entities"], counts["controls"]) == (60, 20)
    assert measured["number"] == 20
    assert 0 < counts["controls_linked"] == measured["linked"] <= 20
    assert measured["candidates"] >= measured["linked"]
    people = set(cohort.people.person)
    assert len(people) == len(cohort.people)
    for frame in (cohort.links, cohort.candidates):
        assert set(frame.left) | set(frame.right) <= people
    assert set(cohort.candidate_counts.person) == people


def test_columns_and_types(tmp_path: Path) -> None:
    cohort = finished(tmp_path).cohort(out="c")
    details = cohort.tables["ohid", "details"]
    assert list(details.columns) == ["person", "episode_id", "top_date", "alcohol_days"]
    assert pd.api.types.is_datetime64_any_dtype(details.top_date)
    assert details.alcohol_days.dtype == float
    assert details.alcohol_days.isna().any()
    assert list(cohort.links.columns) == ["left", "right", "probability", "method"]
    assert set(cohort.links.method) == {"deterministic+clk"}
    assert cohort.tables["moj", "events"].age.str.fullmatch(r"\d+-\d+").all()


def test_no_row_id_and_no_owner_id_in_the_folder(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows = world.submit("moj").rows_of["row_id"].to_pylist()
    world.submit("ohid")
    world.link()
    cohort = world.cohort()
    cells = {
        str(value)
        for frame in (cohort.people, cohort.links, *cohort.tables.values())
        for column in frame
        for value in frame[column]
    }
    assert not cells & set(rows)
    assert not any("secret" in cell or "requirement" in cell for cell in cells)


def test_provenance(tmp_path: Path) -> None:
    world = finished(tmp_path)
    info = world.cohort(out="c").info
    assert info["agreement"] == world.agreement.digest()
    assert info["owners"] == ["moj", "ohid"]
    assert info["created"] == "2026-11-23T12:00:00Z"
    assert info["disclosure_policy"] == {"threshold": 5}
    assert info["linkage_report"]["threshold"] == 0.8
    assert [(r["left"], r["right"]) for r in info["linkage_reports"]] == [("moj", "ohid")]
    assert set(info["digests"]["submissions"]) == {"moj", "ohid"}


def test_what_owners_lost_of_identifiers_reaches_the_analyst(tmp_path: Path) -> None:
    """Counted on the rows of people: control records lose nothing, and are not told apart."""
    world = World(tmp_path)
    people = world.tables["moj"]["identities"]
    born = people["date_of_birth"].to_pylist()
    born[3], born[4], born[5], born[6] = "1970-01-01", None, "unknown to us", "1980-02-30"
    place = people.schema.get_field_index("date_of_birth")
    changed = people.set_column(place, "date_of_birth", pa.array(born))
    world.submit("moj", tables={"identities": changed}, tolerate=lambda counts: None)
    world.submit("ohid")
    world.link()
    info = world.cohort().info
    lost = {each["field"]: each for each in info["losses"]["moj"]}
    assert set(lost) == {*IDENTIFIERS} - {"record_id"}
    found = lost["date_of_birth"]
    assert (found["rows"], found["filled"], found["missing"]) == (66, 65, 1)
    assert (found["placeholder"], found["unreadable"], found["kept"]) == (1, 1, 63)
    assert lost["sex"]["kept"] == 66
    table = identifiers_lost(info)
    mine = table[table["table"] == "moj.identities"].set_index("problem")["rows"]
    assert mine["date_of_birth placeholder"] == 1
    assert mine["date_of_birth unreadable"] == 1
    assert mine["date_of_birth missing"] == 1
    assert (table["table"] == "moj.identities").all()


def test_the_same_release_gives_the_same_bytes(tmp_path: Path) -> None:
    world = finished(tmp_path)
    world.cohort(out="c")
    files = sorted(path.name for path in (tmp_path / "c").iterdir())
    assert [(tmp_path / "c" / f).read_bytes() for f in files] == [
        (tmp_path / "cohort" / f).read_bytes() for f in files
    ]


def test_three_owners(tmp_path: Path) -> None:
    world = World(tmp_path, owners=("moj", "ohid", "nhs"))
    cohort = world.played()
    owner = cohort.people.set_index("person").owner
    pairs = set(zip(cohort.links.left.map(owner), cohort.links.right.map(owner), strict=True))
    assert pairs == {("moj", "ohid"), ("moj", "nhs"), ("ohid", "nhs")}
    assert set(cohort.tables) == {
        ("moj", "events"),
        ("ohid", "events"),
        ("ohid", "details"),
    }
    assert len(cohort.info["linkage_reports"]) == 3
    nhs = set(cohort.people[cohort.people.owner == "nhs"].person)
    assert nhs == nhs & (set(cohort.links.right) | set(cohort.candidates.right))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"now": NOW.replace(year=2027)}, AgreementError, "expired"),
        ({"keys": keys("ttp")}, AgreementError, "ttp is linker, not analyst"),
        ({"file": "moj.submission"}, FormatError, "not a blindlink-release-v1 file"),
        ({"file": "absent"}, InputError, "no such file"),
        ({"out": "cohort"}, OutputError, "exists already"),
        ({"out": "moj.submission"}, OutputError, "is not a folder"),
        ({"out": "none/cohort"}, OutputError, "its folder does not exist"),
        ({"out": "project"}, OutputError, "holds other things than a cohort"),
        ({"out": "project", "force": True}, OutputError, "holds other things than a cohort"),
    ],
)
def test_refusals(
    tmp_path: Path, change: dict[str, Any], error: type[BlindlinkError], message: str
) -> None:
    world = finished(tmp_path)
    with pytest.raises(error, match=message):
        world.cohort(**{"out": "c", **change})
    assert not (tmp_path / "c").exists()


def test_another_agreement_or_analyst_cannot_open_it(tmp_path: Path) -> None:
    finished(tmp_path)
    with pytest.raises(AgreementError, match="another agreement"):
        World(tmp_path, terms={"version": 2}).cohort(out="c")


def test_force_replaces_an_earlier_cohort(tmp_path: Path) -> None:
    world = finished(tmp_path)
    (tmp_path / "cohort" / "people.parquet").unlink()
    assert len(world.cohort(force=True).people)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    world = finished(tmp_path)
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OutputError, match="no space left"):
        world.cohort(out="c")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".c", "c."))]


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda d: (d / "cohort.json").unlink(), InputError, "no such file"),
        (lambda d: (d / "cohort.json").write_text("{"), FormatError, "not readable"),
        (lambda d: (d / "cohort.json").write_text("{}"), FormatError, "not the description"),
        (lambda d: (d / "links.parquet").unlink(), InputError, "no such file"),
        (lambda d: (d / "links.parquet").write_bytes(b"x"), FormatError, "was altered"),
        (lambda d: edit(d, lambda i: i.pop("digests")), FormatError, "not a cohort folder"),
        (
            lambda d: edit(d, lambda i: i["digests"]["files"].pop("links.parquet")),
            FormatError,
            "not a cohort folder",
        ),
        (
            lambda d: edit(d, lambda i: i["digests"]["files"].update({"../x": "0"})),
            FormatError,
            "was altered",
        ),
    ],
)
def test_a_damaged_folder_is_refused(
    tmp_path: Path, damage: Any, error: type[BlindlinkError], message: str
) -> None:
    finished(tmp_path)
    damage(tmp_path / "cohort")
    with pytest.raises(error, match=message):
        load_cohort(tmp_path / "cohort")


def edit(folder: Path, change: Any) -> None:
    info = json.loads((folder / "cohort.json").read_text())
    change(info)
    (folder / "cohort.json").write_text(json.dumps(info))


def test_an_owner_that_sends_other_columns_than_agreed_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    monkeypatch.setattr(
        "blindlink.owner.tables.people.generalised",
        lambda table, rules, name: pa.table({"judge": table.column("name_of_judge")}),
    )
    world.submit("moj")
    monkeypatch.undo()
    world.submit("ohid")
    world.link()
    with pytest.raises(VerificationError, match="payload columns are not those of the agreement"):
        world.cohort()
    assert not (tmp_path / "cohort").exists()
