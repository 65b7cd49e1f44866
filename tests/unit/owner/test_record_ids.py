"""Repeated identifiers over batches: all of them, and only them."""

import random

import numpy as np

from blindlink.owner.tables.record_ids import RecordIds


def test_repeats_over_batches_are_the_rows_after_the_first() -> None:
    rng = random.Random(1)
    texts = [str(rng.randint(0, 700)) for _ in range(1000)]
    ids = RecordIds()
    for start in range(0, 1000, 130):
        values, codes = np.unique(texts[start : start + 130], return_inverse=True)
        ids.add(values.tolist(), codes)
    expected = [row for row, text in enumerate(texts) if text in texts[:row]]
    assert ids.repeats().tolist() == expected
    assert ids.repeats().tolist() == expected


def test_no_rows_have_no_repeats() -> None:
    ids = RecordIds()
    assert ids.repeats().tolist() == []
    ids.add([], np.zeros(0, np.int64))
    assert ids.repeats().tolist() == []
