"""Everyday names of columns: what they mean, and that no cell of a file is repeated."""

import pytest

from blindlink.schema import everyday
from blindlink.schema.profiles.making import STANDARD


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("DOB", "date_of_birth"),
        ("D.O.B.", "date_of_birth"),
        ("First Name", "forename"),
        ("last_name", "surname"),
        ("Gender", "sex"),
        ("Post Code", "postcode"),
        ("Case ref", "entity_id"),
        ("Smith", None),
        ("1980-02-01", None),
    ],
)
def test_what_a_name_means(name: str, standard: str | None) -> None:
    assert everyday.meant(name) == standard


def test_every_standard_name_means_itself() -> None:
    for name in STANDARD:
        assert everyday.meant(name) == name


def test_a_mapping_is_offered_for_what_lacks_and_is_told_once() -> None:
    names = ["Jane", "DOB", "Gender", "First name", "Forename"]
    assert everyday.lines(names, ["date_of_birth", "forename"]) == ['"dob" = "date_of_birth"']
    text = everyday.seen(names)
    assert text == "dob, gender, first name, forename, 1 other of no known name"
    assert "Jane" not in text + everyday.advice(names, STANDARD, "")


def test_names_that_say_nothing_are_counted_only() -> None:
    assert everyday.seen(["Jane", "Doe"]) == "2 columns of no known name"
    assert everyday.advice(["Jane", "Doe"], ["sex"], "otherwise") == "otherwise"
