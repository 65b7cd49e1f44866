"""Who may be handed on: closed by default.

Only a value that is known to mean consent lets a person through. A refusal anywhere reaches every
row of the person in every file, whatever the spelling of the identifier. Nothing, a word of no
list, or a person of whom no consent is known at all is *unclear*: that ends the import, or leaves
the person out, as ``unclear`` says. ``not-asked`` says that the file has no such column because the
sharing rests on another ground; a file that has the column is then refused.

A row that its system has deleted stays where it is, too: only a value known to mean "live" lets it
through.
"""

from typing import Literal

import numpy as np
import pandas as pd

from blindlink import spellings
from blindlink.errors import InputError
from blindlink.mapping import codes as listed
from blindlink.owner.tables.findings import LEFT_OUT, Findings
from blindlink.owner.tables.layouts import Layout
from blindlink.owner.tables.raw_rows import PERSON, numbers, texts

Frames = dict[str, pd.DataFrame]
Unclear = Literal["stop", "leave-out", "not-asked"]
REFUSED, UNCLEAR, DELETED = "no consent to sharing", "consent unclear", "deleted in its system"


def consenting(frames: Frames, layout: Layout, unclear: Unclear, findings: Findings) -> Frames:
    """The rows of people who are known to consent. Raises InputError.

    The frames have the column ``PERSON``; cells are as they stand in the files.
    """
    rule = layout.consent
    if rule is None:
        return frames
    if rule.column not in frames[rule.file].columns:
        if unclear == "not-asked":
            return frames
        raise InputError(
            f"{rule.file}: column {rule.column} is missing, so nobody is known to consent",
            hint="give the column, or say --consent not-asked where the sharing rests on other "
            "ground than consent",
        )
    if unclear == "not-asked":
        raise InputError(
            f"{rule.file}: has the column {rule.column}: consent was asked",
            hint="leave --consent not-asked away",
        )
    known = listed(layout.codes[rule.codes].values)
    stated = frames[rule.file]
    person = stated[PERSON].map(spellings.folded)
    word = texts(stated, rule.column)
    yes = np.array([known(cell) == rule.yes for cell in word], dtype=bool)
    # A word for nothing is unclear, not a refusal; so is a word of no list.
    no = np.array([_refusal(known(cell), cell, rule.yes) for cell in word], dtype=bool)
    refused = set(person[no]) - {""}
    clear = set(person[yes]) - set(person[~yes])
    kept = {}
    doubt = 0
    for name, frame in frames.items():
        whose = frame[PERSON].map(spellings.folded)
        nobody = (whose == "").to_numpy()
        theirs = whose.isin(refused).to_numpy()
        unsure = ~whose.isin(clear).to_numpy() & ~theirs & ~nobody
        doubt += int(unsure.sum())
        findings.add(name, rule.column, REFUSED, theirs, LEFT_OUT, numbers(frame))
        findings.add(name, rule.column, UNCLEAR, unsure, LEFT_OUT, numbers(frame))
        kept[name] = frame[~theirs & ~unsure].reset_index(drop=True)
    if doubt and unclear == "stop":
        _stop(findings, rule.column, doubt)
    return kept


def _refusal(word: str | None, cell: str, yes: str) -> bool:
    return word is not None and word != yes and not spellings.nothing(cell)


def _stop(findings: Findings, column: str, doubt: int) -> None:
    places = [
        f"{each.file}: {each.rows:,} rows ({', '.join(map(str, each.first))}"
        f"{', ...' if each.rows > len(each.first) else ''})"
        for each in findings.found
        if each.field == column and each.problem == UNCLEAR and each.rows
    ]
    raise InputError(
        f"{doubt:,} rows are of people whose consent is empty, in no list, or not stated at all: "
        + "; ".join(places),
        hint="mend them, add your codes with --codes, or say --consent leave-out to leave these "
        "people out",
    )


def living(frames: Frames, layout: Layout, findings: Findings) -> Frames:
    """The rows that their system has not deleted. Raises InputError for a word of no list."""
    rule = layout.deleted
    if rule is None:
        return frames
    known = listed(layout.codes[rule.codes].values)
    kept = {}
    for name, frame in frames.items():
        if rule.column not in frame.columns:
            kept[name] = frame
            continue
        words = [known(cell) for cell in texts(frame, rule.column)]
        unknown = np.array([word is None for word in words], dtype=bool)
        if unknown.any():
            first = numbers(frame)[np.flatnonzero(unknown)[:5]]
            raise InputError(
                f"{name}: column {rule.column} says neither live nor deleted in "
                f"{int(unknown.sum()):,} rows: {', '.join(map(str, first))}",
                hint="give your words for it with --codes",
            )
        gone = np.array([word != rule.live for word in words], dtype=bool)
        findings.add(name, rule.column, DELETED, gone, LEFT_OUT, numbers(frame))
        kept[name] = frame[~gone].reset_index(drop=True)
    return kept
