"""The notebooks run, print what they show, and their pages are theirs."""

from pathlib import Path

import pytest

from docs import notebooks


@pytest.mark.parametrize("name", notebooks.names())
def test_the_page_shows_the_notebook(name: str) -> None:
    text, pictures = notebooks.page(name, notebooks.load(name))
    assert (notebooks.FOLDER / f"{name}.md").read_text() == text, "run 'make notebooks'"
    assert pictures, "a notebook has a picture"
    for file, data in pictures.items():
        assert (notebooks.FOLDER / file).read_bytes() == data


@pytest.mark.slow
@pytest.mark.parametrize("name", notebooks.names())
def test_the_notebook_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    kept = notebooks.load(name)
    fresh = notebooks.run(kept, tmp_path)
    for number, (before, after) in enumerate(
        zip(notebooks.printed(kept), notebooks.printed(fresh), strict=True), start=1
    ):
        assert after == before, f"cell {number}: run 'make notebooks'"


def test_there_are_three() -> None:
    assert len(notebooks.names()) >= 3
