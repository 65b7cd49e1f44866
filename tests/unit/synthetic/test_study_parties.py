"""The four parties from keys to cohort: every folder holds only what its party may hold."""

import base64
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import fisher_exact

from blindlink.analyst.cohort.folder import Cohort
from blindlink.keys import LinkageKey
from blindlink.linker.protocol.release import Released
from blindlink.owner.submit import Submitted
from blindlink.synthetic.demo import parties
from blindlink.synthetic.demo.marks import replay
from blindlink.synthetic.demo.score import linkage_quality
from blindlink.synthetic.generator.generate import write
from worlds.synthetic import SEED, frame, small_study


@dataclass
class Played:
    """What a small study left behind, up to the cohort."""

    out: Path
    cast: dict[str, parties.Party]
    sent: tuple[Submitted, Submitted]
    released: Released
    cohort: Cohort


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    out = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        # A cheap passphrase hash: its real cost is tested with the keys.
        patch.setattr("blindlink.keys.party.MEMORY_KIB", 64)
        write(small_study(), out)
        cast = {name: parties.make_party(name, out, SEED) for name in parties.PROBATION.roles}
        parties.exchange_public(cast)
        parties.draw_up(cast)
        parties.share_secret(cast)
        moj, ohid, linker, analyst, _ = cast.values()
        sent = (parties.hand_in(moj, linker), parties.hand_in(ohid, linker))
        released = parties.link(linker, analyst)
        return Played(out, cast, sent, released, parties.open_cohort(analyst))


