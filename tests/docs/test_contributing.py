"""The map of the rooms and the glossary are those of the code."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from docs.pages import DOCS, pages

ROOT = Path(__file__).parents[2]
ROOMS = (DOCS / "contributing" / "rooms.md").read_text(encoding="utf-8")
GLOSSARY = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^(\S.*)\n:   ", GLOSSARY, re.MULTILINE)


def test_every_room_is_on_the_map() -> None:
    table = ROOMS.split("## The walk")[0]
    for path in (ROOT / "src" / "blindlink").iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"`{path.name}/`" in table, path.name
        elif path.suffix == ".py" and not path.name.startswith("__"):
            assert f"`{path.stem}`" in table, path.stem


def test_every_layer_of_the_contract_is_on_the_map_in_its_order() -> None:
    """The rows of the map stand as the layers do."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contract = text.split("layers = [\n")[1].split("]")[0]
    layers = re.findall(r'^  "([^"]+)",$', contract, re.MULTILINE)
    rows = [line for line in ROOMS.splitlines() if line.startswith("| ")]
    cells = "".join(row.split("|")[2] for row in rows)
    places = [
        min(re.search(rf"`{name}\b", cells).start() for name in layer.split(" | "))  # type: ignore[union-attr]
        for layer in layers
    ]
    assert places == sorted(places)
    assert len(places) >= 10


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(blindlink(?:\.\w+)+)`", ROOMS))))
def test_what_the_walk_names_is_there(name: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        assert hasattr(import_module(module), member)


def test_files_that_pages_name_are_there() -> None:
    for page in pages():
        if "contributing" in page.parts and page.name != "add-one-thing.md":
            for path in re.findall(r"`(src/[\w/.]+)`", page.read_text(encoding="utf-8")):
                assert (ROOT / path).exists(), (page.name, path)


def test_the_glossary_is_in_order_and_long_enough() -> None:
    assert len(TERMS) >= 30
    assert sorted(TERMS, key=str.lower) == TERMS


@pytest.mark.parametrize(
    "word", ["CLK", "Floor", "Candidate", "Head", "Control record", "Waiver", "Match, non-match"]
)
def test_the_glossary_has_the_words_that_readers_missed(word: str) -> None:
    assert word in TERMS


def test_every_page_is_in_the_navigation() -> None:
    """Zensical builds a page that nothing leads to without a word."""

    class Loader(yaml.SafeLoader):
        """Takes the tags of the configuration as they are."""

    Loader.add_multi_constructor("", lambda *_: None)
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    listed = set(re.findall(r"[\w/-]+\.md", str(config["nav"])))
    assert {str(page.relative_to(DOCS)) for page in pages()} == listed
