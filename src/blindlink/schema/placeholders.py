"""What source systems write where they know nothing: never evidence that two people are one.

The list is a file, ``data/placeholders.csv``, each line with its source:

    person-match  ministryofjustice/hmpps-person-match, hmpps_cpr_splink, transformations
    nhs-dd        NHS Data Dictionary: postcode ZZ99, default dates of birth
    sql-server, oracle, excel    first and last values of the date types of these products
    keyboard, words              what people type when a field must not be empty

``is`` and ``begins`` make a cell missing; ``cut`` takes the word out of a name and keeps the rest.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

Kind = Literal["name", "date", "postcode"]


class Placeholder(NamedTuple):
    """A line of the list."""

    kind: str
    rule: str
    value: str
    source: str


@cache
def placeholders() -> tuple[Placeholder, ...]:
    """The whole list."""
    text = files("blindlink.schema").joinpath("data", "placeholders.csv").read_text("utf-8")
    return tuple(Placeholder(**row) for row in csv.DictReader(text.splitlines()))


@cache
def values(kind: Kind, rule: str) -> tuple[str, ...]:
    """The values of a kind of field and a rule, in the order of the list."""
    return tuple(each.value for each in placeholders() if (each.kind, each.rule) == (kind, rule))
