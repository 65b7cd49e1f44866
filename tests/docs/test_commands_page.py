"""The help texts in the documentation are those of the tool."""

from docs.commands_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run 'make commands-page'"
