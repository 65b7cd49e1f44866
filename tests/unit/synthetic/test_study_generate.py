"""The synthetic extracts: their contract, plausible values, and the same bytes for a seed."""

from pathlib import Path

import pandas as pd
import pytest

from blindlink.errors import InputError
from blindlink.synthetic.generator.generate import generate, write
from blindlink.synthetic.generator.parameters import Parameters, scaled
from worlds.synthetic import PEOPLE, SEED, frame, small_study, usable_events

COLUMNS = {
    "moj/identities": "entity_id forename surname date_of_birth sex postcode local_authority "
    "region kind",
    "moj/events": "entity_id sentence_id requirement_id sentence_date order_type requirement "
    "offence_category ogrs3_score rsr_score accommodation_status sentence_length_days "
    "termination_date termination_reason in_breach region ethnicity sex age_at_sentence "
    "deceased_date",
    "ohid/identities": "entity_id first_initial last_initial date_of_birth sex postcode_outward "
    "local_authority region",
    "ohid/events": "entity_id episode_id agency region sex age_at_triage ethnicity referral_source "
    "triage_date discharge_date discharge_reason drug_1 drug_2 drug_3 modality modality_start "
    "modality_end",
    "ohid/details": "entity_id episode_id top_date stage alcohol_days opiate_days crack_days "
    "cocaine_days amphetamine_days cannabis_days other_days injecting_days",
    "truth/people": "moj_entity_id ohid_entity_id in_extract",
}
START, END = "2018-08-01", "2022-03-31"


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_are_those_of_the_contract(name: str) -> None:
    assert small_study().tables[name].column_names == COLUMNS[name].split()


def test_the_sizes_are_those_asked_for() -> None:
    tables = small_study().tables
    assert tables["ohid/identities"].num_rows == PEOPLE
    assert len(usable_events()) == scaled(PEOPLE).requirements == 778
    assert tables["moj/events"].num_rows == round(778 * 40_000 / 38_895)
    assert tables["truth/engagement"].num_rows == 778


def test_the_cohort_never_grows_beyond_the_publication() -> None:
    assert scaled(150_000) == Parameters()
    assert scaled(500_000).requirements == 38_895


