"""Profiles: a schema for whatever all owners can supply, from shipped and sourced defaults.

A profile is a file in ``data``: columns with the group they belong to and their collision
entropy in bits, and a rule that turns them into composite tokens or features. The same columns give
the same schema, whoever runs it and in whatever order owners and columns are named.
"""

import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from blindlink.errors import SchemaError
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.profiles.evidence import evidence
from blindlink.schema.profiles.rules import composites, features, least

PEOPLE = 500_000
LEAST_PEOPLE = 5_000
PROFILES = ("weak", "names", "diffused", "clkhash")
STANDARD = (
    "record_id",
    "entity_id",
    "forename",
    "middle_name",
    "surname",
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode",
    "postcode_outward",
    "local_authority",
    "region",
    "address",
)
_IDS = STANDARD[:2]
_RULES = {"composites": composites, "evidence": evidence, "least": least}
_LIMITS = ("minimum", "maximum")  # of the bits of a token, for PEOPLE
_DECLARED = ("name", "from", "combine", "steps")
Document = dict[str, Any]


def new_schema(
    profile: str,
    columns: Sequence[Sequence[str]],
    *,
    people: int = PEOPLE,
    tune: Callable[[Document], Document] | None = None,
) -> tuple[LinkageSchema, list[str]]:
    """A schema of ``profile`` for owners with these column names, and warnings.

    What one owner cannot supply is left out. ``people``: the size of the largest file that it is
    for, 5,000 at least. Twice as many people need tokens of one bit more, so that no more strangers
    share one. ``tune`` gives a column of the profile the entropy of an owner's own values
    (``blindlink.owner.encoding.tuning``). Raises SchemaError
    where too little is left to tell people apart.
    """
    if people < LEAST_PEOPLE:
        raise SchemaError(
            f"a schema is for {LEAST_PEOPLE:,} people at least",
            hint="tokens for fewer would be so frequent that they give attributes away",
        )
    data = _for_people(profile_data(profile), people)
    usable = _usable(data["columns"], columns)
    if tune is not None:
        usable = [tune(column) for column in usable]
    plain = data.get("plain") and all(
        column["name"] in names for column in usable for names in columns
    )
    document = _plain(data, usable, columns) if plain else _extended(data, usable)
    return parse_schema(document), _warnings(columns)


@cache
def profile_data(name: str) -> Document:
    """The shipped file of a profile. Raises SchemaError for an unknown name."""
    if name not in PROFILES:
        raise SchemaError("unknown profile", hint=f"choose one of {', '.join(PROFILES)}")
    text = files("blindlink.schema.profiles").joinpath("data", f"{name}.json").read_text("utf-8")
    data: Document = json.loads(text)
    return data


def _for_people(data: Document, people: int) -> Document:
    """The profile with the limits of its tokens moved from PEOPLE to this many."""
    more = math.log2(people / PEOPLE)
    moved = {
        name: data[name]
        | {limit: data[name][limit] + more for limit in _LIMITS if limit in data[name]}
        for name in _RULES
        if name in data
    }
    return data | moved


def _usable(columns: list[Document], sources: Sequence[Sequence[str]]) -> list[Document]:
    """The columns that every source can supply, less those that a better one makes needless."""
    if not sources:
        raise SchemaError("no source of columns is given", hint="give --from for every owner")
    there = [column for column in columns if all(_supplies(names, column) for names in sources)]
    names = {column["name"] for column in there}
    return [column for column in there if column.get("unless") not in names]


def _supplies(names: Sequence[str], column: Document) -> bool:
    if "combine" in column:
        return set(column["from"]).issubset(names)
    return not set(column["from"]).isdisjoint(names)


def _warnings(columns: Sequence[Sequence[str]]) -> list[str]:
    counts = [sum(name not in STANDARD for name in names) for names in columns]
    return [
        f"source {number}: {count} columns are no standard names: ignored"
        for number, count in enumerate(counts, start=1)
        if count
    ]


def _extended(data: Document, columns: list[Document]) -> Document:
    encoded = [column for column in columns if not column.get("key_only")]
    joined = [
        token
        for name, rule in _RULES.items()
        if name in data
        for token in rule(encoded, data[name])
    ]
    single = features(encoded, data["features"]) if "features" in data else []
    if not joined and not single:
        raise _too_little(data)
    keys = [key for key in data["matchKeys"] if {c["name"] for c in columns}.issuperset(key)]
    used = {name for each in joined for name in each["fields"]} | {name for k in keys for name in k}
    used |= {each["identifier"] for each in single}
    return {
        "version": 3,
        "clkConfig": {"l": data["length"], "kdf": data["kdf"]},
        "features": single,
        "blindlink": {
            "version": 1,
            "profile": data["profile"],
            "description": data["description"],
            "columns": [
                {key: column[key] for key in _DECLARED if key in column}
                for column in columns
                if column["name"] in used
            ],
            "composites": joined,
            "hardening": data.get("hardening", []),
            "matchKeys": keys,
        },
    }


def _plain(data: Document, columns: list[Document], sources: Sequence[Sequence[str]]) -> Document:
    """Without the extension: what clkhash itself reads, in the order of the standard names."""
    ids = [name for name in _IDS if all(name in names for names in sources)]
    ignored: list[Document] = [{"identifier": name, "ignored": True} for name in ids]
    encoded = features(columns, data["features"])
    if not encoded:
        raise _too_little(data)
    return {
        "version": 3,
        "clkConfig": {"l": data["length"], "kdf": data["kdf"]},
        "features": ignored + encoded,
    }


def _too_little(data: Document) -> SchemaError:
    return SchemaError(
        f"profile {data['profile']}: the columns that all sources have tell too few people apart",
        hint="add a date of birth and a place, or names, to every source",
    )
