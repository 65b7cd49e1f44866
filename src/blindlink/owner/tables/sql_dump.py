"""INSERT statements of a database dump as tables of text.

    Insert into OFFENDER (OFFENDER_ID,FIRST_NAME) values (1,to_date('16-SEP-19','DD-MON-RR'));

is the form in which SQL Developer, SQL*Plus and most other tools write tables out. A function call
stands for its first argument (a date as text), ``null`` for nothing, a list in brackets for its
words. Other statements are passed over.
"""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from blindlink.errors import InputError
from blindlink.files import read_bytes

LIMIT: Final = 1 << 31
_INSERT = re.compile(
    r"insert\s+into\s+(?:[\w$]+\.)?\"?([\w$]+)\"?\s*\(([^)]*)\)\s*values\s*", re.IGNORECASE
)
_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([(),;])|([^\s'(),;]+))")


def read_dump(path: Path) -> dict[str, pd.DataFrame]:
    """The tables of a dump by name in lower case, every cell text. Raises InputError by line."""
    try:
        text = read_bytes(path, limit=LIMIT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text", hint="save it again as UTF-8") from None
    rows: dict[str, list[dict[str, str]]] = {}
    place = 0
    while found := _INSERT.search(text, place):
        names = [name.strip().strip('"').upper() for name in found[2].split(",")]
        place = found.end()
        while True:  # one statement may hold many rows: values (...), (...)
            values, place = _row(text, place, path)
            if len(values) != len(names):
                raise _wrong(text, found.start(), path, "has another number of values than columns")
            rows.setdefault(found[1].lower(), []).append(dict(zip(names, values, strict=True)))
            more = _TOKEN.match(text, place)
            if not more or more[2] != ",":
                break
            place = more.end()
    if not rows:
        raise InputError(f"{path}: holds no INSERT statement", hint="give tables as CSV instead")
    return {name: pd.DataFrame(each, dtype=object).fillna("") for name, each in rows.items()}


def _row(text: str, start: int, path: Path) -> tuple[list[str], int]:
    """The values of one bracketed list that begins at ``start``, and where it ends."""
    values: list[str] = []
    value: str | None = None  # of the value being read: the first word counts
    depth, place = 0, start
    while token := _TOKEN.match(text, place):
        place = token.end()
        quoted, mark, word = token.groups()
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
            if depth == 0:
                return [*values, value or ""], place
        elif mark == "," and depth == 1:
            values, value = [*values, value or ""], None
        elif mark == ";":
            break
        elif mark is None and value is None:
            value = _value(quoted, word, text, place)
    raise _wrong(text, start, path, "is not an INSERT statement")


def _value(quoted: str | None, word: str | None, text: str, place: int) -> str | None:
    if quoted is not None:
        return quoted.replace("''", "'")
    if word and word.lower() == "null":
        return ""
    # A name before a bracket is a function: its first argument is the value.
    return None if text[place : place + 1] == "(" else word


def _wrong(text: str, at: int, path: Path, what: str) -> InputError:
    return InputError(f"{path}: line {text.count(chr(10), 0, at) + 1} {what}")
