"""Whatever can be named in a schema or a plan has a heading in the docs, and a proof.

Comparisons, hardenings, steps and profiles have a golden vector; noise, which no vector can hold,
a measured rate; engines give the pairs of the definition. That each goes through the whole protocol
is shown by ``unit/test_plug_ins``.
"""

from fractions import Fraction

import numpy as np
import pytest

from blindlink.arrays import Bytes
from blindlink.linker.join import engines
from blindlink.schema.profiles.making import PROFILES
from docs import plug_ins_page
from needs import asking

KINDS = [(kind, name) for kind in plug_ins_page.UNIONS for name in plug_ins_page.listed(kind)]
# What is random by design: where its rate is measured instead of its bits.
NOISY = {"blip": "tests/unit/schema/test_hardening.py"}


def test_the_page_describes_everything_that_is_listed() -> None:
    assert plug_ins_page.PAGE.read_text(encoding="utf-8") == plug_ins_page.page(), (
        "run 'make plug-ins-page'"
    )


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_it_has_a_heading_and_says_what_it_does(kind: str, name: str) -> None:
    page = plug_ins_page.PAGE.read_text(encoding="utf-8")
    assert f"\n### `{name}`\n" in page
    told = plug_ins_page.listed(kind)[name].__doc__
    assert told
    assert not told.startswith("Usage docs")  # the library's own, where ours is missing


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_it_has_a_golden_vector_or_a_measured_rate(kind: str, name: str) -> None:
    if name in NOISY:
        assert name in (plug_ins_page.ROOT / NOISY[name]).read_text(encoding="utf-8")
        assert plug_ins_page.listed(kind)[name].noisy
    else:
        assert plug_ins_page.vectors(kind, name) != []


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_a_heading_and_a_golden_vector(name: str) -> None:
    assert f"\n### `{name}` (profile)\n" in plug_ins_page.PAGE.read_text(encoding="utf-8")
    assert plug_ins_page.vectors("profile", name) != []


def defined(left: Bytes, right: Bytes, threshold: Fraction) -> list[tuple[int, int, Fraction]]:
    """Dice by definition, in exact fractions: 2 |a and b| / (|a| + |b|)."""
    found = []
    for i, a in enumerate(np.unpackbits(left, axis=1).astype(int)):
        for j, b in enumerate(np.unpackbits(right, axis=1).astype(int)):
            total = int(a.sum() + b.sum())
            score = Fraction(2 * int(a @ b), total) if total else Fraction(0)
            if score >= threshold and score > 0:
                found.append((i, j, score))
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


@pytest.mark.parametrize("name", asking(engines.names()))
def test_an_engine_has_a_heading_and_gives_the_pairs_of_the_definition(name: str) -> None:
    assert f"\n### `{name}` (engine)\n" in plug_ins_page.PAGE.read_text(encoding="utf-8")
    rng = np.random.default_rng(23)
    left, right = (np.packbits(rng.random((rows, 64)) < 0.4, axis=1) for rows in (13, 17))
    right[:5] = left[:5]
    expected = defined(left, right, Fraction(43, 100))
    assert len(expected) > 20
    found = engines.load(name).pairs(left, right, 0.43)
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert sorted(pairs) == sorted((i, j) for i, j, _ in expected)
    assert found.score.tolist() == [float(score) for _, _, score in expected]
