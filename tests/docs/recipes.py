"""The recipes of docs/contributing/add-one-thing.md: what they change, and the commands they run.

A block with a title is a file: ``diff`` edits one that is there, anything else is the whole of a
new one. Hunks of an edit are found by their text, not by line numbers, and must stand there once.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from docs.pages import DOCS

PAGE = DOCS / "contributing" / "add-one-thing.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^\| \[([^\]]+)\]\(#[^)]+\) \| (\d+) \| (\d+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """``files``: (path, kind of block, text) in order; ``commands`` to run when all are there."""

    title: str
    files: tuple[tuple[str, str, str], ...]
    commands: tuple[str, ...]


def recipes() -> list[Recipe]:
    """Every section of the page that has commands."""
    made = []
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = _BLOCK.findall(section)
        commands = tuple(
            line[2:]
            for kind, _, text in blocks
            if kind == "console"
            for line in text.replace("\\\n", " ").splitlines()
            if line.startswith("$ ")
        )
        files = tuple((title, kind, text) for kind, title, text in blocks if title)
        if commands:
            made.append(Recipe(section.partition("\n")[0], files, commands))
    return made


def promised() -> dict[str, tuple[int, int]]:
    """What the table at the head of the page says: source files and other files."""
    text = PAGE.read_text(encoding="utf-8")
    return {name.lower(): (int(source), int(others)) for name, source, others in _ROW.findall(text)}


def apply(recipe: Recipe, root: Path) -> None:
    """Make the changes. Raises AssertionError where a place to change is not there, or twice."""
    for path, kind, text in recipe.files:
        file = root / path
        if kind != "diff":
            assert not file.exists(), f"{path} is there already"
            file.write_text(text, encoding="utf-8")
            continue
        content = file.read_text(encoding="utf-8")
        for hunk in re.split(r"^@@.*\n", text, flags=re.MULTILINE):
            before, after = _sides(hunk)
            assert content.count(before) == 1, f"{path}: not once:\n{before}"
            content = content.replace(before, after)
        file.write_text(content, encoding="utf-8")


def _sides(hunk: str) -> tuple[str, str]:
    before, after = [], []
    for line in hunk.splitlines():
        sign, rest = line[:1], line[1:]
        if sign != "+":
            before.append(rest)
        if sign != "-":
            after.append(rest)
    return "\n".join(before) + "\n", "\n".join(after) + "\n"
