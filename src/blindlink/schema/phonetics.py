"""Normalisation steps that keep how a name sounds: one key for spellings that are said alike.

All look at the letters A to Z alone: normalise with ``name`` first. The keys are those of the
library jellyfish (extra ``owner``), and tests/unit/schema/test_normalise.py pins their results, so
that a new version of it cannot change a bit unseen.
"""

from collections.abc import Callable
from functools import cache
from typing import Literal

from pydantic import Field

from blindlink.errors import MissingExtraError
from blindlink.schema.models import Model


class Soundex(Model):
    """American Soundex: a letter and three digits for how a name sounds (Russell 1918)."""

    step: Literal["soundex"]

    def apply(self, value: str) -> str:
        letters = _letters(value)
        return _key(self.step)(letters) if letters else ""


class Phonetic(Model):
    """A phonetic key, of ``length`` characters at most.

    ``nysiis``: New York State Identification and Intelligence System (Taft 1970), keeps vowels and
    parts names better than Soundex. ``metaphone``: by the rules of English spelling (Philips 1990).
    ``match_rating``: the codex of the match rating approach (Moore, Kuhns, Trefftzs and Montgomery
    1977), first and last three consonants.
    """

    step: Literal["nysiis", "metaphone", "match_rating"]
    length: int = Field(default=10, ge=1, le=20)

    def apply(self, value: str) -> str:
        letters = _letters(value)
        return _key(self.step)(letters)[: self.length] if letters else ""


def _letters(value: str) -> str:
    return "".join(letter for letter in value.upper() if "A" <= letter <= "Z")


@cache
def _key(name: str) -> Callable[[str], str]:
    try:
        import jellyfish
    except ImportError:
        raise MissingExtraError(f"jellyfish, for the step {name},", "owner") from None
    keys: dict[str, Callable[[str], str]] = {
        "soundex": jellyfish.soundex,
        "nysiis": jellyfish.nysiis,
        "metaphone": jellyfish.metaphone,
        "match_rating": jellyfish.match_rating_codex,
    }
    return keys[name]
