"""Whether two names of organisations look alike to people, whatever their code points are.

After the skeletons of Unicode Technical Standard 39, for what a name on a page shows: letters and
digits, without case, marks, punctuation and signs that are not seen. Letters of the Cyrillic and
Greek alphabets that look like Latin ones are these; a name that mixes alphabets is refused.
"""

import unicodedata

ALPHABETS = frozenset(("LATIN", "CYRILLIC", "GREEK"))
UNSEEN = frozenset("\u115f\u1160\u3164\uffa0")  # fillers, which Unicode calls letters
# Cyrillic and Greek small letters, and digits, by the Latin letter that they look like.
LIKE = str.maketrans(
    {
        **dict(zip("авгеёзиіїјкмнопрѕстухһԁԛԝ", "abreesuiijkmhonpsctyxhdqw", strict=True)),
        **dict(zip("αβγεηικμνοπρτυχω", "abyenikuvonptuxw", strict=True)),
        **dict(zip("015", "ols", strict=True)),
    }
)
# Capitals look like another letter than their small ones do.
CAPITALS = str.maketrans(dict(zip("ВΗΝΜΥΖΡ", "bhnmyzp", strict=True)))


def looks(name: str) -> str:
    """What people read: two names with one value are taken for each other."""
    plain = unicodedata.normalize("NFKD", name.translate(CAPITALS)).translate(CAPITALS).casefold()
    kept = (sign for sign in plain if sign.isalnum() and sign not in UNSEEN)
    return "".join(kept).translate(LIKE).replace("i", "l")


def alphabets(name: str) -> set[str]:
    """Which of the alphabets that share shapes a name has letters of."""
    letters = (sign for sign in unicodedata.normalize("NFKC", name) if sign.isalpha())
    return {unicodedata.name(sign, "?").split()[0] for sign in letters} & ALPHABETS