@pytest.mark.parametrize("people", [0, 999, 5_000_001])
def test_a_number_of_people_that_makes_no_study_is_refused(people: int) -> None:
    with pytest.raises(InputError, match="treatment people"):
        generate(scaled(people), seed=1)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", SEED), ("b", SEED), ("c", SEED + 1)):
        write(generate(scaled(1_000), seed=seed), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.csv"))
    assert len(files) == 8
    for file in files:
        same = (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        other = (tmp_path / "a" / file).read_bytes() == (tmp_path / "c" / file).read_bytes()
        assert same, file
        assert not other, file


def test_every_way_of_being_unusable_occurs() -> None:
    events, usable = frame("moj/events"), usable_events()
    more = events[~events["requirement_id"].isin(usable["requirement_id"])]
    assert events.duplicated().sum() == 9
    assert (more["sentence_date"] == "").sum() == 2
    assert (more["requirement"] == "").sum() == 2
    dated = more[more["sentence_date"] != ""]
    assert (dated["sentence_date"] < START).sum() == 5
    assert (dated["sentence_date"] > END).sum() == 4
    assert set(more["entity_id"]) <= set(usable["entity_id"])
    assert not set(more["sentence_id"]) & set(usable["sentence_id"])


def test_every_requirement_has_a_person_and_ids_are_unique() -> None:
    identities, events = frame("moj/identities"), usable_events()
    main = identities[identities["kind"] == "main"]["entity_id"]
    assert main.is_unique
    assert set(events["entity_id"]) == set(identities["entity_id"]) == set(main)
    assert events["requirement_id"].is_unique
    assert events.groupby("sentence_id")["entity_id"].nunique().max() == 1


def test_every_episode_has_a_person_and_every_form_an_episode() -> None:
    people, episodes, forms = (frame(f"ohid/{n}") for n in ("identities", "events", "details"))
    assert people["entity_id"].is_unique
    assert set(episodes["entity_id"]) == set(people["entity_id"])
    assert episodes["episode_id"].is_unique
    pairs = set(zip(episodes["entity_id"], episodes["episode_id"], strict=True))
    assert set(zip(forms["entity_id"], forms["episode_id"], strict=True)) <= pairs


def test_the_probation_dates_are_possible() -> None:
    events = usable_events()
    assert events["sentence_date"].between(START, END).all()
    ended = events[events["termination_date"] != ""]
    assert ended["termination_date"].between(START, END).all()
    assert (ended["termination_date"] >= ended["sentence_date"]).all()
    assert (ended["termination_reason"] != "").all()
    dead = events[events["deceased_date"] != ""]
    assert (dead["deceased_date"] >= dead["sentence_date"]).all()
    assert (events["termination_reason"] == "died").sum() <= (
        events["deceased_date"] != ""
    ).sum() + 3


def test_the_treatment_dates_are_possible() -> None:
    episodes = frame("ohid/events")
    closed = episodes["discharge_date"] != ""
    assert (closed == (episodes["discharge_reason"] != "")).all()
    assert (episodes["triage_date"] <= END).all()
    assert (episodes["discharge_date"][closed] >= episodes["triage_date"][closed]).all()
    assert (episodes["discharge_date"][closed] <= END).all()
    assert (episodes["drug_1"] != "").all()


def test_nobody_is_treated_or_sentenced_after_death() -> None:
    episodes, people = frame("ohid/events"), frame("truth/people")
    last = episodes.groupby("entity_id")["triage_date"].max()
    died = episodes[episodes["discharge_reason"] == "89"]
    assert (last[died["entity_id"]].to_numpy() <= died["discharge_date"].to_numpy()).all()
    events = frame("moj/events")
    dead = events[events["deceased_date"] != ""].groupby("entity_id")["deceased_date"].first()
    linked = people[people["moj_entity_id"].isin(dead.index)]
    linked = linked[linked["ohid_entity_id"].isin(last.index)]
    assert (last[linked["ohid_entity_id"]].to_numpy() <= dead[linked["moj_entity_id"]]).all()


def test_top_days_lie_between_0_and_28_and_fall() -> None:
    forms = frame("ohid/details")
    days = forms.filter(like="_days").apply(pd.to_numeric)
    assert days.min().min() == 0
    assert days.max().max() == 28
    assert 0 < days.isna().to_numpy().mean() < 0.04
    alcohol = days["alcohol_days"]
    start = forms["stage"] == "start"
    assert alcohol[start & (alcohol > 0)].mean() > 1.5 * alcohol[~start].mean()


def test_who_does_not_consent_is_in_no_extract() -> None:
    people, extract = frame("truth/people"), set(frame("ohid/identities")["entity_id"])
    held = people["in_extract"] == 1
    assert set(people["ohid_entity_id"][held]) <= extract
    assert not set(people["ohid_entity_id"][~held]) & extract
    assert set(frame("truth/withheld")["entity_id"]) == set(people["ohid_entity_id"][~held])


def test_some_people_are_two_persons_in_treatment() -> None:
    people = frame("truth/people")
    twice = people.groupby("moj_entity_id").size()
    assert 0 < (twice == 2).mean() < 0.1
    assert twice.max() == 2


def test_treatment_data_hold_no_names_and_ids_tell_nothing() -> None:
    treatment, probation = frame("ohid/identities"), frame("moj/identities")
    assert treatment["first_initial"].str.fullmatch("[A-Z]").all()
    assert treatment["last_initial"].str.fullmatch("[A-Z]").all()
    numbers = {name[1:] for name in probation["entity_id"]}
    pairs = frame("truth/people")
    assert (pairs["moj_entity_id"].str[1:] != pairs["ohid_entity_id"].str[1:]).all()
    assert len(numbers) == probation["entity_id"].nunique()
