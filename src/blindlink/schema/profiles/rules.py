"""The rules that turn the columns of a profile into tokens: by entropy, never by trying.

A column has ``bits``: the collision entropy -log2(sum p^2) of its values, since what links
strangers is how often two of them agree, not how surprising a value is. Columns of one ``group``
are the same identifier at several levels (outward code, authority, region; surname, its initial).
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
_EMPTY = {"missingValue": {"sentinel": ""}}


def composites(columns: list[Document], rule: Document) -> list[Document]:
    """Composite tokens: every choice of at most one column of each group that is rare enough.

    A token has from ``minimum`` to ``maximum`` bits together: below, too many strangers share it;
    above, it only repeats what its parts say. It leaves out at most ``leaveOut`` groups, and at
    most ``coarse`` of its columns are stand-ins for a finer one. Its bits are ``bitsPerToken``
    times the weights of what it uses and of the groups that it goes without: a group that often
    differs between records of one person weighs more where it is absent, so that the share of
    common bits falls with the evidence (docs/reference/encoding.md).
    """
    found = []
    for chosen, weight in _choices(columns, rule):
        fields = [column["name"] for column in chosen]
        bits = math.fsum(column["bits"] for column in chosen)
        if rule["minimum"] <= bits <= rule["maximum"]:
            found.append({"fields": fields, "bitsPerToken": rule["bitsPerToken"] * weight})
    return found


def least(columns: list[Document], rule: Document) -> list[Document]:
    """Composite tokens with nothing to spare: less its least column each is below ``minimum``.

    A token with more in it agrees only where the smaller one agrees as well. What two records with
    many errors still have in common is counted by the smallest tokens. Each sets ``bitsPerToken``.
    """
    everything = rule | {"maximum": math.inf, "groups": {}}
    found = []
    for chosen, _ in _choices(named(columns, rule), everything):
        bits = [column["bits"] for column in chosen]
        if rule["minimum"] <= math.fsum(bits) < rule["minimum"] + min(bits, default=0):
            found.append(token(chosen, rule["bitsPerToken"]))
    return found


def accidental_neighbours(composites: list[Document], bits: dict[str, float], people: int) -> float:
    """How many other people share a token with a record by chance, expected, at most.

    ``bits`` is the collision entropy of each column. The sum over tokens of (people - 1) 2^-bits
    counts a person once for each shared token, and takes the columns for independent.
    """
    shared = math.fsum(2.0 ** -math.fsum(bits[f] for f in each["fields"]) for each in composites)
    return (people - 1) * shared


def features(columns: list[Document], rule: Document) -> list[Document]:
    """One feature for each column, with bits in proportion to its discriminating power.

    That is the weight of agreement less that of disagreement (Fellegi and Sunter 1969): log2 of
    (1 - d) / u over d / (1 - u), where ``differs`` d is how often records of one person differ and
    u = 2^-bits. A finer column of the same group counts by what it adds to the coarser one. All
    together set ``bits`` bits, or each sets ``bitsPerWeight`` for one unit of power.
    """
    weights = {}
    for name in dict.fromkeys(column["group"] for column in columns):
        bits, differs = 0.0, 0.0
        levels = [column for column in columns if column["group"] == name]
        for column in sorted(levels, key=lambda column: float(column["bits"])):
            added = max(column["bits"] - bits, 0.5)
            apart = max((column["differs"] - differs) / (1 - differs), 0.01)
            weights[column["name"]] = _power(added, apart)
            bits, differs = column["bits"], column["differs"]
    whole = math.fsum(weights.values())
    unit = rule["bits"] / whole if "bits" in rule else rule["bitsPerWeight"]
    return [_feature(c, round(unit * weights[c["name"]])) for c in columns]


def _power(bits: float, differs: float) -> float:
    agree = 2.0**-bits
    return math.log2((1 - differs) / agree) - math.log2(differs / (1 - agree))


def _choices(columns: list[Document], rule: Document) -> Iterator[tuple[list[Document], int]]:
    """Every allowed choice of columns and its weight."""
    names = list(dict.fromkeys(column["group"] for column in columns))
    groups = [[None, *(c for c in columns if c["group"] == name)] for name in names]
    without = [rule["groups"].get(name, {}).get("without", 1) for name in names]
    full = {c["group"] for c in columns if not c.get("coarse")}
    for choice in itertools.product(*groups):
        chosen = [column for column in choice if column]
        coarse = sum(bool(c.get("coarse")) and c["group"] in full for c in chosen)
        if len(groups) - len(chosen) > rule["leaveOut"] or coarse > rule["coarse"]:
            continue
        weights = [
            column.get("weight", 1) if column else absent
            for column, absent in zip(choice, without, strict=True)
        ]
        yield chosen, math.prod(weights)


def named(columns: list[Document], rule: Document) -> list[Document]:
    """The columns that a rule is about."""
    return [column for column in columns if column["name"] in rule["columns"]]


def token(chosen: list[Document], bits: int) -> Document:
    """The composite of these columns; what is cut into words stands first."""
    fields = sorted(chosen, key=lambda column: "comparison" not in column)
    found: Document = {"fields": [column["name"] for column in fields], "bitsPerToken": bits}
    if "comparison" in fields[0]:
        found["comparison"] = fields[0]["comparison"]
    return found


def _feature(column: Document, bits: int) -> Document:
    return {
        "identifier": column["name"],
        "format": column.get("format", {"type": "string"}),
        "hashing": {
            "comparison": column["comparison"],
            "strategy": {"bitsPerFeature": max(1, bits)},
            **_EMPTY,
        },
    }
