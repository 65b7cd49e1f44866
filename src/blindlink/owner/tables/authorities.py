"""Local authorities of Great Britain: one name for every code and spelling.

The table is ``layouts/authorities.csv``: names, codes of the Office for National Statistics (nine
characters since 2011, four or two before, former codes as well), region of England, and the
authority that took its place. Source: ONS, Open Government Licence v3.0; names and codes side by
side as in mysociety/uk_local_authority_names_and_codes (MIT), commit 67ef8b11; the regions of its
326 districts agree with a second compilation, two of its counties were put right.

What another body writes for a place must be the same word: a code, a former name and "Sunderland
City Council" all give "Sunderland". A county and its districts stay apart: nothing joins them.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_WORDS = re.compile(
    r"\b(council|city of|city|county of|county|borough of|borough|metropolitan|mbc|bc|dc|cc|"
    r"london borough of|royal|district|unitary authority|the|and|&)\b"
)


@dataclass(frozen=True)
class Authority:
    """``name`` is the present name, ``region`` the region of England or empty."""

    name: str
    region: str


@cache
def _table() -> tuple[dict[str, Authority], dict[str, Authority]]:
    text = files(__package__).joinpath("layouts", "authorities.csv").read_text("utf-8")
    codes: dict[str, Authority] = {}
    names: dict[str, Authority] = {}
    for row in csv.DictReader(text.splitlines()):
        found = Authority(row["now"] or row["name"], row["region"])
        codes |= dict.fromkeys(row["codes"].split(), found)
        names.setdefault(_plain(row["name"]), found)
    return codes, names


def authority(cell: str) -> Authority | None:
    """The authority that a cell names, by code or name; None where the table has none."""
    codes, names = _table()
    text = cell.strip()
    if text.casefold() == "london":  # the region, not the City
        return None
    return codes.get(text.upper()) or names.get(_plain(text))


def _plain(name: str) -> str:
    words = _WORDS.sub(" ", name.casefold().replace(".", "").replace("&", " and "))
    return "".join(character for character in words if character.isalnum()) or name.casefold()
