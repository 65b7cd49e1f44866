"""What is wrong with a document is said in our words, and never shows what stands there."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blindlink.validation import first


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    days: int = Field(ge=1, le=10, default=1)
    kind: str = Field(pattern="^[a-z]+$", default="a")


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: str
    part: Part | None = None
    parts: dict[str, Part] = {}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "title: is missing"),
        ({"title": 7}, "title: must be text"),
        ({"title": "", "obs": 1}, "obs: is not known here; known: title, part, parts"),
        ({"title": "", "part": {"obs": 1}}, "part.obs: is not known here; known: days, kind"),
        ({"title": "", "part": {"days": "secret"}}, "part.days: must be a whole number"),
        ({"title": "", "part": {"days": 0}}, "part.days: must be at least 1"),
        ({"title": "", "part": {"days": 11}}, "part.days: must be at most 10"),
        ({"title": "", "part": {"kind": "SECRET"}}, "part.kind: must be of the form ^[a-z]+$"),
        ({"title": "", "part": 3}, "part: must be a table of named values"),
        (
            {"title": "", "parts": {"a": {"obs": 1}}},
            "parts.a.obs: is not known here; known: days, kind",
        ),
        ([], "document: must be a table of named values"),
    ],
)
def test_words(document: object, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(document)
    found = first(caught.value, Whole)
    assert found == said
    assert "secret" not in found.lower()


def test_signs_that_deceive_a_terminal_are_not_printed() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"title": "", "\x1b[2J": 1})
    assert "\x1b" not in first(caught.value)
