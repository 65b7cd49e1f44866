"""Fast ways give what the plain ones give: n-grams of many values, HMAC of many messages."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from blindlink.owner.encoding.tokens import keyed
from blindlink.schema.comparators import Ngram
from blindlink.schema.grams import ngrams

# Any text that Arrow can hold: no lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(TEXTS, max_size=12), st.integers(1, 20), st.booleans())
def test_ngrams_of_many_values_are_those_of_each(
    values: list[str], n: int, positional: bool
) -> None:
    comparison = Ngram(type="ngram", n=n, positional=positional)
    cut = ngrams(comparison.n, comparison.positional, values)
    found = [cut.distinct[code] for code in cut.codes.tolist()]
    each = [comparison.tokens(value) for value in values]
    assert cut.counts.tolist() == [len(tokens) for tokens in each]
    assert found == [token for tokens in each for token in tokens]
    assert len(set(cut.distinct)) == len(cut.distinct)


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["sha1", "md5", "sha256"]))
def test_keyed_is_hmac(key: bytes, message: bytes, algorithm: str) -> None:
    assert keyed(key, algorithm)(message) == hmac.digest(key, message, algorithm)
    assert hashlib.new(algorithm).digest_size == len(keyed(key, algorithm)(b""))
