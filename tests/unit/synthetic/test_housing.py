"""The housing study: its truth is what its tables say, and the engine finds it by right links."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from blindlink.analyst.study.report import analyse
from blindlink.errors import InputError
from blindlink.synthetic.housing.generate import HousingStudy, generate
from worlds import declared as world

PEOPLE = 2_000


@pytest.fixture(scope="module")
def made() -> HousingStudy:
    return generate(PEOPLE, seed=4)


def rows(study: HousingStudy, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = study.tables[name].to_pylist()
    return found


def test_the_same_seed_gives_the_same_study_and_another_one_other_rates(
    made: HousingStudy,
) -> None:
    again, other = generate(PEOPLE, seed=4), generate(PEOPLE, seed=5)
    assert all(again.tables[name].equals(table) for name, table in made.tables.items())
    assert set(made.constants.values()).isdisjoint(other.constants.values())
    with pytest.raises(InputError):
        generate(100)


def test_the_truth_is_what_the_tables_say(made: HousingStudy) -> None:
    person = {row["housing"]: row["employment"] for row in rows(made, "truth/people")}
    begun: dict[str, list[dt.date]] = {}
    for row in rows(made, "employment/jobs"):
        day = dt.date.fromisoformat(row["started_on"])
        begun.setdefault(row["entity_id"], []).append(day)
    truth = {row["application_id"]: row for row in rows(made, "truth/applications")}
    last = dt.date(2022, 12, 31)
    for row in rows(made, "housing/applications"):
        day = dt.date.fromisoformat(row["applied_on"])
        own = [x for x in begun.get(person[row["entity_id"]], []) if day <= x <= last]
        said = truth[row["application_id"]]
        assert said["ever"] == bool(own)
        assert said["within"] == any((x - day).days <= 365 for x in own)


def test_right_links_give_the_true_shares(made: HousingStudy) -> None:
    register, office = (
        made.tables[name].to_pandas().rename(columns={"entity_id": "person"})
        for name in ("housing/applications", "employment/jobs")
    )
    register["age"] = [f"{int(age) // 5 * 5}-{int(age) // 5 * 5 + 4}" for age in register["age"]]
    pairs = [(r["housing"], r["employment"]) for r in rows(made, "truth/people") if r["employment"]]
    tables = analyse(world.study(), world.cohort(register, office, pairs))
    found = next(t for t in tables if t.id == "started").frame.set_index(["kind", "window"])
    columns = ["applications", "share"]
    truth = made.tables["truth/applications"].to_pandas()
    for window, own, counted in (
        ("365 days", truth[truth["observed"] & truth["followed"]], "within"),
        ("to the end of observation", truth[truth["observed"]], "ever"),
    ):
        for kind in ("homeless", "medical", "All"):
            some: pd.DataFrame = own if kind == "All" else own[own[kind] == "yes"]
            units, share = found.loc[(kind, window), columns]
            assert units == len(some)
            assert share == pytest.approx(100 * some[counted].mean())
