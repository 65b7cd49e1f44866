"""A small synthetic study that several tests share: made once in a test session."""

from functools import cache

import pandas as pd

from blindlink.synthetic.generator.generate import Study, generate
from blindlink.synthetic.generator.parameters import scaled

PEOPLE, SEED = 3_000, 7


@cache
def small_study() -> Study:
    return generate(scaled(PEOPLE), seed=SEED)


def frame(name: str) -> pd.DataFrame:
    """A table of the small study as pandas."""
    return small_study().tables[name].to_pandas()


def usable_events() -> pd.DataFrame:
    """Probation's events without the rows that a cleansing takes out."""
    events, truth = frame("moj/events"), frame("truth/engagement")
    mine = events[events["requirement_id"].isin(truth["requirement_id"])]
    return mine.drop_duplicates("requirement_id", ignore_index=True)
