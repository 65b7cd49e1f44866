"""Everyday names of columns and the standard names that they mean: DOB is a date of birth.

    meant("D.O.B.")               "date_of_birth"
    advice(names, lacking)        the lines of a mapping that would give what lacks

Nothing is renamed by itself: a mapping is read by people, a guess is not. What is printed are words
of this list, never the cell of a file: its first line may be a person.
"""

from collections.abc import Iterable, Sequence

_WORDS = {
    "record_id": ("record id", "row id", "record number", "id"),
    "entity_id": (
        *("entity id", "person id", "person ref", "person number", "client id", "client ref"),
        *("case ref", "case id", "patient id", "nhs id", "offender id", "customer id"),
    ),
    "forename": (
        *("forename", "forenames", "first name", "first names", "first", "given name"),
        *("given names", "given", "christian name", "fname"),
    ),
    "middle_name": ("middle name", "middle names", "second name", "second forename"),
    "surname": ("surname", "last name", "family name", "last", "lname", "sname"),
    "first_initial": ("first initial", "initial", "forename initial", "finitial"),
    "last_initial": ("last initial", "surname initial", "sinitial"),
    "date_of_birth": ("date of birth", "dob", "birth date", "birthday", "born"),
    "sex": ("sex", "gender", "sex code", "gender code"),
    "postcode": ("postcode", "post code", "postal code", "pcode", "home postcode"),
    "postcode_outward": ("postcode outward", "outward code", "postcode district", "outcode"),
    "local_authority": ("local authority", "lad", "la", "district", "council", "borough"),
    "region": ("region", "region name", "rgn"),
    "address": ("address", "address line 1", "street address", "home address"),
}


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


_MEANT = {_plain(word): (word, name) for name, words in _WORDS.items() for word in words}


def meant(name: str) -> str | None:
    """The standard name that a column's name means, if it is an everyday one."""
    found = _MEANT.get(_plain(name))
    return found[1] if found else None


def lines(names: Iterable[str], lacking: Sequence[str]) -> list[str]:
    """The lines of a mapping for those of ``lacking`` that an everyday name among ``names`` means;
    none for a standard name that two of them mean."""
    found: dict[str, list[str]] = {}
    for name in names:
        word, standard = _MEANT.get(_plain(name), ("", ""))
        if standard in lacking:
            found.setdefault(standard, []).append(word)
    return [f'"{words[0]}" = "{standard}"' for standard, words in found.items() if len(words) == 1]


def seen(names: Sequence[str]) -> str:
    """The columns of a table as far as they can be named: everyday words, and how many others."""
    known = [_MEANT[_plain(name)][0] for name in names if _plain(name) in _MEANT]
    others = len(names) - len(known)
    kind = "other" if known else "column"
    more = f"{others} {kind}{'s' * (others > 1)} of no known name" if others else ""
    return ", ".join([*known, *([more] if more else [])]) or "none"


def advice(names: Sequence[str], lacking: Sequence[str], otherwise: str) -> str:
    """What to do about columns that lack: lines of a mapping where they are known."""
    found = lines(names, lacking)
    if not found:
        return otherwise
    return f"write a mapping and give it with --map:  [columns]  {'  '.join(found)}"