def content(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder; Parquet as the text of all its cells."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            found[path] = pd.read_parquet(path).to_csv().encode()
        elif path.is_file():
            found[path] = path.read_bytes()
    return found


def holders(folder: Path, needles: set[bytes]) -> list[str]:
    return [
        path.name
        for path, data in content(folder).items()
        if any(needle in data for needle in needles)
    ]


def secrets_of(played: Played) -> set[bytes]:
    key = LinkageKey.load(played.out / "moj" / parties.LINKAGE_KEY).secret
    return {key, base64.b64encode(key), key.hex().encode()}


def test_every_party_has_exactly_its_files(played: Played) -> None:
    publics = {f"{name}.public" for name in parties.PROBATION.roles}
    everybody = publics | {parties.AGREEMENT, parties.PASSPHRASE}
    owner = {"identities.csv", "events.csv", parties.LINKAGE_KEY, parties.secret_file("ohid")}
    expected = {
        "moj": everybody
        | owner
        | {"moj.key", "moj.submission", "moj.submission.rows", "study.toml", "schema.json"}
        | {"moj.columns.json", "ohid.columns.json"},
        "ohid": everybody
        | owner
        | {"ohid.key", "ohid.submission", "ohid.submission.rows", "details.csv"}
        | {"ohid.columns.json"},
        "linker": everybody
        | {"linker.key", "moj.submission", "ohid.submission", "project", parties.RELEASE},
        "analyst": everybody | {"analyst.key", parties.RELEASE, parties.COHORT},
        "checker": everybody | {"checker.key"},
        "truth": {"people.csv", "engagement.csv", "withheld.csv"},
    }
    found = {path.name: {file.name for file in path.iterdir()} for path in played.out.iterdir()}
    assert found == expected


@pytest.mark.parametrize("party", ["linker", "analyst", "truth"])
def test_the_linkage_secret_is_with_the_owners_only(played: Played, party: str) -> None:
    assert holders(played.out / party, secrets_of(played)) == []
    for owner in parties.PROBATION.owners:
        assert holders(played.out / owner, secrets_of(played)) == [parties.LINKAGE_KEY]


@pytest.mark.parametrize("party", ["linker", "analyst"])
def test_no_identifier_reaches_linker_or_analyst(played: Played, party: str) -> None:
    identities = frame("moj/identities")
    planted = set(identities["surname"][identities["surname"].str.len() > 7])
    planted |= set(identities["postcode"]) | set(identities["entity_id"])
    planted |= set(identities["date_of_birth"]) | set(frame("ohid/identities")["date_of_birth"])
    planted |= set(frame("ohid/identities")["entity_id"])
    dates = frame("moj/events")["sentence_date"], frame("ohid/events")["triage_date"]
    planted -= {"", *(date for column in dates for date in column)}
    assert len(planted) > 5_000
    needles = {value.encode() for value in planted}
    cells = [set(data.split(b",")) for data in content(played.out / party).values()]
    assert not any(needles & each for each in cells)
    assert holders(played.out / party, set(sorted(needles)[:300])) == []


def test_an_owner_holds_nothing_of_the_other(played: Played) -> None:
    theirs = {value.encode() for value in frame("ohid/events")["entity_id"].head(200)}
    assert holders(played.out / "moj", theirs) == []
    ours = {value.encode() for value in frame("moj/events")["entity_id"].head(200)}
    assert holders(played.out / "ohid", ours) == []


def test_pseudonyms_stay_between_linker_and_analyst(played: Played) -> None:
    names = {name.encode() for name in played.cohort.people["person"].head(200)}
    for owner in parties.PROBATION.owners:
        assert holders(played.out / owner, names) == []
    assert holders(played.out / "truth", names) == []


def test_private_files_are_private(played: Played) -> None:
    private = [
        played.out / name / file
        for name in parties.PROBATION.roles
        for file in (f"{name}.key", parties.PASSPHRASE)
    ]
    private += [played.out / owner / parties.LINKAGE_KEY for owner in parties.PROBATION.owners]
    assert {path.stat().st_mode & 0o077 for path in private} == {0}


def test_the_analyst_has_every_requirement_and_no_control_record(played: Played) -> None:
    events = played.cohort.tables["moj", "events"]
    assert len(events) == len(frame("moj/events"))
    people = played.cohort.people
    assert (people["owner"] == "moj").sum() == frame("moj/events")["entity_id"].nunique()
    assert played.cohort.info["counts"]["moj"]["controls"] == played.sent[0].controls >= 200


def test_the_linkage_is_good_and_scored_without_pseudonyms(played: Played) -> None:
    people = small_study().tables["truth/people"]
    found = linkage_quality(played.released.matches, *played.sent, people)
    assert found.true_pairs == int((frame("truth/people")["in_extract"] == 1).sum())
    assert found.precision.value is not None
    assert found.recall.value is not None
    assert found.precision.value > 0.9
    assert found.recall.value > 0.7
    assert found.links == len(played.cohort.links)


@pytest.mark.parametrize("side", [0, 1])
def test_controls_measure_the_rate_of_false_links(played: Played, side: int) -> None:
    """Of people without a true record, as many are linked as of the control records: two samples,
    which Fisher's exact test at 1 % does not tell apart."""
    owner, column = parties.PROBATION.owners[side], ("left_row_id", "right_row_id")[side]
    ids = played.sent[side].rows_of.to_pandas().set_index("row_id")["entity_id"]
    linked = set(ids[played.released.matches.column(column).to_pylist()].dropna())
    people = frame("truth/people")
    partners = people.loc[people["in_extract"] == 1, f"{owner}_entity_id"]
    alone = set(ids.dropna()) - set(partners)
    measured = played.cohort.info["controls"][owner]
    hits, number = measured["linked"], measured["number"]
    true = len(alone & linked)
    print(f"{owner}: {hits} of {number} controls, {true} of {len(alone)} people")
    table = [[hits, number - hits], [true, len(alone) - true]]
    assert fisher_exact(table).pvalue > 0.01
    assert hits / number < 0.25


def test_replayed_bytes_depend_on_seed_and_purpose() -> None:
    assert replay(1, "moj")(16) == replay(1, "moj")(16)
    drawn = {replay(seed, name)(16) for seed in (1, 2) for name in parties.PROBATION.roles}
    assert len(drawn) == 2 * len(parties.PROBATION.roles)
    stream = replay(1, "moj")
    assert stream(16) != stream(16)
