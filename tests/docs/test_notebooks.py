"""The pages of the notebooks are theirs; 'make notebooks' runs them."""

import pytest

from docs import notebooks


@pytest.mark.parametrize("name", notebooks.names())
def test_the_page_shows_the_notebook(name: str) -> None:
    text, pictures = notebooks.page(name, notebooks.load(name))
    assert (notebooks.FOLDER / f"{name}.md").read_text() == text, "run 'make notebooks'"
    assert pictures, "a notebook has a picture"
    for file, data in pictures.items():
        assert (notebooks.FOLDER / file).read_bytes() == data


def test_there_are_three() -> None:
    assert len(notebooks.names()) >= 3
