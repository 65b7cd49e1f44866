"""A small synthetic study that several tests share: made once in a test session."""

from functools import cache

import pandas as pd

from blindlink.study.generate import Study, generate
from blindlink.study.parameters import scaled

PEOPLE, SEED = 3_000, 7


@cache
def small_study() -> Study:
    return generate(scaled(PEOPLE), seed=SEED)


def frame(name: str) -> pd.DataFrame:
    """A table of the small study as pandas."""
    return small_study().tables[name].to_pandas()
