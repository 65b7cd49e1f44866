"""Only a study's own code speaks of that study; no room is crowded; no name is there twice."""

import re
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "blindlink"
WORDS = re.compile(r"\b(ATRs?|DRRs?|probation\w*|treatment\w*|nDelius|NDTMS)\b", re.IGNORECASE)
# Rooms that serve any study. Studies, the synthetic one, the demo's commands and the rules of the
# source systems (owner/tables) are what may speak of this one.
ANY_STUDY = ("analyst", "owner", "linker", "schema", "keys", "messages", "service", "client")
SYSTEMS = "owner/tables/"
EXAMPLE = "messages/agreement/template.toml"  # the example of an agreement is of the shipped study
CROWD = 20
# More crowded than that, and not to grow: 22 attacks and checks are 22 plug-ins.
CROWDED = {"owner/risk/measures": 22}
# Names that say enough where they are: files of a room, the page or the plan of a thing.
ORDINARY = {"__init__", "files", "page", "plan", "progress", "report"}
# Not the service, a study: API and console, tables and charts have a module for the same thing.
ONE_NAME = ("analyst", "owner", "linker", "schema", "messages", "client")
KNOWN = {"owner": {"tokens"}, "linker": {"link"}}


def sources(room: str) -> list[Path]:
    kinds = {".py", ".j2", ".css", ".js", ".toml", ".json"}
    return [path for path in sorted((SOURCE / room).rglob("*")) if path.suffix in kinds]


@pytest.mark.parametrize("room", ANY_STUDY)
def test_no_room_but_a_studys_speaks_of_it(room: str) -> None:
    found = []
    for path in sources(room):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(SYSTEMS) or name == EXAMPLE:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if WORDS.search(line):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


def test_the_words_are_seen_where_they_are() -> None:
    text = " ".join(path.read_text(encoding="utf-8") for path in sources("synthetic"))
    assert {"probation", "treatment", "atr", "ndtms"} <= {
        each.lower() for each in WORDS.findall(text)
    }


def test_no_room_has_more_than_twenty_modules() -> None:
    crowded = {}
    for room in {path.parent for path in SOURCE.rglob("*.py")}:
        name = room.relative_to(SOURCE).as_posix()
        modules = len(list(room.glob("*.py"))) - 1
        if modules > CROWDED.get(name, CROWD):
            crowded[name] = modules
    assert crowded == {}


def test_no_two_modules_of_a_room_have_one_name() -> None:
    for room in ONE_NAME:
        names = Counter(path.stem for path in (SOURCE / room).rglob("*.py"))
        twice = {name for name, times in names.items() if times > 1}
        assert twice - ORDINARY - KNOWN.get(room, set()) == set(), room
